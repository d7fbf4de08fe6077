"""Labels and notices of Local Contexts, as records have them."""

import pytest

from llm_glam.formats import local_contexts
from llm_glam.formats.local_contexts import LABELS, NOTICES, Label

A = Label("TK Attribution (TK A)", "https://localcontexts.org/label/tk-attribution/")
R = Label("BC Research Use (BC R)", "https://localcontexts.org/label/bc-research-use/")
N = Label("TK Notice", "https://localcontexts.org/notice/tk-notice/")
UUID = "71b32571-0176-4627-8e01-4d78818432a7"
P = Label("Local Contexts project", f"https://localcontextshub.org/projects/{UUID}/")


@pytest.mark.parametrize(
    ("heading", "value", "expected"),
    [
        ("tk_label", "TK A", [A]),
        ("TK Labels", "TK-A; TK Attribution (TK A)", [A]),
        ("BC Label", "BC Research Use", [R]),
        ("TK/BC Labels", '["tk attribution", "BC R"]', [A, R]),
        ("TK and BC labels", ["TK A", "BC R"], [A, R]),
        ("Traditional Knowledge Labels", "tk_attribution", [A]),
        ("Biocultural label", "BC-R", [R]),
        ("Local Contexts", f"TK Notice | {UUID}", [N, P]),
        ("LocalContexts project", UUID.upper(), [P]),
        ("local_contexts_notice", "Gender aware notice", "gender-aware"),
        ("TK Labels", "Yidaki Label (TK Y)", [Label("Yidaki Label (TK Y)")]),
        (
            "rights",
            f"See {A.address} and http://localcontexts.org/notice/tk-notice",
            [A, N],
        ),
        ("licence", f"{P.address}#labels", [P]),
        ("TK Labels", f"TK Attribution (TK A) {A.address}", [A]),
        ("rights", "https://localcontexts.org/label/none-such/", []),
        ("rights", "https://notlocalcontexts.org/label/tk-attribution/", []),
        ("title", "TK A", []),
        ("label", "TK A", []),
        ("Notice", "Safety", []),
        ("TK", "TK A", []),
        ("TK Labels", None, []),
        ("TK Labels", 3, []),
        ("TK Labels", "[", [Label("[")]),
    ],
)
def test_labels_of_a_record(heading, value, expected):
    found = local_contexts.of_record({"other": "x", heading: value})
    if expected == "gender-aware":
        expected = [
            Label(NOTICES[expected], f"https://localcontexts.org/notice/{expected}/")
        ]
    assert found == expected


def test_names_codes_and_addresses_are_the_same():
    assert len({code for _, code in LABELS.values()}) == len(LABELS) == 30
    for slug, names in LABELS.items():
        cells = [*names, slug, f"https://localcontexts.org/label/{slug}/"]
        (label,) = {local_contexts.of_record({"TK Labels": cell})[0] for cell in cells}
        assert label.address.endswith(f"/{slug}/")


def test_labels_are_counted_once_and_bounded():
    row = {"TK Labels": "TK A", "rights": A.address, "BC Labels": "x;" * 5000}
    assert local_contexts.of_record(row) == [A, Label("x")]
    many = {"TK Labels": ";".join(map(str, range(1000)))}
    assert len(local_contexts.of_record(many)) == local_contexts.MOST
