"""Repair command lines in which a shell has replaced ``*.jpg`` with the names that match it."""

from pathlib import Path

from ..errors import BadFolder


def repaired(args: list[str]) -> list[str] | None:
    """Return a command line with a separate ``--files FOLDER NAME`` for each of the names.

    :return: None if no pattern was expanded
    :raises BadFolder: the names are not in the folder given, but in another one
    """
    if "--files" not in args:
        return None
    start = args.index("--files")
    folder, names = args[start + 1 : start + 2], _names(args[start + 2 :])
    if (
        not folder
        or len(names) < 2
        or not all(Path(name).exists() for name in names[1:])
    ):
        return None
    missing = [name for name in names if not (Path(folder[0]) / name).is_file()]
    if missing:
        raise BadFolder(
            f"Your shell has replaced the pattern by {len(names):,} names from this folder "
            f"({names[0]}, {names[1]}, …), which are not in {folder[0]}. "
            "Put the pattern in quotes: '*.jpg', or use: llm glam embed COLLECTION FOLDER"
        )
    pairs = [part for name in names for part in ("--files", folder[0], name)]
    return args[:start] + pairs + args[start + 2 + len(names) :]


def _names(args: list[str]) -> list[str]:
    names = []
    for arg in args:
        if arg.startswith("-"):
            break
        names.append(arg)
    return names
