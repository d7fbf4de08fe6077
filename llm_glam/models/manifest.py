"""``glam.json``: what ``llm glam models pack`` says of what it packed, and whether it is true."""

import json
from pathlib import Path
from typing import Any

from ..checkpoints.layout import MANIFEST
from ..errors import BadCheckpoint, CheckpointChanged


def read(directory: Path) -> dict[str, Any]:
    """What is said of a checkpoint, empty where nothing is.

    :raises BadCheckpoint: the file is damaged
    """
    path = directory / MANIFEST
    try:
        said = json.loads(path.read_text("utf-8"))
        if not isinstance(said["fingerprint"], str):
            raise TypeError("fingerprint")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise BadCheckpoint(
            f"{path} is damaged. Get the checkpoint again, or delete this file if you are sure "
            "that the others are intact."
        ) from error
    return said


def check(directory: Path, fingerprint: str, given: Path) -> None:
    """Refuse a checkpoint that is not the one that was packed.

    :param given: the folder or archive it came in, to name it
    :raises CheckpointChanged: says what to do
    :raises BadCheckpoint: the file is damaged
    """
    said = read(directory).get("fingerprint", fingerprint)
    if said != fingerprint:
        raise CheckpointChanged(
            f"{given} is not what was packed: its glam.json gives the fingerprint {said}, but its "
            f"files have {fingerprint}. Get it again from whoever packed it, or delete glam.json "
            "if you changed the checkpoint yourself."
        )


def text(name: str, fingerprint: str, base: str | None, version: str) -> bytes:
    """The content of ``glam.json``.

    :param base: the registered name of the checkpoint it was fine-tuned from
    :param version: of llm-glam
    """
    said = {"name": name, "fingerprint": fingerprint, "base": base, "llm_glam": version}
    known = {key: value for key, value in said.items() if value}
    return (json.dumps(known, indent=2) + "\n").encode()
