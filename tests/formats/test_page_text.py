"""Texts of pages as people, OCR programs and transcription platforms save them."""

import pytest

from llm_glam.errors import BadRecords
from llm_glam.formats.pages import page_text

ALTO = '<alto xmlns="http://www.loc.gov/standards/alto/ns-v{}#"><Layout><Page><PrintSpace>{}'
END = "</PrintSpace></Page></Layout></alto>"
PAGE = '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page>{}'


def text_of(tmp_path, content, name="page.xml"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return page_text.read(path)


def alto(*blocks, version=4):
    """ALTO of blocks, whose lines are written ``word word``."""
    return ALTO.format(version, "".join(map(block, blocks))) + END


def block(lines):
    return f"<TextBlock>{''.join(map(line, lines))}</TextBlock>"


def line(text):
    return f"<TextLine>{'<SP/>'.join(word if '<' in word else string(word) for word in text.split('|'))}</TextLine>"


def string(word, part=None, whole=None):
    more = f' SUBS_TYPE="{part}" SUBS_CONTENT="{whole}"' if part else ""
    return f'<String CONTENT="{word}"{more}/>'


@pytest.mark.parametrize("version", [2, 3, 4])
def test_alto(tmp_path, version):
    content = alto(["Dear|Anna,", "thank you"], ["Yours"], version=version)
    assert text_of(tmp_path, content) == "Dear Anna,\nthank you\n\nYours"


def test_alto_with_a_prefix_without_spaces_and_in_another_encoding(tmp_path):
    content = (
        '<?xml version="1.0" encoding="ISO-8859-1"?><a:alto xmlns:a="x"><a:TextLine>'
        '<a:String CONTENT="bl\xe9"/><a:String CONTENT="mûr"/></a:TextLine></a:alto>'
    )
    assert text_of(tmp_path, content.encode("latin-1")) == "blé mûr"
    assert text_of(tmp_path, alto(["one|two"]).encode("utf-8-sig")) == "one two"
    assert text_of(tmp_path, alto(["one|two"]).encode("utf-16")) == "one two"


def test_alto_gives_divided_words_whole(tmp_path):
    first = string("(gou-", "HypPart1", "gouvernement") + '<HYP CONTENT="-"/>'
    second = string("vernement),", "HypPart2", "gouvernement")
    content = alto([f"le|{first}", f"{second}|puis", second])
    expected = "le (gouvernement),\npuis\ngouvernement),"
    assert text_of(tmp_path, content) == expected


@pytest.mark.parametrize("hyphen", ["-", "\u00ad", ""])
def test_alto_says_only_that_there_is_a_hyphen(tmp_path, hyphen):
    first = string("Ge") + f'<HYP CONTENT="{hyphen}"/>'
    assert text_of(tmp_path, alto([f"a|{first}", "meinde|b"])) == "a Gemeinde\nb"


def region(name, *lines, more=""):
    shown = "".join(
        f"<TextLine><Word>{equivalent('no')}</Word>{equivalent(line)}</TextLine>"
        for line in lines
    )
    return f'<TextRegion id="{name}">{shown}{more}</TextRegion>'


def equivalent(text, index=None):
    place = "" if index is None else f' index="{index}"'
    return f"<TextEquiv{place}><Unicode>{text}</Unicode></TextEquiv>"


def page(*parts):
    return PAGE.format("".join(parts)) + "</Page></PcGts>"


def test_page_in_the_order_of_the_file(tmp_path):
    content = page(region("b", "Second-", "hand &amp; old"), region("a", "First"))
    assert text_of(tmp_path, content) == "Secondhand\n& old\n\nFirst"


def test_page_in_its_order_of_reading(tmp_path):
    order = """<ReadingOrder><OrderedGroup id="g">
        <RegionRefIndexed index="2" regionRef="a"/>
        <OrderedGroupIndexed index="1"><RegionRefIndexed index="1" regionRef="c"/>
        <RegionRefIndexed index="0" regionRef="d"/></OrderedGroupIndexed>
        <RegionRefIndexed index="0" regionRef="b"/></OrderedGroup></ReadingOrder>"""
    regions = [region(name, name) for name in ("new", "a", "b", "c")]
    table = f"<TableRegion id='d'>{region('e', 'e')}{region('f', 'f')}</TableRegion>"
    content = page(order, *regions, table)
    assert text_of(tmp_path, content).split() == ["b", "e", "f", "c", "a", "new"]


def test_page_with_several_readings_and_with_words_only(tmp_path):
    lines = (
        f"<TextLine>{equivalent('worse', 1)}{equivalent('better', 0)}</TextLine>",
        f"<TextLine><Word>{equivalent('two')}</Word><Word>{equivalent('words')}</Word></TextLine>",
    )
    whole = region("r", more=equivalent("of the\nregion"))
    content = page(region("a", more="".join(lines) + equivalent("not this")), whole)
    assert text_of(tmp_path, content) == "better\ntwo words\n\nof the\nregion"


HOCR = "<html><head><title>Not this</title></head><body><div class='ocr_page'>{}</div></body></html>"


def span(text, kind="ocrx_word"):
    return f"<span class='{kind}' title=\"bbox 0 0; class='x'\">{text}</span>"


@pytest.mark.parametrize(
    "doctype", ["", "<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0'>"]
)
@pytest.mark.parametrize("name", ["page.hocr", "page.html", "page.xml"])
def test_hocr(tmp_path, name, doctype):
    words = span(" Rhine\n") + " " + span("&amp; <em>Mo</em>sel-")
    lines = span(words, "ocr_line") + "<br>" + span("kiesel, unsaid", "ocr_line x")
    lines += "<SCRIPT>a < b; '<p>'</Script ><style>p{}</style>".format("{}")
    content = HOCR.format(f"<p class=ocr_par>{lines}<p>End &eacute;<img src=a>")
    assert (
        text_of(tmp_path, doctype + content, name)
        == "Rhine & Moselkiesel,\nunsaid\n\nEnd é"
    )


def test_hocr_with_words_that_are_spaces_or_parts_of_words(tmp_path):
    words = "\n\t".join(map(span, ("H", "is", " ", "t", "ory")))
    content = HOCR.format(span(words, "ocr_line"))
    assert text_of(tmp_path, content, "p.hocr") == "His tory"
    words = "".join(map(span, ("no", "spaces")))
    assert (
        text_of(tmp_path, HOCR.format(span(words, "ocr_line")), "p.hocr") == "no spaces"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_plain_text(tmp_path, encoding):
    text = "Große  Ge-\r\nmeinde\r\n\r\n \r\nzwei–\r\n"
    assert (
        text_of(tmp_path, text.encode(encoding), "p.TXT") == "Große Gemeinde\n\nzwei–"
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("trans-\nport of", "transport\nof"),
        ("trans-\nport; of\nit", "transport;\nof\nit"),
        ("Jean-\nPaul", "Jean-\nPaul"),
        ("trans\u00ad\nPort", "transPort"),
        ("trans¬\nport", "transport"),
        ("ver⸗\nſchieden", "verſchieden"),
        ("a\u0301-\nb", "a\u0301b"),
        ("1914-\nbis", "1914-\nbis"),
        ("a -\nb", "a -\nb"),
        ("-\nb", "-\nb"),
        ("a-\nb-\nc d", "abc\nd"),
        ("incon-\ntestables ; on", "incontestables ;\non"),
        ("a-\n\nb", "a-\n\nb"),
        ("trans\u00adport\u00ad", "transport-"),
    ],
)
def test_words_that_lines_divide(tmp_path, lines, expected):
    assert text_of(tmp_path, lines, "p.txt") == expected


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("<alto><TextLine>", "it is not well-formed XML (line 1: no element found)"),
        ("", "it is not well-formed XML (line 1: no element found)"),
        ("<lido/>", "it is not ALTO, PAGE or hOCR: its first element is <lido>"),
        ("<html><p>x</p></html>", "it is HTML, but not hOCR"),
        (
            "<!DOCTYPE alto [<!ENTITY a 'b'>]><alto>&a;</alto>",
            "(DTD), which is not read",
        ),
        (
            "<!DOCTYPE alto SYSTEM 'file:///etc/passwd'><alto/>",
            "(DTD), which is not read",
        ),
        ("<alto>&a;</alto>", "undefined entity"),
        ("<alto>" * 1000, "its elements are nested too deeply"),
        (
            "<html class='ocr_page'>" + "<b>" * 1000,
            "its elements are nested too deeply",
        ),
        ("<html class='ocr_page'>" + "<b '" * 9999, "a tag in it does not end"),
        ("<html class='ocr_page'>" + "<!--" * 9999, "a tag in it does not end"),
        (
            "<html class='ocr_page'><script>" + "</script" * 9999,
            "a tag in it does not end",
        ),
        ("<?xml version='1.0' encoding='zlib'?><alto/>", "its encoding is unknown"),
    ],
)
def test_files_that_are_damaged_or_something_else(tmp_path, content, why):
    with pytest.raises(BadRecords) as raised:
        text_of(tmp_path, content)
    assert raised.value.message.startswith(f"{tmp_path / 'page.xml'}: ")
    assert why in raised.value.message


def test_files_that_are_no_texts(tmp_path, monkeypatch):
    with pytest.raises(BadRecords, match="it is not a text"):
        text_of(tmp_path, b"\x00\x01", "p.txt")
    monkeypatch.setattr(page_text, "MOST_MEGABYTES", 0)
    with pytest.raises(BadRecords, match="is larger than 0 MB"):
        text_of(tmp_path, "x", "p.txt")
    with pytest.raises(BadRecords, match="cannot be read"):
        page_text.read(tmp_path)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a/p1.xml", "a/p1"),
        ("p1.alto.xml", "p1"),
        ("p.1.TXT", "p.1"),
        ("p1.jpg.txt", "p1.jpg"),
        ("p1.hocr.html", "p1"),
        ("a.txt/.txt", "a.txt/.txt"),
    ],
)
def test_the_name_of_the_picture(file, name):
    assert page_text.name_of(file) == name
