"""Vectors in the format in which museums share them."""

import time

import pyarrow.parquet
import pytest

from llm_glam.exporters import oembeddings
from llm_glam.models import registry

from .conftest import FILES, execute

EXPORT = ("glam", "export", "photos", "out.parquet", "--format", "oembeddings")
PROVIDER = ("--provider", "A Museum", "--provider-url", "https://museum.example/")
BASE = ("--base-url", "https://pictures.example/a b".replace(" ", "%20"))
# As https://github.com/sfomuseum/go-embeddingsdb has them, in record.go and oembeddings.json.
SCHEMA = """\
provider: string not null
depiction_id: string not null
subject_id: string not null
model: string not null
embeddings: list<element: float not null> not null
created: int64 not null
attributes: map<string, string> not null"""
REQUIRED = {
    *("type", "preview", "subject_url", "subject_title", "subject_creditline"),
    *("provider_name", "provider_url"),
}


def exported(llm, *options):
    llm(*EXPORT, *PROVIDER, *options)
    return pyarrow.parquet.read_table("out.parquet")


def without_child_names(schema):
    lines = schema.to_string(show_schema_metadata=False).splitlines()
    return "\n".join(line for line in lines if not line.startswith(" "))


def test_the_schema_is_that_of_the_format(joined):
    schema = exported(joined, *BASE).schema
    shown = without_child_names(schema).replace(" ('attributes')", "")
    assert shown.startswith(SCHEMA.rpartition("map")[0])
    assert str(schema.field("attributes").type.item_type) == "string"
    group = pyarrow.parquet.ParquetFile("out.parquet").metadata.row_group(0)
    columns = {
        group.column(n).path_in_schema: group.column(n)
        for n in range(9)
        if n < group.num_columns
    }
    vectors = columns["embeddings.list.element"]
    assert "RLE_DICTIONARY" not in vectors.encodings
    assert not any(code.startswith("DELTA") for code in vectors.encodings)


def test_rows_are_the_vectors_of_the_collection(joined):
    rows = exported(joined, *BASE).to_pylist()
    assert [row["depiction_id"] for row in rows] == list(FILES)
    vectors = joined.vectors()
    assert [tuple(row["embeddings"]) for row in rows] == [
        vectors[name] for name in FILES
    ]
    assert {row["provider"] for row in rows} == {"A Museum"}
    assert {row["model"] for row in rows} == {"glam-clip/colours"}
    assert all(abs(row["created"] - time.time()) < 1000 for row in rows)
    assert [row["subject_id"] for row in rows] == ["1887/1", "1887/2", "1887/3"]


def test_attributes_are_those_of_oembeddings(joined):
    execute(
        joined,
        "update photos set rights = 'CC0', page_url = 'https://museum.example/1'",
    )
    rows = exported(joined, *BASE, "--license", "CC BY 4.0").to_pylist()
    attributes = dict(rows[0]["attributes"])
    assert attributes.keys() >= REQUIRED
    assert attributes == {
        "type": "image",
        "preview": "https://pictures.example/a%20b/1887_1.png",
        "depiction_url": "https://pictures.example/a%20b/1887_1.png",
        "subject_url": "https://museum.example/1",
        "subject_title": "Apple",
        "subject_creditline": "CC0",
        "rights": "CC0",
        "provider_name": "A Museum",
        "provider_url": "https://museum.example",
        "checkpoint": "glam-clip/colours",
        "fingerprint": "c0c0",
        "precision": "fp32",
        "license": "CC BY 4.0",
    }


def test_a_checkpoint_of_the_hub_has_the_name_it_has_there(joined):
    entry = registry.Checkpoint("colours", "someone/colours", "abc", "c0c0", 3)
    registry.put(entry)
    assert exported(joined, *BASE)["model"][0].as_py() == "someone/colours"


def test_addresses_of_the_records_come_first(joined):
    execute(joined, "update photos set image_url = 'https://iiif.example/' || id")
    rows = exported(joined).to_pylist()
    assert dict(rows[0]["attributes"])["preview"] == "https://iiif.example/1887_1.png"


def test_private_columns_do_not_reach_the_attributes(joined):
    execute(
        joined,
        "update glam_columns set private = 1 where \"column\" in ('title', 'Accession No.')",
    )
    rows = exported(joined, *BASE).to_pylist()
    assert dict(rows[0]["attributes"])["subject_title"] == ""
    assert rows[0]["subject_id"] == "1887_1.png"


def test_rows_are_written_in_groups(joined, monkeypatch):
    monkeypatch.setattr(oembeddings, "ROWS_IN_GROUP", 2)
    exported(joined, *BASE)
    assert pyarrow.parquet.ParquetFile("out.parquet").num_row_groups == 2


def test_damaged_vectors_are_left_out(joined):
    execute(joined, "update embeddings set embedding = x'00' where id = '1887_1.png'")
    execute(
        joined,
        "update embeddings set embedding = x'0000c07f0000000000000000' where id = '1887_2.png'",
    )
    shown = joined(*EXPORT, *PROVIDER, *BASE)
    assert "Wrote 1 picture " in shown.stderr
    assert "Left out 2 damaged vectors (the first is of 1887_1.png)" in shown.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "add --provider with the name"),
        (("--provider", "A Museum"), "add --provider-url URL"),
        (PROVIDER, "The picture '1887_1.png' has no address on the web"),
        ((*PROVIDER, "--base-url", "museum.example"), "is not an address on the web"),
        ((*PROVIDER, "--base-url", "file:///etc"), "is not an address on the web"),
    ],
)
def test_what_is_missing_is_one_sentence(joined, tmp_path, options, words):
    assert words in joined.fails(*EXPORT, *options)
    assert not list(tmp_path.glob("*out*"))
