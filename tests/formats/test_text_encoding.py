"""Tables in the encodings that spreadsheets and museums' databases write."""

import json

import pytest

from llm_glam.errors import BadRecords
from llm_glam.formats import tables

FRENCH = ["Céramique à décor bleu", "Œuvre d’Étienne – « pièce »", "50 °C, 17½ cm, £5"]
GERMAN = ["Schüssel mit Fuß, größer", "MÜNCHEN", "Äpfel für Übersee"]
SPANISH = ["Niño con sombrero", "María Muñoz, España", "Página única: ¿qué?"]
NORDIC = ["Blåbær på øen", "Hääyöaie", "Þingvellir, ástæða"]
WESTERN = {"fr": FRENCH, "de": GERMAN, "es": SPANISH, "nordic": NORDIC}
NUMBERED = [f"row {n}" for n in range(50)]


def read(path, values, encoding, bom=b""):
    """Write a table of one column in an encoding; return what is read, and the remarks."""
    text = "\r\n".join(["id,name", *(f'{n},"{v}"' for n, v in enumerate(values))])
    path.write_bytes(bom + text.encode(encoding))
    notes = tables.Notes()
    rows = list(tables.read(path, notes))
    return [row["name"] for row in rows], notes.remarks


@pytest.mark.parametrize("values", WESTERN.values(), ids=WESTERN)
@pytest.mark.parametrize(
    ("encoding", "bom", "said"),
    [
        ("utf-8", b"", ""),
        ("utf-8-sig", b"", ""),
        ("utf-16", b"", "UTF-16"),
        ("utf-16-le", b"", "UTF-16"),
        ("utf-16-be", b"\xfe\xff", "UTF-16"),
        ("utf-16-be", b"", "UTF-16"),
        ("utf-32", b"", "UTF-32"),
        ("cp1252", b"", "Windows-1252"),
    ],
)
def test_encodings_are_told_and_said(tmp_path, values, encoding, bom, said):
    found, remarks = read(tmp_path / "a.csv", NUMBERED + values, encoding, bom)
    assert found == NUMBERED + values
    assert [remark.split(";")[0] for remark in remarks] == (
        [f"reading it as {said}"] if said else []
    )


@pytest.mark.parametrize("values", [FRENCH[:1], GERMAN, SPANISH, ["Blåbær på øen"]])
def test_old_macs(tmp_path, values):
    found, (remark,) = read(tmp_path / "a.csv", values, "mac-roman")
    assert found == values
    assert remark == "reading it as Mac Roman; if letters look wrong, save it as UTF-8"


@pytest.mark.parametrize(
    "word",
    ["Köln", "schöner", "Römer", "sjö", "Göteborg", "baúl", "Perú", "bûche", "über"],
)
def test_one_word_of_an_old_mac(tmp_path, word):
    """In Windows-1252 it has letters that hardly stand there: Kšln, Ÿber, Perœ."""
    found, (remark,) = read(tmp_path / "a.csv", [word], "mac-roman")
    assert found == [word]
    assert "Mac Roman" in remark


@pytest.mark.parametrize(
    "word",
    ["Miloš Dušan", "Žižek", "Škoda", "Aukštaitija", "Trška", "Všetaty", "Žganjar"]
    + ["cœur", "Œuvre", "diœcèse", "L’HAŸ", "Ysaÿe", "5 €", "šakki", "Kršnjavi"],
)
def test_rare_letters_of_windows(tmp_path, word):
    found, (remark,) = read(tmp_path / "a.csv", [word], "cp1252")
    assert found == [word]
    assert "Windows-1252" in remark


@pytest.mark.parametrize("word", ["Malmö", "país", "camió"])
def test_doubt_is_said(tmp_path, word):
    """Malmš could be a name in Windows-1252."""
    _, (remark,) = read(tmp_path / "a.csv", [word], "mac-roman")
    assert remark == (
        "reading it as Windows-1252 (or Mac Roman, which is as likely here); if letters look "
        "wrong, save it as UTF-8"
    )


@pytest.mark.parametrize(
    "values", [["it’s"], ["café"], ["£5"], ["“so”"], ["10 °C", "© 2020"], ["naïve"]]
)
def test_one_sign_is_enough_for_windows(tmp_path, values):
    found, (remark,) = read(tmp_path / "a.csv", values, "cp1252")
    assert found == values
    assert "Windows-1252" in remark


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_json_in_other_encodings(tmp_path, suffix, encoding):
    row = {"name": "Céramique"}
    written = json.dumps([row] if suffix == ".json" else row, ensure_ascii=False)
    (tmp_path / f"a{suffix}").write_bytes(written.encode(encoding))
    assert list(tables.read(tmp_path / f"a{suffix}")) == [row]


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        ("каменный топор", "cp1251"),
        ("каменный топор", "koi8-r"),
        ("πήλινο αγγείο", "cp1253"),
        ("Źródło żółte, ręcznik złoty", "cp1250"),
        ("陶器の壺", "shift-jis"),
        ("陶器の壺", "euc-jp"),
        ("陶器", "gb18030"),
        ("émaillé, über", "cp850"),
        ("ケース", "shift-jis"),
        ("schön öffnen", "cp437"),
        ("한국 도자기", "euc-kr"),
        ("España", "mac-roman"),  # or Espa–a in Windows-1252
        ("Äpfel", "mac-roman"),  # or €pfel
        ("étude", "mac-roman"),  # or Žtude
        ("å", "mac-roman"),  # or Œ
    ],
)
def test_what_is_uncertain_is_refused(tmp_path, value, encoding):
    path = tmp_path / "a.csv"
    with pytest.raises(BadRecords, match=r"a.csv is not in UTF-8. In Excel, save it"):
        read(path, [value], encoding)


@pytest.mark.parametrize("place", [0, 30, 70])
def test_damaged_utf_8_is_not_read_as_something_else(tmp_path, place):
    path = tmp_path / "a.csv"
    lines = [f"{n},Céramique" for n in range(70)]
    data = [line.encode() for line in ["id,name", *lines]]
    data[place] += b" \xe9"
    path.write_bytes(b"\n".join(data))
    with pytest.raises(BadRecords, match="is not in UTF-8"):
        list(tables.read(path))


def test_zeros_in_text_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name\n1,a\0b\n")
    with pytest.raises(BadRecords, match="is not in UTF-8"):
        list(tables.read(path))


def test_a_letter_at_the_end_of_a_large_file(tmp_path):
    found, (remark,) = read(tmp_path / "a.csv", ["x" * 2_000_000, "café"], "cp1252")
    assert found[1] == "café"
    assert "Windows-1252" in remark
