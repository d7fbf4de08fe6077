"""What options refuse, whichever command has them."""

import click
import pytest

from .test_docs import COMMANDS

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
