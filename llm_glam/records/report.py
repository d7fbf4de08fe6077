"""Write all matches of a table with pictures to a workbook, for a person to go through."""

from collections.abc import Iterator
from pathlib import Path

from ..formats.spreadsheets import writer
from .join import JoinPlan


def write(plan: JoinPlan, path: Path) -> None:
    """Write a workbook with a sheet for each kind of result.

    :raises BadRecords: the file cannot be written
    """
    writer.write_new(
        path,
        {
            "matched": (("key", "picture", "found by", "line"), _matched(plan)),
            "pictures without record": (
                ("picture",),
                ((i,) for i in plan.without_record),
            ),
            "records without picture": (
                ("key", "line"),
                ((plan.key_at(n), plan.place(n)) for n in plan.unmatched_lines),
            ),
            "ambiguous": (("picture", "possible keys"), _ambiguous(plan)),
        },
    )


def _matched(plan: JoinPlan) -> Iterator[tuple[object, ...]]:
    for item_id, key in plan.matches.keys.items():
        for line in plan.lines[key]:
            yield key, item_id, plan.matches.how[item_id], plan.place(line)


def _ambiguous(plan: JoinPlan) -> Iterator[tuple[object, ...]]:
    for item_id, keys in plan.matches.ambiguous.items():
        yield item_id, ", ".join(keys)
