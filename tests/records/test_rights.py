"""Rights statements in the many ways that people and programs write them."""

import pytest

from llm_glam.records import rights

CC = "https://creativecommons.org/"
RS = "http://rightsstatements.org/vocab/"
ZERO, MARK = f"{CC}publicdomain/zero/1.0/", f"{CC}publicdomain/mark/1.0/"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("CC BY-SA 4.0", f"{CC}licenses/by-sa/4.0/"),
        ("cc-by-sa-4.0", f"{CC}licenses/by-sa/4.0/"),
        ("CC BY SA 4.0 International", f"{CC}licenses/by-sa/4.0/"),
        ("Photo: A. Person (CC-BY-4.0)", f"{CC}licenses/by/4.0/"),
        ("© Museum, CC BY‑NC‑ND 3.0 DE", f"{CC}licenses/by-nc-nd/3.0/de/"),
        ("CC BY-NC-SA 3.0 IGO", f"{CC}licenses/by-nc-sa/3.0/igo/"),
        ("CC BY 3.0 by Anna", f"{CC}licenses/by/3.0/"),
        ("CC BY 4", f"{CC}licenses/by/4.0/"),
        ("CC BY 4.0 Deed", f"{CC}licenses/by/4.0/"),
        ("http://creativecommons.org/licenses/by-sa/3.0/", f"{CC}licenses/by-sa/3.0/"),
        (
            "https://www.creativecommons.org/licenses/by/2.0/de/deed.en",
            f"{CC}licenses/by/2.0/de/",
        ),
        (
            "creativecommons.org/licenses/by-nc/4.0/legalcode",
            f"{CC}licenses/by-nc/4.0/",
        ),
        ("HTTPS://CREATIVECOMMONS.ORG/LICENSES/BY/4.0", f"{CC}licenses/by/4.0/"),
        (
            '<a href="http://creativecommons.org/licenses/by/4.0/">CC BY</a>',
            f"{CC}licenses/by/4.0/",
        ),
        ('["https://creativecommons.org/licenses/by/4.0/"]', f"{CC}licenses/by/4.0/"),
        ("http://creativecommons.org/licenses/nd-by/1.0/", f"{CC}licenses/by-nd/1.0/"),
        (
            "Creative Commons Attribution-ShareAlike 4.0 International",
            f"{CC}licenses/by-sa/4.0/",
        ),
        ("Attribution-NonCommercial-NoDerivs 3.0 Unported license", None),
        (
            "Creative Commons Attribution Non-Commercial No Derivatives 4.0",
            f"{CC}licenses/by-nc-nd/4.0/",
        ),
        ("Creative Commons BY 4.0", f"{CC}licenses/by/4.0/"),
        ("CC0", ZERO),
        ("CC0 1.0 Universal", ZERO),
        ("CC-0", ZERO),
        ("CC Zero", ZERO),
        ("Creative Commons Zero v1.0", ZERO),
        ("https://creativecommons.org/publicdomain/zero/1.0/deed.nl", ZERO),
        ("Public domain", MARK),
        ("Public Domain Mark 1.0", MARK),
        ("Gemeinfrei", MARK),
        ("http://creativecommons.org/publicdomain/mark/1.0/", MARK),
        ("In copyright", f"{RS}InC/1.0/"),
        ("In Copyright - Educational Use Permitted", f"{RS}InC-EDU/1.0/"),
        (
            "In Copyright – Rights-holder(s) Unlocatable or Unidentifiable",
            f"{RS}InC-RUU/1.0/",
        ),
        ("All rights reserved.", f"{RS}InC/1.0/"),
        ("NoC-US", f"{RS}NoC-US/1.0/"),
        ("No known copyright restrictions", f"{RS}NKC/1.0/"),
        (
            "https://rightsstatements.org/page/InC-OW-EU/1.0/?language=en",
            f"{RS}InC-OW-EU/1.0/",
        ),
        ("http://rightsstatements.org/vocab/cne/1.0/", f"{RS}CNE/1.0/"),
        ("http://www.europeana.eu/rights/rr-f/", f"{RS}InC/1.0/"),
        ("http://www.europeana.eu/portal/rights/rr-p.html", f"{RS}InC/1.0/"),
        ("http://www.europeana.eu/rights/unknown/", f"{RS}CNE/1.0/"),
        (
            "http://www.europeana.eu/rights/out-of-copyright-non-commercial/",
            f"{RS}NoC-NC/1.0/",
        ),
    ],
)
def test_the_standard_address(written, expected):
    assert rights.address(written) == expected
    if expected:
        assert rights.address(expected) == expected


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            " ",
            None,
            7,
            "© Museum 2010",
            "CC BY",
            "CC BY-SA",
            "CC BY 9.0",
            "CC SA 4.0",
        ),
        *("CC BY-ND-SA 4.0", "CC BY-NC-NC 4.0", "Not in the public domain", "PD?"),
        *("CC BY 4.0 unless otherwise noted", "Text CC BY 4.0, picture CC BY-NC 4.0"),
        *("Metadata: CC0", "CC BY 4.0 or CC0", "https://en.wikipedia.org/wiki/License"),
        *(
            "Public domain in the USA; in copyright elsewhere",
            "http://rightsstatements.org/vocab/X/1.0/",
        ),
        "https://creativecommons.org/licenses/by/4.0/ https://creativecommons.org/licenses/by-nc/4.0/",
    ],
)
def test_what_is_not_certain_has_none(written):
    assert rights.address(written) is None
    assert not rights.is_open(written)


@pytest.mark.parametrize(
    "written", ["CC0", "Public domain", "CC BY 4.0", "CC-BY-SA-3.0"]
)
def test_what_is_open(written):
    assert rights.is_open(written)


@pytest.mark.parametrize(
    "written", ["CC BY-NC 4.0", "CC BY-ND 4.0", "In copyright", "NoC-US", "NKC"]
)
def test_what_is_not_open(written):
    assert rights.address(written)
    assert not rights.is_open(written)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"rights": "© Anna", "licence": "CC0"}, ZERO),
        ({"rights": "CC0", "licence": "ask us"}, ZERO),
        ({"rights": "© Anna ", "licence": "ask us"}, "© Anna"),
        ({"rights": None, "licence": "ask us"}, "ask us"),
        ({"title": "x"}, ""),
        ({"rights": 7}, "7"),
    ],
)
def test_the_rights_of_a_record(record, expected):
    assert rights.of_record(record) == expected


def test_a_very_long_text_is_no_problem():
    assert rights.address("cc by nc " * 100_000) is None
    assert rights.address("creativecommons.org/licenses/" * 100_000) is None
