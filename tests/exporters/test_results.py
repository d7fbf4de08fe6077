"""Results of a search, taken away from the command line."""

import csv
import io
import json
import re

import openpyxl
import pytest

from llm_glam.formats.spreadsheets import writer

from ..fakes import picture
from .conftest import execute

SEARCH = ("glam", "search", "photos", "red")
HERS = ["Accession No.", "Object name", "Subjects", "Year", "Title", "Empty"]
RED, GREEN, BLUE = "1887_1.png", "1887_2.png", "1887_3.png"


def test_a_workbook_has_her_columns_first_then_ours(joined, tmp_path):
    execute(joined, "update photos set page_url = 'https://m.example/' || id")
    done = joined(*SEARCH, "-n", 2, "--xlsx", "out.xlsx")
    assert done.stdout == ""
    assert done.stderr == "Wrote 2 pictures to out.xlsx.\n"
    sheet = openpyxl.load_workbook("out.xlsx").active
    head, first, second = sheet.values
    assert list(head) == [*HERS, "id", "page_url", "score"]
    assert first[:6] == ("1887/1", "Äpfel – rot", "fruit; red", 1887, "Apple", None)
    assert first[6:] == (RED, f"https://m.example/{RED}", 1)
    assert sheet["B3"].value in ("=1+1", 'a "b",\n\tc; d')
    assert {cell.data_type for row in sheet for cell in row} <= {"s", "n"}
    assert round(second[8], 4) == second[8] < 1
    assert sorted(p.name for p in tmp_path.glob("*out*")) == ["out.xlsx"]


def test_links_are_text_where_excel_takes_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "MOST_LINKS", 3)
    addresses = ["https://a.example/1", "https://a.example/" + "x" * 3000]
    rows = [[writer.Link(address)] for address in [*addresses, addresses[0]]]
    writer.write(tmp_path / "a.xlsx", {"one": (["link"], rows)})
    cells = openpyxl.load_workbook(tmp_path / "a.xlsx").active["A"][1:]
    assert [cell.value for cell in cells] == [*addresses, addresses[0]]
    assert [bool(cell.hyperlink) for cell in cells] == [True, False, False]


def test_columns_are_chosen_by_heading_or_name(joined):
    joined(*SEARCH, "--columns", "title,Accession No.", "--xlsx", "out.xlsx")
    rows = list(openpyxl.load_workbook("out.xlsx").active.values)
    assert rows[0] == ("Title", "Accession No.")
    assert rows[1] == ("Apple", "1887/1")
    chosen = ("--columns", "accession no., score", "--columns", '"image_md5"')
    lines = joined(*SEARCH, *chosen, "--csv").stdout.splitlines()
    assert lines[0] == "Accession No.,score,image_md5"
    assert lines[1].startswith("1887/1,1.0,")
    message = joined.fails(*SEARCH, "--columns", "Artist")
    assert message == (
        "There is no column 'Artist'. There are: Accession No., Object name, Subjects, Year, "
        "Title, Empty, id, file, image_url, page_url, caption, rights, document, sequence, "
        "sensitive, image_width, image_height, image_format, image_bytes, image_modified, "
        "image_md5, image_folder, score, link."
    )


def test_all_columns_of_the_records_as_json_and_csv(joined):
    row = json.loads(joined(*SEARCH, "-n", 1, "--records").stdout)
    assert list(row) == [*HERS, "id", "score"]
    assert row["Subjects"] == ["fruit", "red"]
    assert row["Year"] == 1887
    text = joined(*SEARCH, "-n", 1, "--records", "--csv").stdout
    (flat,) = csv.DictReader(io.StringIO(text))
    assert (flat["Subjects"], flat["Year"], flat["Empty"]) == ("fruit; red", "1887", "")
    assert "file" not in json.loads(joined(*SEARCH, "-n", 1).stdout)
    execute(joined, f"update photos set file = 'old.png' where id = '{RED}'")
    row = json.loads(joined(*SEARCH, "-n", 1, "--records").stdout)
    assert list(row)[6:] == ["id", "file", "score"]


def test_what_is_not_for_everybody_stays_out(joined, tmp_path):
    joined("glam", "mark", "photos", "--private", "Object name")
    execute(joined, 'alter table photos add column "Insurance value" text')
    execute(joined, """update photos set "Insurance value" = 'a fortune'""")
    execute(joined, f"update photos set sensitive = 1 where id = '{BLUE}'")
    files = ("--xlsx", "out.xlsx", "--html", "out.html")
    done = joined(*SEARCH, *files)
    assert done.stderr.splitlines()[:2] == [
        "Left out 1 sensitive picture. Add --sensitive to include them.",
        "Left out what may not be for everybody: Object name, Insurance value. To include a "
        "column, name it in --columns.",
    ]
    page = (tmp_path / "out.html").read_text("utf-8")
    rows = list(openpyxl.load_workbook("out.xlsx").active.values)
    assert [row[5] for row in rows] == ["id", RED, GREEN]
    for text in (page, str(rows)):
        assert "Äpfel" not in text
        assert "a fortune" not in text
        assert BLUE not in text
    named = ("--columns", "Object name,Insurance value", "--sensitive", "--force")
    joined(*SEARCH, *files, *named)
    rows = list(openpyxl.load_workbook("out.xlsx").active.values)
    assert ("Äpfel – rot", "a fortune") in rows
    assert len(rows) == 4
    assert "a fortune" in (tmp_path / "out.html").read_text("utf-8")
    assert "Object name" not in joined(*SEARCH, "--records", "--csv").stdout


def test_a_private_title_is_nowhere_on_a_page(joined, tmp_path):
    execute(joined, "update photos set rights = 'CC0', caption = 'of fruit'")
    joined("glam", "mark", "photos", "--private", "Title", "--private", "rights")
    for columns in ((), ("--columns", "Year")):
        joined(*SEARCH, *columns, "--html", "out.html", "--force")
        page = (tmp_path / "out.html").read_text("utf-8")
        assert "<h2>of fruit</h2>" in page
        assert "1887" in page
        assert "Apple" not in page
        assert "CC0" not in page
    joined(*SEARCH, "--columns", "Year,rights", "--html", "out.html", "--force")
    page = (tmp_path / "out.html").read_text("utf-8")
    assert page.count("CC0") == 3
    assert "Apple" not in page


def test_rights_are_said_whatever_columns_are_chosen(joined, tmp_path):
    execute(joined, "update photos set rights = 'CC0'")
    for columns in ((), ("--columns", "Year"), ("--columns", "rights")):
        joined(*SEARCH, *columns, "--html", "out.html", "--force")
        assert (tmp_path / "out.html").read_text("utf-8").count("CC0") == 3


def test_a_page_has_pictures_records_and_nothing_from_elsewhere(joined, tmp_path):
    script = "<script>alert(1)</script>"
    execute(joined, f"update photos set title = '{script}' where id = '{GREEN}'")
    execute(joined, f"update photos set rights = 'CC0', page_url = 'https://m.example/1' where id = '{RED}'")  # fmt: skip
    execute(joined, f"update photos set page_url = 'javascript:alert(1)' where id = '{GREEN}'")  # fmt: skip
    done = joined(*SEARCH, "--words", "fruit", "--html", "out.html")
    assert done.stdout == ""
    assert re.fullmatch(r"Wrote 2 pictures to out.html \(0\.0 MB\)\.\n", done.stderr)
    page = (tmp_path / "out.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "<h1>“red” in photos</h1>" in page
    assert "<p>2 pictures, the most similar first</p>" in page
    assert "<p>Only records with “fruit”</p>" in page
    assert (
        '<h2><a href="https://m.example/1" rel="noopener noreferrer">Apple</a></h2>'
        in page
    )
    assert "<dt>Subjects</dt><dd>fruit; red</dd>" in page
    assert '<p class="quiet">CC0</p>' in page
    assert "<script" not in page
    assert "javascript:" not in re.sub("<dd>.*?</dd>", "", page)
    assert set(re.findall(r'src="([^"]{5})', page)) == {"data:"}
    assert page.count("<img") == 2
    assert not re.search(r"url\(|@import|<link", page)


def test_a_sensitive_picture_is_blurred_in_a_page(joined, tmp_path):
    execute(joined, f"update photos set sensitive = 1 where id = '{RED}'")
    joined(*SEARCH, "--html", "out.html", "--sensitive")
    page = (tmp_path / "out.html").read_text("utf-8")
    (hidden,) = re.findall(r'<details class="sensitive">.*?</details>', page)
    assert 'alt="Sensitive picture"' in hidden
    assert ".sensitive:not([open]) img { filter: blur(" in page
    assert page.index('sensitive"><summary>') < page.index("<h2>")


def test_what_a_page_says_of_a_picture_that_was_searched_by(joined, tmp_path):
    folder = tmp_path / "secret place"
    picture(folder / "mine.png", "red")
    terms = ("-a", "2:id:" + GREEN, "-s", "blue")
    joined("glam", "search", "photos", f"{folder}/mine.png", *terms, "--html", "a.html")
    page = (tmp_path / "a.html").read_text("utf-8")
    title = f"mine.png, with 2 × {GREEN}, without “blue” in photos"
    assert f"<title>{title}</title>" in page
    assert "secret place" not in page


@pytest.mark.parametrize("name", ["out.html", "out.xlsx"])
def test_a_file_is_overwritten_with_force_only(joined, tmp_path, name):
    option = (f"--{name[4:]}", name)
    (tmp_path / name).write_text("mine")
    message = f"{name} already exists; use --force to overwrite it."
    assert joined.fails(*SEARCH, *option) == message
    assert (tmp_path / name).read_text() == "mine"
    joined(*SEARCH, *option, "--force")
    assert (tmp_path / name).stat().st_size > 1000
    assert "Wrote 3" in joined(*SEARCH, *option, "--force").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--html", "no/out.html"), "does not exist; create it first."),
        (("--xlsx", "user/embeddings.db", "--force"), "is the database itself; choose"),
        (("--force",), "--force needs --html or --xlsx."),
        (("--sensitive",), "--sensitive needs --html or --xlsx."),
        (("--html", "a.html", "-n", "1001"), "A page has at most 1,000 pictures; use"),
    ],
)
def test_what_cannot_be_written_is_said_first(joined, arguments, message):
    is_usage = not message.startswith(("does", "is"))
    assert message in joined.fails(*SEARCH, *arguments, exit_code=2 if is_usage else 1)


def test_rows_beside_files_are_asked_for(joined, tmp_path):
    alone = joined(*SEARCH, "--csv").stdout
    both = joined(*SEARCH, "--csv", "--html", "out.html", "--xlsx", "out.xlsx").stdout
    assert both == alone != ""
    nothing = joined(
        "glam", "search", "photos", "--filter", "Year=1", "--html", "no.html"
    )
    assert (nothing.stdout, nothing.stderr) == ("", "No results found.\n")
    assert not (tmp_path / "no.html").exists()


def test_a_collection_without_records(joined, tmp_path):
    joined("embed", "plain", "x", "-c", "red", "-m", "glam-clip")
    search = ("glam", "search", "plain", "red")
    assert json.loads(joined(*search, "--records").stdout) == {"id": "x", "score": 1}
    joined(*search, "--html", "out.html", "--xlsx", "out.xlsx")
    assert "No thumbnail" in (tmp_path / "out.html").read_text("utf-8")
    rows = list(openpyxl.load_workbook("out.xlsx").active.values)
    assert rows == [("id", "score"), ("x", 1)]
