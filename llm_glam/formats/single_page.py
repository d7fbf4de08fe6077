"""Read the templates of HTML pages of one file, in which everything from outside is escaped."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template


@cache
def template(path: Path, **tests: Callable[[object], bool]) -> Template:
    """Return the template in a file; ``tests`` are what it can ask by ``is``."""
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests |= tests
    return environment.get_template(path.name)
