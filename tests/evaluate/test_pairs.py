"""Pictures with captions out of tables and collections, with all that is wrong in them."""

import json
import os
import shlex
import unicodedata
from zipfile import ZipFile

import pytest
from openpyxl import Workbook

from llm_glam.db import collections, connection
from llm_glam.db.filters import Conditions
from llm_glam.errors import BadPairs, BadRecords, BadTemplate
from llm_glam.evaluate.pairs import from_collection, from_table, pairs, unusable_rows
from llm_glam.evaluate.pairs.from_table import Columns
from llm_glam.formats import column_names

from ..fakes import BLUE, GREEN, RED, picture


@pytest.fixture
def folder(tmp_path):
    picture(tmp_path / "data" / "red.png", RED)
    picture(tmp_path / "data" / "sub folder" / "blé [1].png", BLUE)
    picture(tmp_path / "outside.png", GREEN)
    return tmp_path / "data"


def write(path, text, encoding="utf-8"):
    path.write_text(text, encoding)
    return path


def read(path, **options):
    others = {k: options.pop(k) for k in ("sensitive", "images") if k in options}
    return from_table.read(path, Columns(**options), **others)


def said(found):
    return {pair.id: pair.captions for pair in found.pairs}


def reasons(found):
    return dict(found.refused)


TWO = {"red.png": ("red",), "sub folder/blé [1].png": ("blue, of course",)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.csv",
            'file_name,caption\nred.png,red\nsub folder/blé [1].png,"blue, of course"',
        ),
        (
            "a.csv",
            "\ufefffilename;Text\nred.png;red\nsub folder/blé [1].png;blue, of course",
        ),
        (
            "a.tsv",
            "image_path\tcaptions\nred.png\tred\nsub folder\\blé [1].png\tblue, of course",
        ),
        (
            "a.csv",
            'Image , caption,note\nred.png,red\n./sub folder//blé [1].png,"blue, of course",x',
        ),
        (
            "a.json",
            '[{"image": "red.png", "caption": "red"}, {"caption": ["blue, of course"],'
            ' "image": "sub folder/blé [1].png"}]',
        ),
        (
            "a.jsonl",
            '\ufeff{"text": "red", "file_name": "red.png"}\n\n'
            '{"text": "blue, of course", "file_name": "sub folder/bl\\u00e9 [1].png"}\n',
        ),
    ],
)
def test_every_kind_of_table(folder, name, text):
    assert said(read(write(folder / name, text))) == TWO


def test_a_spreadsheet_and_a_folder_with_metadata(folder):
    book = Workbook()
    for row in (("file_name", "caption"), *((k, v[0]) for k, v in TWO.items())):
        book.worksheets[0].append(row)
    book.save(folder / "metadata.xlsx")

    assert said(read(folder)) == said(read(folder / "metadata.xlsx")) == TWO


def test_the_sheet_with_the_pictures_is_read_and_named(folder):
    book = Workbook()
    for row in (("read", "me"), ("pictures", "in the next sheet")):
        book.active.append(row)
    rows = [("pic", "caption"), *((k, v[0]) for k, v in TWO.items())]
    for name in ("Finds", "More finds"):
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(folder / "a.xlsx")

    found = read(folder / "a.xlsx", image="Pic")
    assert said(found) == TWO
    assert found.remarks[0] == (
        "a.xlsx: reading the sheet 'Finds'; not read: 'More finds'"
    )
    with pytest.raises(BadPairs, match="The columns are: read, me"):
        read(folder / "a.xlsx")


def test_accents_of_two_characters_are_those_of_one(folder):
    name = unicodedata.normalize("NFD", "sub folder/blé [1].png")
    found = read(write(folder / "a.csv", f"file_name,caption\n{name},blue"))

    assert [pair.file.path.exists() for pair in found.pairs] == [True]


def test_names_in_other_case_are_found_where_one_file_fits(folder):
    lines = ["file_name,caption", "RED.PNG,red", "red.png,crimson"]
    lines += ["Sub Folder/BLÉ [1].png,blue", "gone/red.png,x", "red.png/x.png,x"]
    path = write(folder / "a.csv", "\n".join(lines))
    found = read(path)
    assert said(found) == {
        "red.png": ("red", "crimson"),
        "sub folder/blé [1].png": ("blue",),
    }
    assert len(found.remarks) == 1
    assert reasons(found) == dict.fromkeys(
        ("gone/red.png", "red.png/x.png"),
        "there is no such file in the folder of the table; if it is in another, use --images "
        "FOLDER",
    )

    picture(folder / "Red.png", GREEN)
    found = read(path)
    assert set(said(found)) == {"red.png", "sub folder/blé [1].png"}
    assert reasons(found)["RED.PNG"] == (
        "there is no such file; Red.png and red.png differ from it in upper and lower case"
    )


def test_several_captions_of_a_picture_and_several_rows(folder):
    rows = [
        {"file_name": "red.png", "captions": ["red", "a  RED one", "Red"], "n": 1},
        {"file_name": "./red.png", "captions": "crimson", "n": 2},
        {"file_name": "red.png", "captions": "red", "n": 3},
    ]
    found = read(write(folder / "a.json", json.dumps(rows)))

    assert said(found) == {"red.png": ("red", "a RED one", "crimson")}
    assert found.pairs[0].record["n"] == 1

    cell = '"[""red"", ""crimson""]"'
    found = read(write(folder / "a.csv", f"file_name,caption\nred.png,{cell}"))
    assert said(found) == {"red.png": ("red", "crimson")}


def test_a_long_caption_stays_whole(folder):
    words = " ".join(f"word{number}" for number in range(300))
    found = read(write(folder / "a.csv", f"file_name,caption\nred.png,{words}"))

    assert said(found) == {"red.png": (words,)}


def test_what_cannot_be_used_is_left_out_with_a_reason(folder, tmp_path):
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "nowhere.png").symlink_to(folder / "not there")
    os.mkfifo(folder / "pipe.png")
    names = {
        "gone.png": "there is no such file",
        "../outside.png": "it is outside the folder of the table",
        "sub folder/../../outside.png": "it is outside the folder of the table",
        str(tmp_path / "outside.png"): "it is outside the folder of the table",
        r"C:\photos\red.png": "it is on a Windows drive; write its path relative to",
        "/nowhere at all/red.png": "there is no such file",
        "https://museum.example/red.png": "it is an address",
        "data:image/png;base64,AAAA": "it is an address",
        "link.png": "it is a link that points outside the folder of the table; to allow it",
        "nowhere.png": "it is a broken link",
        "sub folder": "it is not a file",
        "pipe.png": "it is not a file",
        "nul\0.png": "its name is not valid text",
        "half \ud83d.png": "its name is not valid text",
        "long " + 300 * "x": "it cannot be read (File name too long)",
        "": "it does not name a picture",
        None: "it does not name a picture",
    }
    rows = [{"file_name": name, "caption": "x"} for name in names]
    rows.append({"file_name": "red.png", "caption": "red"})
    found = read(write(folder / "a.json", json.dumps(rows)))

    assert said(found) == {"red.png": ("red",)}
    told = [reason for _, reason in found.refused]
    for reason, expected in zip(told, names.values(), strict=True):
        assert reason.startswith(expected)
    assert found.refused[-1][0] == "row 17"
    assert all(name.encode() for name, _ in found.refused)


def test_an_absolute_path_within_the_folder_is_taken(folder):
    text = f"file_name,caption\n{folder / 'red.png'},red"

    assert said(read(write(folder / "a.csv", text))) == {"red.png": ("red",)}


@pytest.fixture
def store(tmp_path):
    """Pictures in a folder of their own, beside that of the table."""
    picture(tmp_path / "my store" / "a" / "green.png", GREEN)
    picture(tmp_path / "my store" / "b" / "blue.png", BLUE)
    picture(tmp_path / "more" / "red.png", BLUE)
    return tmp_path / "my store"


def test_absolute_paths_elsewhere_are_refused_with_the_folder_to_allow(
    llm, colours, folder, store
):
    names = [store / "a" / "green.png", store / "b" / "blue.png"]
    rows = "\n".join(f"{name},{name.stem}" for name in names)
    path = write(folder / "a.csv", f"file_name,caption\n{rows}")

    message = llm.fails("glam", "evaluate", path)
    assert "2 because it is outside the folder of the table; to allow it, " in message
    advice = f"--images '{store}'"
    assert f"use {advice} (the first is " in message

    assert "2 pictures" in llm("glam", "evaluate", path, *shlex.split(advice)).stderr
    found = read(path, images=[store]).pairs
    assert [pair.file.path for pair in found] == names
    assert [pair.captions for pair in found] == [("green",), ("blue",)]


def test_pictures_in_several_folders_are_each_refused_with_their_own(folder, tmp_path):
    picture(tmp_path / "elsewhere" / "blue.png", BLUE)
    names = [tmp_path / "outside.png", tmp_path / "elsewhere" / "blue.png"]
    rows = "\n".join(f"{name},x" for name in [*names, "red.png"])
    found = read(write(folder / "a.csv", f"file_name,caption\n{rows}"))

    advised = [reason.rpartition("--images ")[2] for _, reason in found.refused]
    assert advised == [str(name.parent) for name in names]


def test_relative_names_are_looked_for_in_the_table_s_folder_first(folder, store):
    more = store.parent / "more"
    names = ["red.png", "green.png", "../my store/b/blue.png", "a/green.png"]
    rows = "\n".join(f"{name},{number}" for number, name in enumerate(names))
    path = write(folder / "a.csv", f"file_name,caption\n{rows}")

    found = read(path, images=[more, store / "a", store])
    assert {pair.captions: pair.file.path for pair in found.pairs} == {
        ("0",): folder / "red.png",
        ("1", "3"): store / "a" / "green.png",
        ("2",): store / "b" / "blue.png",
    }
    why = "there is no such file in the folder of the table or those of --images"
    assert reasons(read(path, images=[more]))["green.png"] == why
    why = "there is no such file in the folder of the table; if it is in another, use "
    assert reasons(read(path))["green.png"] == f"{why}--images FOLDER"


def test_pictures_of_one_name_in_two_folders_are_two(folder, store):
    other = store.parent / "more" / "red.png"
    path = write(folder / "a.csv", f"file_name,caption\nred.png,red\n{other},blue")

    found = read(path, images=[other.parent])
    assert [pair.captions for pair in found.pairs] == [("red",), ("blue",)]
    assert [pair.file.path for pair in found.pairs] == [folder / "red.png", other]


def test_links_lead_to_allowed_folders_only(folder, store, tmp_path):
    green = store / "a" / "green.png"
    (store / "b" / "inner.png").symlink_to(green)
    (store / "b" / "outer.png").symlink_to(tmp_path / "outside.png")
    (folder / "into.png").symlink_to(green)
    (folder / "beside").symlink_to(store / "a")
    (tmp_path / "alias").symlink_to(store)
    names = ["inner.png", "outer.png", "into.png", "beside/green.png"]
    names.append(str(tmp_path / "alias" / "a" / "green.png"))
    rows = "\n".join(f"{name},{number}" for number, name in enumerate(names))
    path = write(folder / "a.csv", f"file_name,caption\n{rows}")

    found = read(path, images=[tmp_path / "alias", store / "b"])
    assert [pair.captions for pair in found.pairs] == [("0", "2", "3", "4")]
    assert reasons(found) == {
        "outer.png": "it is a link that points outside the folder of the table; to allow it, use "
        f"--images {tmp_path}"
    }


def test_nothing_outside_the_given_folders_is_taken(folder, store, tmp_path):
    names = ["../outside.png", "a/../../outside.png", str(tmp_path / "outside.png")]
    names += [str(store / "a" / ".." / ".." / "outside.png"), "/etc/passwd"]
    rows = "\n".join(f"{name},x" for name in [*names, "red.png"])
    found = read(write(folder / "a.csv", f"file_name,caption\n{rows}"), images=[store])

    assert set(said(found)) == {"red.png"}
    assert set(reasons(found)) == {name[: from_table.LONGEST_SHOWN] for name in names}
    assert all("outside the folder" in reason for _, reason in found.refused)


def test_folders_of_images_that_do_not_exist_and_collections_are_refused(llm, folder):
    path = write(folder / "a.csv", "file_name,caption\nred.png,red")
    asked = ("glam", "evaluate", path, "--images")

    assert llm.fails(*asked, "gone") == "gone: no such folder."
    assert llm.fails(*asked, path) == f"{path}: a file, not a folder."
    message = llm.fails(
        *("glam", "evaluate", "--collection", "x", "--images", folder), exit_code=2
    )
    assert (
        message == "--images can only be used with DATA; leave it out for --collection."
    )


@pytest.mark.parametrize("empty", ["", "   ", "-", "[]", '"[""""]"'])
def test_empty_captions_are_left_out(folder, empty):
    found = read(
        write(
            folder / "a.csv",
            f"file_name,caption\nred.png,red\nsub folder/blé [1].png,{empty}\nred.png,{empty}",
        )
    )

    assert said(found) == {"red.png": ("red",)}
    assert reasons(found) == {"sub folder/blé [1].png": "it has no caption"}


@pytest.mark.parametrize(
    "empty",
    [
        *(
            "nan",
            "NaN",
            " nan ",
            "NaT",
            "<NA>",
            "None",
            "NULL",
            "null",
            "N/A",
            "n/a",
            "NA",
        ),
        *(
            "#N/A",
            "#NV",
            "#N/D",
            "#Н/Д",
            "#REF!",
            "#BEZUG!",
            "#¡REF!",
            "#NAME?",
            "#NOM?",
        ),
        *(
            "#¿NOMBRE?",
            "#DIV/0!",
            "#¡DIV/0!",
            "#VALUE!",
            "#ЗНАЧ!",
            "#NULL!",
            "#NUM!",
            "#SPILL!",
        ),
        *("#GETTING_DATA", "Err:502", " #N/A ", "#SAKNAS!", "#DÉBORDEMENT!"),
    ],
)
def test_empty_cells_of_other_programs_are_empty(llm, folder, empty):
    path = write(folder / "a.csv", f"file_name,caption,place\nred.png,{empty},{empty}")
    asked = ("glam", "evaluate", path)

    assert "1 because it has no caption (red.png)" in llm.fails(*asked)
    template = ("--caption-template", "{caption}, {place}")
    assert "1 because it has no caption (red.png)" in llm.fails(*asked, *template)


@pytest.mark.parametrize(
    "caption",
    [
        "Nan",
        "NAN",
        "nan, bread",
        "a nan",
        "#1",
        "#N/A jug",
        "No?",
        "# 5!",
        "#Ur",
        "Untitled",
    ],
)
def test_other_captions_with_nan_are_captions(folder, caption):
    found = read(write(folder / "a.csv", f'file_name,caption\nred.png,"{caption}"'))

    assert said(found) == {"red.png": (caption,)}


def test_captions_in_a_list_may_be_missing(folder):
    rows = [{"file_name": "red.png", "captions": ["#N/A", "red", "nan", None]}]
    assert said(read(write(folder / "a.json", json.dumps(rows)))) == {
        "red.png": ("red",)
    }


def test_sensitive_pictures_are_left_out_unless_asked_for(folder):
    path = write(
        folder / "a.csv",
        "file_name,caption,Sensitive\nred.png,red,no\nsub folder/blé [1].png,blue,yes",
    )

    found = read(path)
    assert set(said(found)) == {"red.png"}
    assert "1 sensitive left out; use --sensitive to include them" in found.remarks
    assert set(said(read(path, sensitive=True))) == set(TWO)


def test_columns_are_guessed_said_and_overridden(folder):
    path = write(
        folder / "a.csv",
        "image,file_name,text,caption,material\nx.png,red.png,long,short,clay",
    )

    found = read(path)
    assert said(found) == {"red.png": ("short",)}
    assert found.remarks == [
        "a.csv: pictures from the column 'file_name', captions from the column 'caption'"
    ]
    assert said(read(path, caption="TEXT")) == {"red.png": ("long",)}
    assert said(read(path, template="{text}, {material}")) == {
        "red.png": ("long, clay",)
    }
    with pytest.raises(
        BadPairs, match="None of the 1 rows.* 1 because there is no such"
    ):
        read(path, image="image")


@pytest.mark.parametrize(
    ("options", "error", "expected"),
    [
        (
            {"image": "pic", "caption": "captoin"},
            BadPairs,
            "There is no column 'captoin' in a.csv. The columns are: pic, n",
        ),
        (
            {"image": "picture"},
            BadPairs,
            "There is no column 'picture' in a.csv. Did you mean 'pic'? The columns are: pic, n",
        ),
        (
            {},
            BadPairs,
            "filename or image. Name the one to use with --image-column. The columns are: p",
        ),
        (
            {"image": "pic"},
            BadPairs,
            "captions or text. Name the one to use with --caption-column",
        ),
        ({"image": "pic", "template": "{x}"}, BadTemplate, "The columns are: pic, n"),
        (
            {"image": "pic", "caption": "n", "group_by": "dig"},
            BadPairs,
            "There is no column 'dig'",
        ),
    ],
)
def test_unknown_columns_are_one_sentence(folder, options, error, expected):
    path = write(folder / "a.csv", "pic,n\nred.png,1")

    with pytest.raises(error) as raised:
        read(path, **options)
    assert expected in raised.value.message


FIRST_LINE = " The first line must contain the column names."


def test_unknown_columns_are_told_with_the_table(llm, folder):
    known = write(folder / "a.csv", "file_name,label\nred.png,red")
    data = write(folder / "b.csv", "red.png,a gold ring\nred.png,red")
    objects = write(folder / "c.json", '[{"pic": "red.png", "n": "red"}]')

    def told(path, *args):
        return llm.fails("glam", "evaluate", path, *args)

    assert told(known) == (
        "None of the columns of a.csv is called caption, captions or text. Name the one to use with "
        "--caption-column. The columns are: file_name, label."
    )
    assert told(known, "--caption", "nope") == (
        "There is no column 'nope' in a.csv. The columns are: file_name, label."
    )
    assert told(data) == (
        "None of the columns of b.csv is called file_name, image_path, filename or image. Name "
        f"the one to use with --image-column. The columns are: red.png, a gold ring.{FIRST_LINE}"
    )
    assert told(data, "--image-column", "nope") == (
        f"There is no column 'nope' in b.csv. The columns are: red.png, a gold ring.{FIRST_LINE}"
    )
    assert told(objects).endswith("The columns are: pic, n.")
    assert told(objects, "--image-column", "nope").endswith(
        "'nope' in c.json. The columns are: pic, n."
    )


def test_data_that_give_nothing_are_one_sentence(folder, tmp_path):
    with pytest.raises(BadPairs, match="There is no file or folder .*missing"):
        read(tmp_path / "missing")
    with pytest.raises(
        BadPairs, match="has none of metadata.csv, .*Give the table itself"
    ):
        read(folder)
    with pytest.raises(BadPairs, match="There are no rows in"):
        read(write(folder / "empty.csv", "file_name,caption\n"))
    with pytest.raises(BadPairs, match="1 are sensitive"):
        read(write(folder / "s.csv", "file_name,caption,sensitive\nred.png,red,1"))
    with pytest.raises(BadRecords, match="red.png is not a table"):
        read(folder / "red.png")
    with pytest.raises(BadRecords, match="expected a list of objects"):
        read(write(folder / "a.json", '["red.png"]'))
    with pytest.raises(BadRecords, match="cannot be read"):
        read(write(folder / "a.json", "[{"))


@pytest.mark.parametrize(
    ("name", "mark", "marks"),
    [("a.csv", ",", "commas"), ("a.csv", ";", "semicolons"), ("a.tsv", "\t", "tabs")],
)
def test_a_caption_that_is_cut_into_cells_is_refused(llm, folder, name, mark, marks):
    lines = ["file_name,caption", "red.png,red,,", '"red.png","a', '","b"']
    lines += ["red.png,1872.001, gold ring", "red.png,1872.002, gold, enamel"]
    text = "\n".join(lines).replace('"a\n","b"', '"a\nb"')
    path = write(folder / name, text.replace(",", mark))

    message = llm.fails("glam", "evaluate", path)
    assert message == (
        f"{path}: 2 rows have more cells than there are columns (see line 5); put cells that contain "
        f"{marks} in quotation marks."
    )
    train = ("train", path, "--name", "x", "--base", "demo")
    assert llm.fails("glam", *train) == message

    lines = text.splitlines()[:2]
    assert said(read(write(folder / "b.csv", "\n".join(lines)))) == {
        "red.png": ("red",)
    }


def test_a_damaged_line_is_named(llm, folder):
    row = '{"file_name": "red.png", "caption": "red"}\n'
    path = write(folder / "a.jsonl", f"{row}\n{row}{row[:-4]}\n{row}")

    message = llm.fails("glam", "evaluate", path)
    assert message.startswith(f"{path}, line 4 is not valid JSON (")
    assert message.endswith("); correct or remove it.")


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl"])
@pytest.mark.parametrize("encoding", ["cp1251", "cp437", "shift-jis"])
def test_an_uncertain_encoding_is_one_sentence(llm, folder, name, encoding):
    word = "ケース" if encoding == "shift-jis" else "éèüö"
    word = "красный" if encoding == "cp1251" else word
    text = f'{{"file_name": "red.png", "caption": "{word}"}}'
    if name == "a.json":
        text = f"[{text}]"
    elif name == "a.csv":
        text = f"file_name,caption\nred.png,{word}"
    path = write(folder / name, text, encoding)

    advice = "In Excel, save it as 'CSV UTF-8'"
    if name != "a.csv":
        advice = "Save it as UTF-8"
    message = llm.fails("glam", "evaluate", path)
    assert message == f"{path} is not in UTF-8. {advice}."


def test_what_is_no_workbook_is_one_sentence(llm, folder):
    path = write(folder / "a.xlsx", "\1\2")

    expected = (
        f"{path} cannot be read: it is not an Excel workbook, or it is damaged or encrypted. Open it "
        "in Excel and save it as XLSX without a password, or as 'CSV UTF-8'."
    )
    assert llm.fails("glam", "evaluate", path) == expected
    with ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x")
    assert llm.fails("glam", "evaluate", path) == expected


def test_why_nothing_can_be_used_is_said_with_examples(llm, folder):
    lines = ["image,text", "/x/1.png,red", "gone.png,red", "/x/2.png,blue", "red.png,"]
    path = write(folder / "a.csv", "\n".join(lines))

    assert llm.fails("glam", "evaluate", path) == (
        "None of the 4 rows of a.csv can be used (pictures from the column 'image', captions from "
        "the column 'text'): 2 because there is no such file (the first is /x/1.png); 1 because "
        "there is no such file in the folder of the table; if it is in another, use --images "
        "FOLDER (gone.png); 1 because it has no caption (red.png)."
    )

    path = write(folder / "s.csv", "file_name,caption,sensitive\nred.png,red,yes")
    assert llm.fails("glam", "evaluate", path) == (
        "There are no pictures with captions in s.csv (1 are sensitive; use --sensitive to include them)."
    )


def test_objects_and_lists_are_no_paths_and_no_captions(folder):
    rows = [
        {"file_name": "red.png", "caption": "red"},
        {"file_name": {"path": "red.png"}, "caption": "red"},
        {"file_name": ["red.png"], "caption": "red"},
        {"file_name": "sub folder/blé [1].png", "caption": {"en": "blue"}},
        {"file_name": "sub folder/blé [1].png", "caption": [{"en": "blue"}]},
        {"file_name": "sub folder/blé [1].png", "caption": []},
    ]
    found = read(write(folder / "a.json", json.dumps(rows)))

    assert said(found) == {"red.png": ("red",)}
    assert found.refused == [
        ("row 2", "its file_name is not text"),
        ("row 3", "its file_name is not text"),
        ("sub folder/blé [1].png", "its caption is not text"),
        ("sub folder/blé [1].png", "its caption is not text"),
        ("sub folder/blé [1].png", "it has no caption"),
    ]
    found = read(folder / "a.json", template="{caption}")
    assert found.refused[-1][1] == "it has no caption"


def test_files_of_the_same_bytes_are_one_picture(folder):
    (folder / "copy.png").write_bytes((folder / "red.png").read_bytes())
    # As large as the others, and different.
    raw = bytearray((folder / "red.png").read_bytes())
    raw[-1] ^= 1
    (folder / "other.png").write_bytes(raw)
    found = read(
        write(
            folder / "a.csv",
            "file_name,caption\nred.png,red\ncopy.png,crimson\nother.png,scarlet",
        )
    )

    assert said(found) == {"red.png": ("red", "crimson"), "other.png": ("scarlet",)}
    assert (
        "1 picture is a copy of another and counts as the same picture" in found.remarks
    )


def test_groups_are_of_shared_captions_and_of_a_column_and_of_what_these_share(folder):
    for number in range(6):
        picture(folder / f"{number}.png", (number, 0, 0))
    path = write(
        folder / "a.csv",
        "file_name,caption,dig\n0.png,Same,A\n1.png,same ,B\n2.png,two,B\n"
        "3.png,three,C\n4.png,four,\n5.png,five,",
    )

    def groups(**options):
        by_group = {}
        for pair in read(path, **options).pairs:
            by_group.setdefault(pair.group, []).append(pair.id[0])
        return sorted("".join(one) for one in by_group.values())

    assert groups() == ["01", "2", "3", "4", "5"]
    assert groups(group_by="dig") == ["012", "3", "4", "5"]
    assert read(path).groups == 5


def test_a_sample_is_the_same_for_the_same_seed(folder):
    lines = ["file_name,caption"]
    for number in range(30):
        picture(folder / f"{number}.png", (number, 0, 0))
        lines.append(f"{number}.png,number {number}")
    every = read(write(folder / "a.csv", "\n".join(lines)))

    one, same, other = (
        [pair.id for pair in pairs.sampled(every, 10, seed).pairs] for seed in (1, 1, 2)
    )
    assert one == same != other
    assert len(set(one)) == 10
    assert pairs.sampled(every, 31, 0) == pairs.sampled(every, None, 0) == every


def test_captions_that_pictures_share_are_one(folder):
    path = write(
        folder / "a.json",
        json.dumps(
            [
                {"file_name": "red.png", "caption": ["A find", "red"]},
                {"file_name": "sub folder/blé [1].png", "caption": ["a  find", "blue"]},
            ]
        ),
    )
    found = pairs.captions(read(path).pairs)

    assert found.texts == ["A find", "red", "blue"]
    assert found.pictures == [0, 0, 1, 1]
    assert found.captions == [0, 1, 0, 2]


def test_the_first_problems_are_told_and_the_others_counted():
    lines = []
    refused = [(f"{n}.png", "there is no such file") for n in range(7)]
    unusable_rows.report([*refused, ("x", "it has no caption")], lines.append)

    assert lines[0] == "0.png: there is no such file"
    assert lines[5:] == [
        "8 left out: 7 because there is no such file; 1 because it has no caption"
    ]


@pytest.fixture
def collection(many):
    db = connection.connect(many.database)
    return db, collections.get(db, "photos")


def test_a_collection_with_captions_of_its_records(collection, tmp_path):
    db, photos = collection
    db.execute("update photos set material = null, sensitive = 1 where id = '07.png'")
    db.execute("update photos set document = 'box' where id in ('01.png', '02.png')")
    template = "{title}. {material}, {year}"

    found = from_collection.read(db, photos, template=template)

    assert len(found.pairs) == 59
    assert found.remarks[0] == f"photos: captions from the template '{template}'"
    assert "1 sensitive left out; use --sensitive to include them" in found.remarks
    by_id = {pair.id: pair for pair in found.pairs}
    assert by_id["01.png"].group == by_id["02.png"].group
    assert by_id["01.png"].file is None
    row = by_id["05.png"].record
    expected = [row["title"].strip(), row["material"], str(row["year"])]
    assert [w for w in expected if w and w not in by_id["05.png"].captions[0]] == []

    narrow = Conditions(["year__gte=1900"])
    some = from_collection.read(
        db, photos, template=template, conditions=narrow, from_files=True
    )
    assert 0 < len(some.pairs) < 59
    assert {int(pair.record["year"]) >= 1900 for pair in some.pairs} == {True}
    assert some.pairs[0].file.path.read_bytes()[:4] == b"\x89PNG"

    (tmp_path / "many" / "05.png").unlink()
    gone = from_collection.read(db, photos, template=template, from_files=True)
    assert gone.refused == [("05.png", "its original is not on this computer")]


@pytest.mark.parametrize("mark", ["'yes'", "' '", "'no'", "x'00'"])
def test_whatever_sql_marks_as_sensitive_is_left_out(collection, mark):
    db, photos = collection
    db.execute(f"update photos set sensitive = {mark} where id = '07.png'")

    found = from_collection.read(db, photos, caption="title")

    assert "07.png" not in {pair.id for pair in found.pairs}
    assert (
        len(from_collection.read(db, photos, caption="title", sensitive=True).pairs)
        == 60
    )


def test_a_collection_without_captions_is_one_sentence(collection):
    db, photos = collection

    with pytest.raises(
        BadPairs, match="None of the 60 rows .* 60 because it has no capt"
    ):
        from_collection.read(db, photos)
    with pytest.raises(
        BadPairs,
        match="There is no column 'finder' in the collection 'photos'.* The columns are: id, file",
    ):
        from_collection.read(db, photos, caption="finder")


def test_a_collection_that_gives_nothing_is_named(llm, collection, many, tmp_path):
    asked = ("glam", "evaluate", "--collection", "photos", "-d", many.database)

    assert llm.fails(*asked, "--caption", "title", "--filter", "year=12") == (
        "No record of the collection 'photos' matches the filters; relax --filter, --except or --where."
    )
    assert llm.fails(*asked).startswith(
        "None of the 60 rows of the collection 'photos' can be used (captions from the column "
        "'caption'): 60 because it has no caption (the first is 00.png)."
    )
    db, photos = collection
    db.execute("delete from embeddings")
    with pytest.raises(BadPairs) as raised:
        from_collection.read(db, photos, conditions=Conditions(["year=12"]))
    assert raised.value.message == (
        "There are no pictures with captions in the collection 'photos'."
    )


def test_stored_vectors_are_those_of_the_pairs(collection, many):
    db, photos = collection
    found = from_collection.read(db, photos, caption="title").pairs[::-7]

    vectors = from_collection.vectors(db, photos, found)

    for pair, vector in zip(found, vectors.tolist(), strict=True):
        stored = many.vectors()[pair.id]
        length = sum(x * x for x in stored) ** 0.5
        assert vector == pytest.approx([x / length for x in stored], abs=1e-6)


@pytest.mark.parametrize("sensitive", [("no", "yes"), ("yes", "no"), ("", "1")])
def test_any_row_of_a_picture_can_mark_it_as_sensitive(folder, sensitive):
    picture(folder / "blue.png", BLUE)
    first, second = sensitive
    lines = [f"red.png,a,{first}", f"./red.png,b,{second}", "blue.png,c,no"]
    path = write(folder / "a.csv", "\n".join(["file_name,caption,sensitive", *lines]))
    found = read(path)
    assert [pair.id for pair in found.pairs] == ["blue.png"]
    assert any(remark.startswith("2 sensitive left out") for remark in found.remarks)
    assert len(from_table.read(path, sensitive=True).pairs) == 2


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (("evaluate",), ("--by", "materail")),
        (("evaluate",), ("--label", "materail")),
        (("evaluate",), ("--group-by", "materail")),
        (("evaluate",), ("--caption-column", "materail")),
        (("evaluate",), ("--image-column", "materail")),
        (("evaluate",), ("--caption-template", "{materail}")),
        (("train", "--name", "n"), ("--holdout", "materail=x")),
        (("train", "--name", "n"), ("--group-by", "materail")),
    ],
)
def test_an_unknown_column_is_told_with_the_file_and_near_names(
    llm, colours, folder, command, options
):
    path = write(folder / "a.csv", "file_name,caption,Material,n\nred.png,red,x,1")
    message = llm.fails("glam", *command, path, *options)
    assert "column 'materail'" in message
    assert "in a.csv. Did you mean 'Material'? The columns are: file_name, " in message


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["inv_no", "title"], "Did you mean 'inv_no'? The columns are: inv_no, title."),
        (["title"], "The columns are: title."),
        ([], "The columns are: none."),
        ([f"c{n}" for n in range(99)], "c58, c59, …."),
    ],
)
def test_near_names_of_columns(names, expected):
    assert column_names.hint("Inv. No", names).endswith(expected)
