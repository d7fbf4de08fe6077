"""How a checkpoint is to be cited: written for people who cite, read from people who may be hostile."""

import datetime
import json
import re
import shutil
import zipfile

import pytest
import yaml

from llm_glam.models import card_header, citation, registry
from llm_glam.models.citation import Citation
from tests.train.test_card import HOSTILE, card, header, training

# By hand after https://github.com/citation-file-format/citation-file-format (schema 1.2.0).
KEYS = {
    *(
        "abstract",
        "authors",
        "cff-version",
        "commit",
        "contact",
        "date-released",
        "doi",
    ),
    *("identifiers", "keywords", "license", "license-url", "message"),
    *("preferred-citation", "references", "repository", "repository-artifact"),
    *("repository-code", "title", "type", "url", "version"),
}
PERSON = {"family-names", "given-names", "name-particle", "name-suffix", "orcid"}
DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
LICENCES = {"CC-BY-4.0", "CC0-1.0", "MIT", "Apache-2.0"}


def check(text):
    """Refuse what the schema of CFF 1.2.0 does not allow; return what is said."""
    found = yaml.safe_load(text)
    assert found.keys() <= KEYS
    assert found["cff-version"] == "1.2.0"
    for key in ("message", "title"):
        assert isinstance(found[key], str)
        assert found[key]
    assert isinstance(found["authors"], list)
    assert found["authors"]
    for author in found["authors"]:
        assert author.keys() <= PERSON or "name" in author
        assert all(isinstance(value, str) and value for value in author.values())
    assert len({json.dumps(author) for author in found["authors"]}) == len(
        found["authors"]
    )
    for key in ("abstract", "version"):
        assert isinstance(found.get(key, "text"), str)
        assert found.get(key, "text")
    released = found.get("date-released", "2026-01-01")
    assert not isinstance(released, datetime.date)
    assert DATE.fullmatch(released)
    assert found.get("license", "MIT") in LICENCES
    return found


CITED = {"authors": ["Doe, Jane", "Petra Museum"], "sources": ["Open Context (CC BY)"]}


def test_what_a_citation_file_says():
    found, _ = header(card(training(**CITED)))
    cff = check(citation.of_card(found, "other", "12e4567890123456").cff())
    assert cff == {
        "cff-version": "1.2.0",
        "message": "If you use this checkpoint, please cite it as below.",
        "title": "archaeclip",
        "authors": [
            {"family-names": "Doe", "given-names": "Jane"},
            {"name": "Petra Museum"},
        ],
        "abstract": "A CLIP checkpoint. Sources: Open Context (CC BY)",
        "version": "fingerprint 12e4567890123456",
        "date-released": "2026-11-21",
        "license": "CC-BY-4.0",
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text):
    given = training(name=text, authors=[text, "a" + text], sources=[text], date=text)
    found, _ = header(card(given))
    cff = check(citation.of_card(found, "name", "f").cff())
    assert set(cff) <= KEYS - {"date-released", "license"} | {"license"}


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("cc-by-4.0", "CC-BY-4.0"),
        ("mit", "MIT"),
        ("other", ""),
        ("unknown", ""),
        ("", ""),
        ("mit or apache-2.0", ""),
        ("LicenseRef-mine", ""),
        ("(" * 1000, ""),
    ],
)
def test_only_licences_that_have_an_identifier(licence, expected):
    assert citation.spdx(licence) == expected


def test_authors_twice_or_empty():
    found = Citation("x", ["Doe, Jane", "Doe, Jane", " ", "Doe,", ", Jane", "Doe, J"])
    authors = check(found.cff())["authors"]
    assert authors == [
        {"family-names": "Doe", "given-names": "Jane"},
        {"name": "Doe"},
        {"name": "Jane"},
        {"family-names": "Doe", "given-names": "J"},
    ]
    with pytest.raises(ValueError, match="needs an author"):
        Citation("x", [" "]).cff()


def test_no_author_no_citation():
    found, body = header(card(training()))
    assert citation.of_card(found, "name", "f") is None
    assert "No authors are named: add them as `authors`" in body
    for empty in (" ", ",", [], ["", " , "], {}, [[]], "~"):
        assert citation.of_card({"authors": empty}, "name", "f") is None
    odd = {"authors": [{"name": "x"}, ["y"]], "date": "\x1b[31m"}
    assert citation.of_card(odd, "name", "f").line() == "x ([31): name, fingerprint f"


OTHERS = """\
cff-version: 1.2.0
message: Cite me
title: Pots
version: 1.10
date-released: 2021-05-03
authors:
  - family-names: Beethoven
    name-particle: van
    given-names: L.
  - name: The Museum
  - alias: potter
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            OTHERS,
            "van Beethoven, L.; The Museum; potter (2021): Pots, version 1.10",
        ),
        (
            OTHERS + "preferred-citation: {type: article, title: On pots, year: 2023, "
            "authors: [{family-names: Doe}]}",
            "Doe (2023): On pots",
        ),
        ("title: x\nauthors: []", None),
        ("title: x\nauthors: [[2], {a: b}, ~]", None),
        ("title: x\nauthors: {name: y}", None),
        ("authors: [{name: y}]", None),
        ("title: [a\n", None),
        ("- a", None),
        ("", None),
        ("a: &a [x]\nb: *a\ntitle: x\nauthors: [{name: y}]", None),
        ("title: " + "[" * 9000, None),
        ("title: x\nauthors: [{name: y}]\n#" + "x" * card_header.LONGEST, None),
        ("title: !!python/name:os.system x\nauthors: [{name: y}]", "y: x"),
        (
            "title: x\nauthors:\n" + "".join(f"- name: n{n}\n" for n in range(30)),
            "; ".join(f"n{n}" for n in range(20)) + " and 10 others: x",
        ),
    ],
)
def test_what_others_wrote(text, expected):
    found = citation.read(text)
    assert (found.line() if found else None) == expected


@pytest.fixture
def registered(llm, tiny_clip, tmp_path):
    """A checkpoint in a folder of its own, with the card of one trained here."""
    folder = shutil.copytree(tiny_clip, tmp_path / "mine")
    (folder / "README.md").write_text(card(training(**CITED)), "utf-8")
    llm("glam", "models", "add", "mine", folder)
    return folder


def test_a_packed_checkpoint_says_how_to_cite_it(registered, llm, tmp_path):
    llm("glam", "models", "pack", "mine", "mine.zip")
    with zipfile.ZipFile("mine.zip") as archive:
        cff = check(archive.read("CITATION.cff").decode())
    fingerprint = registry.get("mine").fingerprint
    assert cff["version"] == f"fingerprint {fingerprint}"
    llm("glam", "models", "add", "theirs", "mine.zip")
    for name in ("mine", "theirs"):
        (row,) = llm.json("glam", "models", "show", name, "--no-speed")
        assert row["citation"] == (
            f"Doe, Jane; Petra Museum (2026): archaeclip, fingerprint {fingerprint}"
        )
    llm("glam", "models", "pack", "theirs", "again.zip")
    with zipfile.ZipFile("again.zip") as archive:
        assert yaml.safe_load(archive.read("CITATION.cff")) == cff


def test_your_own_citation_file_is_kept(registered, llm):
    own = b"# mine\r\ncff-version: 1.1.0\n" + OTHERS.encode()
    (registered / "CITATION.cff").write_bytes(own)
    llm("glam", "models", "pack", "mine", "mine.tar.gz")
    llm("glam", "models", "add", "theirs", "mine.tar.gz")
    assert (registered / "CITATION.cff").read_bytes() == own
    theirs = registry.directory() / "checkpoints" / "theirs" / "CITATION.cff"
    assert theirs.read_bytes() == own


def test_without_authors_there_is_no_file(llm, tiny_clip):
    llm("glam", "models", "add", "mine", tiny_clip)
    llm("glam", "models", "pack", "mine", "mine.zip")
    with zipfile.ZipFile("mine.zip") as archive:
        assert "CITATION.cff" not in archive.namelist()
        assert b"`authors`" in archive.read("README.md")
    (row,) = llm.json("glam", "models", "show", "mine", "--no-speed")
    assert row["citation"] is None
