"""A language model that searches a collection: what it is given, and what it is not."""

import json

import llm as llm_library
import pytest
from llm.plugins import pm

from llm_glam.errors import BadFilter, BadTerm, UnknownCollection
from llm_glam.plugin.toolbox import MAX_CHARACTERS, MAX_PICTURES, Glam

from ..conftest import EMBED
from ..fakes import RED, picture


class Scripted(llm_library.Model):
    """Asks for one tool, then repeats what the tool said."""

    model_id = "scripted"
    supports_tools = True
    can_stream = False

    def __init__(self, name, arguments):
        self.call = llm_library.ToolCall(name=name, arguments=arguments)

    def execute(self, prompt, stream, response, conversation):
        if prompt.tool_results:
            yield f"The tool said: {prompt.tool_results[0].output}"
        else:
            response.add_tool_call(self.call)
            yield ""


@pytest.fixture
def scripted():
    """Register a model that makes one call."""

    class Plugin:
        __name__ = "scripted"

        @llm_library.hookimpl
        def register_models(self, register):
            register(self.model)

    plugin = Plugin()

    def begin(name, **arguments):
        plugin.model = Scripted(name, arguments)

    begin("Glam_fields")
    pm.register(plugin, "scripted")
    yield begin
    pm.unregister(name="scripted")


def test_a_language_model_searches_from_the_command_line(embedded, scripted):
    scripted("Glam_search", query="red", number=1)

    said = embedded("-m", "scripted", "-T", 'Glam("photos")', "which is red?").stdout

    assert '"id": "red.png"' in said
    assert '"material": "clay"' in said
    assert "green.png" not in said


def test_errors_are_told_to_the_model(embedded, scripted):
    scripted("Glam_search", query="red", filters=["colour=red"])

    said = embedded("-m", "scripted", "-T", 'Glam("photos")', "which is red?").stdout

    assert "There is no column 'colour' in photos" in said


def test_llm_lists_the_tools(embedded):
    listed = embedded("tools", "list").stdout

    assert "Glam" in listed
    assert "search(" in listed


def test_fields_have_their_values(embedded):
    fields = json.loads(Glam("photos").fields())

    assert fields["material"] == {"clay": 1}
    assert fields["rights"] == {"CC0": 1}
    assert not {"image_md5", "image_folder", "file"} & fields.keys()


def test_many_values_are_examples(llm, colours, tmp_path):
    lines = ["file_name,title"]
    for number in range(40):
        picture(tmp_path / "photos" / f"{number:02}.png", RED, size=(40 + number, 40))
        lines.append(f"{number:02}.png,Find {number:02}")
    (tmp_path / "photos" / "metadata.csv").write_text("\n".join(lines))
    llm("glam", "embed", "photos", "photos")

    fields = json.loads(Glam("photos").fields())
    found = json.loads(Glam("photos").find(["title__startswith=Find"], number=1000))

    assert fields["title"] == {"examples": ["Find 00", "Find 01", "Find 02"]}
    assert found["count"] == 40
    assert len(found["records"]) == 40
    assert (
        len(json.loads(Glam("photos").search("red", number=10_000)))
        == 40
        < MAX_PICTURES
    )


def test_records_that_fit_are_counted(embedded):
    found = json.loads(Glam("photos").find(["material=clay"]))

    assert found["count"] == 1
    assert found["records"][0]["title"] == "Red thing"


def test_what_looks_otherwise(embedded):
    best = json.loads(Glam("photos").search("red", subtract=["0.5:blue"], number=1))

    assert best[0]["id"] == "red.png"
    alike = json.loads(Glam("photos").search("id:red.png"))
    assert "red.png" not in [row["id"] for row in alike]


def test_sensitive_pictures_are_left_out(llm, colours, photos):
    (photos / "metadata.jsonl").write_text(
        '{"file_name": "red.png", "title": "Remains", "sensitive": 1}'
    )
    llm(*EMBED)
    tools = Glam("photos")

    told = tools.search("red") + tools.find([]) + tools.fields()

    assert "green.png" in told
    assert "red.png" not in told
    assert "Remains" not in told


def test_files_and_sql_are_out_of_reach(embedded, photos):
    for query in (str(photos / "red.png"), "./photos/red.png", "~/secret.png"):
        with pytest.raises(BadTerm, match="Files cannot be searched for here"):
            Glam("photos").search(query)
    for filters in (["1=1) or (1"], ["id) union select 1--=x"]):
        with pytest.raises(BadFilter):
            Glam("photos").find(filters)


def test_long_fields_are_cut(llm, colours, photos):
    (photos / "metadata.jsonl").write_text(
        json.dumps({"file_name": "red.png", "title": "x" * 10_000})
    )
    llm(*EMBED)

    (best,) = json.loads(Glam("photos").search("red", number=1))

    assert best["title"] == "x" * MAX_CHARACTERS + "…"


def test_an_unknown_collection(embedded):
    with pytest.raises(UnknownCollection):
        Glam("nothing").fields()


def test_what_is_no_text(embedded):
    """A language model may send half of a pair of surrogates as JSON."""
    for query in ("\ud800", "id:\ud800", "2:\ud800"):
        with pytest.raises(BadTerm, match="is not valid text"):
            Glam("photos").search(query)
    for text in ("\ud800", "title=\ud800", "title__in=\ud800", "\ud800=1"):
        with pytest.raises(BadFilter, match="is not valid text"):
            Glam("photos").find([text])
    assert json.loads(Glam("photos").find(['title__in=["\\ud800"]']))["count"] == 0
    with pytest.raises(UnknownCollection, match="is not valid text"):
        Glam("\ud800").fields()


@pytest.mark.parametrize("number", ["2", " 2 ", 2.5, 2])
def test_numbers_as_language_models_write_them(embedded, number):
    found = json.loads(Glam("photos").find([], number=number))

    assert len(found["records"]) == 2
    assert len(json.loads(Glam("photos").search("red", number=number))) == 2


@pytest.mark.parametrize("number", ["ten", "2.5", None, float("nan"), 1e999, [3]])
def test_what_is_no_number(embedded, number):
    for ask in (
        lambda: Glam("photos").find([], number=number),
        lambda: Glam("photos").search("red", number=number),
    ):
        with pytest.raises(BadTerm, match="give a whole number, such as 10"):
            ask()


def test_private_columns_are_left_out(llm, colours, photos):
    """And those whose names suggest that they are, which nobody has decided about."""
    rows = {"file_name": "red.png", "Note": "secret", "Store": "drawer", "year": 1}
    (photos / "metadata.jsonl").write_text(json.dumps(rows))
    llm(*EMBED)
    llm("glam", "mark", "photos", "--private", "Note")
    glam = Glam("photos")
    assert not {"Store", "Note"} & set(json.loads(glam.fields()))
    shown = glam.search("red") + glam.find(["year=1"])
    assert not {"secret", "drawer"} & set(shown.replace('"', " ").split())
    for hidden in ("Note=secret", "Store__contains=d"):
        with pytest.raises(BadFilter, match="no column"):
            glam.find([hidden])
    llm("glam", "mark", "photos", "--public", "Store")
    assert {"Store", "Note"} & set(json.loads(glam.fields())) == {"Store"}


def test_words_in_records(letters):
    tools = Glam("photos", str(letters.database))

    both = json.loads(tools.search("red", match="both", number=3))
    records = json.loads(tools.search("long ago", match="record"))

    found = [(one["id"], one["match"], one["score"]) for one in both]
    assert found[:2] == [("c3.png", "both", 0), ("d4.png", "both", 0)]
    assert [one["id"] for one in records] == ["d4.png"]
    with pytest.raises(BadTerm, match="Unknown match 'title': use picture, both"):
        tools.search("red", match="title")
