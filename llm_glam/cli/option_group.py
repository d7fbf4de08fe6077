"""Options that belong together, as one argument of a command."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def collected(kind: type[Any], name: str, *options: Decorator) -> Decorator:
    """Give a command options, which it gets as one object.

    :param kind: a dataclass whose fields have the options' names
    :param name: of the command's argument for it
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def given(**values: Any) -> Any:
            own = {field.name: values.pop(field.name) for field in fields(kind)}
            return command(**{name: kind(**own)}, **values)

        made: Callable[..., Any] = given
        for option in reversed(options):
            made = option(made)
        return made

    return decorate
