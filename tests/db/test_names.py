"""Collections with names that SQL or the full-text search could take for something else."""

import asyncio
import json

import pytest

from ..site import GLAM, get, ids, site

NAMES = [["St John's"], ['the "old" ones'], ["a b", "a_b"], ["x;--", "[x]"]]


@pytest.mark.parametrize("names", NAMES)
def test_records_are_added_and_searched(llm, colours, photos, names):
    rows = [{"file_name": "red.png", "find spot": "brick lane"}]
    for number in range(2):
        rows[0][f"O'Neil's \"{number}\""] = "tile"
        (photos / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
        for name in names:
            llm("glam", "embed", name, photos)
    for name in names:
        for words in ("brick", "tile"):
            found = llm.json("glam", "search", name, "red", "--words", words, "--nl")
            assert [row["id"] for row in found] == ["red.png"]
        assert "3" in llm("glam", "status", name).output


def test_the_site_finds_them(llm, colours, photos):
    from datasette.utils import tilde_encode

    (photos / "metadata.csv").write_text("file_name,find's spot\nred.png,brick")
    for name in ("St John's", 'the "old" ones'):
        llm("glam", "embed", name, photos)
        address = f"{GLAM}/{tilde_encode(name)}"
        search = get(site(llm), f"{address}.json?_search=brick&find's+spot=brick")
        assert ids(asyncio.run(search).json()) == ["red.png"]
        assert asyncio.run(get(site(llm), f"{address}/item/red~2Epng")).is_success
