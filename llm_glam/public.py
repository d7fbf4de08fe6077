"""Public names of packages, imported when they are first used (PEP 562)."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any


def load(package: str, homes: Mapping[str, str], name: str) -> Any:
    """Return a public name of a package from the module that has it.

    :param homes: for each name the module within the package, with ``:`` and its name there if
        that is another
    :raises AttributeError: the package has no such name
    """
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    module, _, inner = homes[name].partition(":")
    return getattr(import_module(f"{package}.{module}"), inner or name)
