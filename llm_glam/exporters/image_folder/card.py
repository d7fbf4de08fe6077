"""Write the card of an exported data set: where it is from, whose it is, what was left out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from ...db import sources
from ...formats.markdown import code, escaped, table
from ...models import card_header, registry
from ..columns import Column
from ..selection import Selection

MOST_RIGHTS = 30  # different statements that are listed
AS_THEY_ARE = (
    "Pictures are copied as they are, with all that is embedded in them: this may include names, "
    "and the place where a photograph was taken."
)
WITHOUT_METADATA = (
    "Pictures are copied without the EXIF, IPTC, XMP and comments embedded in their files. Pixels, "
    "colour profiles and orientation are unchanged."
)


@dataclass(frozen=True)
class Contents:
    """What is in an image folder.

    ``missing`` is how many pictures had no file, and ``not_stripped`` how many had one that could
    not be copied without what is embedded in it.
    """

    name: str
    columns: Sequence[Column]
    pictures: int
    missing: int
    not_stripped: int
    rights: Counter[str]
    local_contexts: Counter[str]


def text(selection: Selection, contents: Contents) -> str:
    """Return a card in Markdown, with Hugging Face's header."""
    header = card_header.write(
        {"pretty_name": contents.name, "tags": ["image", "glam", "llm-glam"]}
    )
    return header + "\n" + "\n\n".join(_parts(selection, contents)) + "\n"


def _parts(selection: Selection, contents: Contents) -> Iterator[str]:
    yield f"# {escaped(contents.name)}"
    yield (
        f"{contents.pictures:,} pictures with their records, exported from the collection "
        f"{escaped(selection.collection.name)} by llm-glam {version('llm-glam')} on "
        f"{registry.now()[:10]}. To be completed by whoever publishes it: what the pictures "
        "show, who made them, and how to cite them."
    )
    yield code(
        "python",
        "from datasets import load_dataset",
        "",
        'dataset = load_dataset("imagefolder", data_dir="FOLDER", split="train")',
    )
    yield "## Columns"
    rows = ((escaped(c.heading), c.kind.value) for c in contents.columns)
    yield table(("column", "values"), rows)
    if selection.options.label is not None:
        yield "## Labels"
        yield (
            f"The folder of a picture is its value in the column "
            f"{escaped(selection.options.label)}, as the sources have it."
        )
    yield "## Sources"
    yield _sources(selection)
    yield "## Rights"
    yield _rights(contents)
    if contents.local_contexts:
        yield (
            "Local Contexts: communities say by labels, and institutions by notices, how these "
            "pictures are to be used. Keep them with the pictures."
        )
        yield _counted("label or notice", contents.local_contexts)
    yield "## Left out"
    yield _left_out(selection, contents)
    yield "## Files"
    yield AS_THEY_ARE if selection.options.with_metadata else WITHOUT_METADATA


def _sources(selection: Selection) -> str:
    """Return the sources of the records, without paths on the computer they were read on."""
    found = sources.every(selection.db, selection.table)
    if not found:
        return "No records were attached to the pictures."
    rows = (
        (
            escaped(s["source"]),
            s["kind"],
            f"{s['pictures']:,}",
            escaped((s["added"] or "")[:10]),
        )
        for s in found
    )
    return table(("source", "kind", "pictures", "read"), rows)


def _rights(contents: Contents) -> str:
    return _counted("rights", contents.rights)


def _counted(what: str, counts: Counter[str]) -> str:
    """Return how many pictures have each statement; an empty one is that of the others."""
    stated = Counter({k: n for k, n in counts.items() if k})
    rows = [(escaped(k), f"{n:,}") for k, n in stated.most_common(MOST_RIGHTS)]
    if rest := stated.total() - sum(n for _, n in stated.most_common(MOST_RIGHTS)):
        rows.append(("other statements", f"{rest:,}"))
    if none := counts[""]:
        rows.append(("not stated", f"{none:,}"))
    return table((what, "pictures"), rows)


def _left_out(selection: Selection, contents: Contents) -> str:
    left_out = {
        "private columns": len(selection.private) + len(selection.undecided),
        "sensitive pictures": selection.sensitive,
        "pictures whose files were not at hand": contents.missing,
        "pictures whose files have metadata that cannot be removed": contents.not_stripped,
    }
    lines = [f"- {what}: {count:,}" for what, count in left_out.items() if count]
    conditions = selection.options.conditions
    if conditions:
        lines.append("- pictures that did not match the conditions of the export")
    return "\n".join(lines) or "Nothing."
