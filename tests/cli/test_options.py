"""What options refuse, whichever command has them."""

import click
import pytest

from ..docs.test_docs import COMMANDS

FLOATS = [
    (name, parameter.opts[0])
    for name, command in COMMANDS.items()
    for parameter in command.params
    if isinstance(parameter.type, click.types.FloatParamType)
]


def test_the_options_that_take_fractions_are_found():
    found = {option for _, option in FLOATS}
    assert {"--held-out", "--learning-rate", "--max-minutes", "--min-score"} <= found


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-inf", "Infinity", "1e999"])
@pytest.mark.parametrize(("name", "option"), FLOATS)
def test_no_option_takes_what_is_not_finite(llm, name, option, value):
    message = llm.fails(*name.split()[1:], f"{option}={value}", exit_code=2)
    assert message == (
        f"Invalid value for '{option}': '{value}' is not a finite number."
    )


SENTENCES = ["", "a photograph", "{x}", "{", "}", "{ }", "{0}"]
PROMPTED = [
    ("glam", "evaluate"),
    ("glam", "search"),
    ("glam", "compare"),
    ("glam", "train"),
]


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("command", PROMPTED)
def test_no_prompt_leaves_out_what_is_asked_for(llm, command, sentence):
    message = llm.fails(*command, "--prompt", sentence, exit_code=2)
    assert message == (
        f"Invalid value for '--prompt': '{sentence}' has no {{}} placeholder for the text; "
        'add one, as in "a photograph of {}".'
    )


def test_braces_beside_the_place_are_braces(embedded, colours):
    asked = []
    real = colours.encode_texts
    colours.encode_texts = lambda texts: asked.extend(texts) or real(texts)

    embedded("glam", "search", "photos", "red", "--prompt", "{x} { {}")

    assert asked == ["{x} { red"]
