"""Records from spreadsheets as people have them, beside the pictures."""

import pytest

from ..sheets import ROWS, edit, save

EMBED = ("glam", "embed", "photos", "photos", "-m", "glam-clip")


def titles(llm):
    return {
        row["id"]: (row["title"], row["sensitive"])
        for row in llm.rows("select id, title, sensitive from photos")
    }


ALL = {
    "red.png": ("A red thing", 0),
    "green.png": ("A green thing", 1),
    "sub folder/blé.png": ("A blue thing", 0),
}


@pytest.mark.parametrize("dimension", ["A1", "A1:B2", "A1:A4"])
def test_all_rows_of_a_sheet_with_a_wrong_dimension(llm, colours, photos, dimension):
    save(photos / "metadata.xlsx")
    edit(photos / "metadata.xlsx", ('ref="A1:C4"', f'ref="{dimension}"'))
    llm(*EMBED)
    assert titles(llm) == ALL


def test_a_formula_without_a_value_ends_the_run(llm, colours, photos):
    save(photos / "metadata.xlsx", [*ROWS[:2], ("green.png", "green", "=TRUE()")])
    message = llm.fails(*EMBED)
    assert "metadata.xlsx has a formula without a value" in message
    assert "(see cell C3)" in message
    assert not llm.database.exists()


def test_a_merged_cell_marks_all_its_rows_as_sensitive(llm, colours, photos):
    def change(sheet):
        sheet["C2"] = "yes"
        sheet.merge_cells("C2:C4")

    save(photos / "metadata.xlsx", change=change)
    llm(*EMBED)
    assert {marked for _, marked in titles(llm).values()} == {1}


def test_notes_before_the_records(llm, colours, photos):
    def change(sheet):
        sheet.title = "Data"
        notes = sheet.parent.create_sheet("Notes", 0)
        notes.append(["read me"])

    save(photos / "metadata.xlsx", change=change)
    assert "metadata.xlsx: reading the sheet 'Data'\n" in llm(*EMBED).stderr
    assert titles(llm) == ALL


@pytest.mark.parametrize(
    "text", ["file_name,title\n", "", "\n\n", "file_name,n\n\n,\n"]
)
def test_a_table_without_rows_is_mentioned(llm, colours, photos, text):
    (photos / "metadata.csv").write_text(text)
    assert "metadata.csv: there are no rows in it" in llm(*EMBED).stderr


def test_a_quotation_mark_that_is_not_closed_ends_the_run(llm, colours, photos):
    lines = ["file_name,title,sensitive", 'red.png,"17"" plate,no', "green.png,x,yes"]
    (photos / "metadata.csv").write_text("\n".join(lines))
    message = llm.fails(*EMBED)
    assert "metadata.csv, line 2: a cell begins with a quotation mark" in message
    assert not llm.database.exists()


@pytest.mark.parametrize("space", [" ", "\xa0", "\t", "\u2007"])
def test_spaces_around_names_of_pictures(llm, colours, photos, space):
    rows = [[f"{space}{row[0]}{space}", *row[1:]] for row in ROWS]
    save(photos / "metadata.xlsx", rows)
    llm(*EMBED)
    assert titles(llm) == ALL


def test_empty_rows_and_columns_are_none(llm, colours, photos):
    more = "," * 2000
    lines = [f"{','.join(row)}{more}" for row in (*ROWS, [""], [" ", ""])]
    (photos / "metadata.csv").write_text("\n".join(lines), "utf-8")
    result = llm(*EMBED)
    assert titles(llm) == ALL
    assert "metadata.csv" not in result.stderr
    (row,) = llm.rows("select * from photos where id = 'red.png'")
    assert not any(name.startswith("column_") for name in row)
