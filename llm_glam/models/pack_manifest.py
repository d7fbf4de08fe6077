"""``glam.json``: what ``llm glam models pack`` records about a checkpoint, and checks on it."""

import json
from pathlib import Path
from typing import Any

from ..checkpoints.layout import MANIFEST
from ..errors import BadCheckpoint, CheckpointChanged


def read(directory: Path) -> dict[str, Any]:
    """Return the recorded facts about a checkpoint, empty if there are none.

    :raises BadCheckpoint: the file is damaged
    """
    path = directory / MANIFEST
    try:
        recorded = json.loads(path.read_text("utf-8"))
        if not isinstance(recorded["fingerprint"], str):
            raise TypeError("fingerprint")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise BadCheckpoint(
            f"{path} is damaged. Get the checkpoint again, or delete this file if you are sure "
            "that the others are intact."
        ) from error
    return recorded


def check(directory: Path, fingerprint: str, given: Path) -> None:
    """Refuse a checkpoint that is not the one that was packed.

    :param given: the folder or archive it came in, for error messages
    :raises CheckpointChanged: says what to do
    :raises BadCheckpoint: the file is damaged
    """
    recorded = read(directory).get("fingerprint", fingerprint)
    if recorded != fingerprint:
        raise CheckpointChanged(
            f"{given} is not what was packed: its glam.json gives the fingerprint {recorded}, but its "
            f"files have {fingerprint}. Get it again from whoever packed it, or delete glam.json "
            "if you changed the checkpoint yourself."
        )


def text(name: str, fingerprint: str, base: str | None, version: str) -> bytes:
    """Return the content of ``glam.json``.

    :param base: the registered name of the checkpoint it was fine-tuned from
    :param version: of llm-glam
    """
    recorded = {
        "name": name,
        "fingerprint": fingerprint,
        "base": base,
        "llm_glam": version,
    }
    known = {key: value for key, value in recorded.items() if value}
    return (json.dumps(known, indent=2) + "\n").encode()
