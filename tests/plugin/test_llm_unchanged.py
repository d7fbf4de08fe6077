"""LLM's behaviour for models and collections that are not ours: the same with and without us."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Each line is an invocation; they run one after the other on the same database.
INVOCATIONS = """
embed -m demo -c hello
embed -m demo -c hello -f hex
embed -m demo -i file.txt
embed -m demo -i picture.png
embed -m demo -i picture.png --binary
embed docs
embed docs one -c hello -m demo
embed docs two -i file.txt
embed docs two -c again -f json
embed docs three -c x -m no-such-model
embed other one -c x -m no-such-model
embed -m no-such-model -c hello
embed -m demo
embed-multi
embed-multi docs
embed-multi docs texts.csv -m demo --store
embed-multi docs texts.csv -m 3-small
embed-multi docs --files folder *.txt --store
embed-multi docs --files folder *.txt --binary
embed-multi docs --files folder a.txt b.txt
embed-multi docs --files nowhere *.txt
embed-multi docs --files folder *.txt --format json
embed-multi docs --binary
embed-multi docs broken.json --format json
embed-multi new texts.csv
embed-multi new texts.csv -m no-such-model
embed-multi new --sql x -m demo
embed-multi docs --sql select+1+as+id,+'two'+as+text
similar docs -c hello
similar docs -c hello -n 1 --plain
similar docs one
similar docs one --prefix t
similar docs nobody
similar docs
similar nowhere -c hello
similar docs -i file.txt
similar docs -c hello -d missing.db
collections list
collections list --json
collections delete nowhere
collections delete docs
similar docs -c hello
embed-models default
embed-models default demo
embed-multi viadefault texts.csv
"""

SCRIPT = """
import json, llm, sys, time
from click.testing import CliRunner

time.time = lambda: 1_700_000_000.0

class Demo(llm.EmbeddingModel):
    model_id, batch_size, supports_binary = "demo", 10, True

    def embed_batch(self, items):
        for item in items:
            words = [len(word) for word in item.split()][:8]
            yield [float(n) for n in words + [1] * (8 - len(words))]

class Plugin:
    __name__ = "DemoPlugin"

    @llm.hookimpl
    def register_embedding_models(self, register):
        register(Demo())

from llm.plugins import pm
pm.register(Plugin(), name="demo")
from llm.cli import cli

assert ("glam" in cli.commands) == (sys.argv[1] == "with"), sorted(cli.commands)
for line in sys.stdin:
    args = [part.replace("+", " ") for part in line.split()]
    if args:
        result = CliRunner().invoke(cli, args)
        print(json.dumps([line, result.exit_code, result.stdout, result.stderr,
                          repr(result.exception)]))
"""


def outcomes(folder: Path, plugins: str, word: str) -> list:
    folder.mkdir()
    (folder / "folder").mkdir()
    for name in ("a", "b"):
        (folder / "folder" / f"{name}.txt").write_text(f"some text of {name}")
    (folder / "file.txt").write_text("the content of a file")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    (folder / "texts.csv").write_text("id,text\nt1,a tale\nt2,two cities\n")
    (folder / "broken.json").write_text("[{")
    env = {**os.environ, "LLM_LOAD_PLUGINS": plugins, "LLM_USER_PATH": "user"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, word],
        **{"cwd": folder, "env": env, "input": INVOCATIONS},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_the_same_output_and_exit_codes(tmp_path):
    without = outcomes(tmp_path / "without", "", "without")
    with_us = outcomes(tmp_path / "with", "llm-glam", "with")
    assert len(without) == len(INVOCATIONS.split("\n")) - 2
    for ours, theirs in zip(with_us, without, strict=True):
        assert ours == theirs
    exit_codes = {code for _, code, *_ in without}
    assert exit_codes == {0, 1, 2}
    assert (tmp_path / "with" / "user" / "embeddings.db").exists()
