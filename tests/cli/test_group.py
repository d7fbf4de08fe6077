"""``llm glam --help``: every command under a heading."""

import subprocess
import sys

from llm_glam.cli import COMMANDS, glam

from ..test_structure import HEAVY

HEADINGS = {
    "Collections": ["embed", "adopt", "reembed", "status"],
    "Records": ["records", "mark"],
    "Search": ["search", "compare"],
    "Checkpoints": ["models", "train", "evaluate"],
    "Publish": ["export"],
    "Site": ["serve"],
    "Try it": ["demo"],
}


def test_the_commands_are_listed_under_headings(llm):
    shown = llm("glam", "--help").stdout
    listed, heading = {}, None
    for line in shown.splitlines():
        if line and not line.startswith(" "):
            heading = line.removesuffix(":")
        elif heading in HEADINGS and line:
            name, text = line.split(maxsplit=1)
            assert text == glam.get_command(None, name).get_short_help_str(200)
            listed.setdefault(heading, []).append(name)
    assert listed == HEADINGS
    assert list(listed) == list(HEADINGS)
    assert [name for names in HEADINGS.values() for name in names] == list(COMMANDS)
    assert "Commands:" not in shown


def test_the_descriptions_start_in_one_column_and_are_not_cut(llm):
    lines = llm("glam", "--help", env={"COLUMNS": "80"}).stdout.splitlines()
    listed = [
        line for line in lines if line.split()[:1] and line.split()[0] in COMMANDS
    ]
    assert len(listed) == len(COMMANDS)
    assert {len(line) - len(line[11:].lstrip()) for line in listed} == {12}
    assert not [line for line in listed if line.endswith("...")]


def test_the_help_imports_nothing_heavy():
    heavy = [name for name in HEAVY if name != "PIL"]  # the commands import it
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom llm_glam.cli import glam\n"
        "assert 'Collections:' in CliRunner().invoke(glam, ['--help']).output\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
