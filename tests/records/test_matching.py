"""Which pictures a record describes, by its key and their names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_glam.records import matching
from llm_glam.records.matching import Picture


def pictures(*files):
    return [Picture(file, file) for file in files]


def matched(files, keys):
    return matching.match(pictures(*files), keys).keys


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("1887_3804-2_recto.jpg", "1887/3804.2"),
        ("1887_3804-2.JPG", "1887/3804.2"),
        ("1887.3804.2.tif", "1887/3804.2"),
        ("scans/1887/3804.2_verso.jpg", "1887/3804.2"),
        ("1887_03804_002 detail.jpg", "1887/3804.2"),
        ("IMG_1887-3804-2.jpg", "1887/3804.2"),
        ("acc 1887 3804 2 (1).jpg", "1887/3804.2"),
        ("a-123b.png", "A 123 b"),
        ("red.jpg", "red.JPG"),
        ("sub/red.jpg", "sub\\red.jpg"),
        ("sub/red.jpg", "red"),
        ("ble\u0301.jpg", "bl\u00e9.jpg"),
        ("\uff11\uff12\uff13.jpg", "123"),
        ("NH 1999_12r.jpg", "NH 1999/12"),
        ("box 4/1887_3804.jpg", "1887/3804"),
        ("1887_3804_7.jpg", "1887/3804"),
        ("0032-bronze-coin.jpg", "0032"),
        ("0032-bronze-coin.jpg", "32"),
        ("box 7/2 verso.jpg", "2"),
    ],
)
def test_names_of_one_picture(file, key):
    assert matched([file], [key]) == {file: key}


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("1887_3804-3.jpg", ["1887/3804", "1887/3805.2"]),  # 3804.3, or the third shot
        ("1887_3804b.jpg", ["1887/3804", "1887/3805a"]),
        ("1887_12_1999_4.jpg", ["1887/12", "1999/4"]),
        ("1887_1_recto.jpg", ["1887/01", "1887/001"]),
    ],
)
def test_a_choice_is_not_made(file, keys):
    found = matching.match(pictures(file), keys)
    assert not found.keys
    assert set(found.ambiguous[file]) <= set(keys)


def test_same_names_in_several_folders_are_ambiguous():
    files = ["a/DSC1.jpg", "b/DSC1.jpg"]
    found = matching.match(pictures(*files), ["DSC1.jpg"])
    assert not found.keys
    assert found.ambiguous == {file: ["DSC1.jpg"] for file in files}
    assert matched(files, ["a/DSC1.jpg"]) == {"a/DSC1.jpg": "a/DSC1.jpg"}


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("12.jpg", "1887/12"),
        ("apple.jpg", "apples"),
        ("a_2_b.jpg", "2"),
        ("x.jpg", ""),
        ("box 2/a.jpg", "2"),
    ],
)
def test_what_is_less_than_a_key_does_not_match(file, key):
    found = matching.match(pictures(file), [key])
    assert not found.keys
    assert not found.ambiguous


def test_the_longest_key_wins():
    keys = ["1887/3804", "1887/3804.2"]
    files = ["1887_3804_recto.jpg", "1887_3804-2_recto.jpg"]
    assert matched(files, keys) == dict(zip(files, keys, strict=True))


def test_zeros_decide_where_both_are_keys():
    keys = ["1887/01", "1887/1"]
    assert matched(["1887_01_r.jpg", "1887_1_r.jpg"], keys) == {
        "1887_01_r.jpg": "1887/01",
        "1887_1_r.jpg": "1887/1",
    }


def test_several_pictures_of_a_record_are_in_their_order():
    files = [f"1887_3804-2_{n}.jpg" for n in (10, 2, 1)]
    found = matching.match(pictures(*files), ["1887/3804.2"])
    assert found.pictures() == {"1887/3804.2": files[::-1]}


def test_the_back_comes_after_the_front():
    files = [
        "1887_1_back.jpg",
        "1887_1_detail.jpg",
        "1887_1_front.jpg",
        "1887_1_verso.jpg",
    ]
    found = matching.match(pictures(*files), ["1887/1"]).pictures()
    assert found["1887/1"] == [files[1], files[2], files[0], files[3]]


def test_a_pattern_finds_the_key():
    files = ["shot12_of_1887-5.jpg", "none.jpg", "shot1_of_1999-1.jpg"]
    pattern = re.compile(r"_of_(\d+-\d+)")
    found = matching.match_by_pattern(pattern, pictures(*files), ["1887/5", "1999-1"])
    assert found.keys == {files[0]: "1887/5", files[2]: "1999-1"}
    without_group = re.compile(r"\d+-\d+")
    assert matching.match_by_pattern(
        without_group, pictures(*files), ["1887/5"]
    ).keys == {files[0]: "1887/5"}


def test_the_column_that_matches_most_is_the_key():
    files = pictures("1887_1.jpg", "1887_2.jpg", "1887_3.jpg")
    columns = {
        "Year": ["1887", "1887", "1887"],
        "Accession No.": ["1887/1", "1887/2", "1887/3"],
        "Title": ["Apples", "Pears", "Plums"],
    }
    assert matching.best_column(files, columns) == "Accession No."
    assert matching.best_column(files, {"Title": columns["Title"]}) is None


def test_columns_that_cannot_win_are_not_looked_at():
    tried = []

    def find(pictures, keys):
        tried.append(keys)
        return matching.match(pictures, keys)

    columns = {"Artist": ["Vega", "Vega", "Böhm"], "Nr": ["1887/1", "1887/2", "1888/3"]}
    files = pictures("1887_1.jpg", "1887_2.jpg", "1888_3.jpg")
    assert matching.best_column(files, columns, find) == "Nr"
    assert tried == [set(columns["Nr"])]


@pytest.mark.parametrize("few", [0, 10])
def test_many_keys_do_not_change_what_matches(monkeypatch, few):
    monkeypatch.setattr(matching, "FEW", few)
    others = [f"2001/{n}.3" for n in range(30)]
    files = ["0012-3 recto.jpg", "Ｎ 1887/3804_2.jpg", "1887_3804-3.jpg", "x.jpg"]
    found = matching.match(
        pictures(*files), ["12/3", "n-1887-3804", "1887/3804", *others]
    )
    assert found.keys == {files[0]: "12/3"}
    assert set(found.ambiguous) == set(files[1:3])  # 3804, or a part of it


def test_a_year_is_no_key_though_every_name_has_it():
    files = pictures(
        "1887_1.jpg", "1887_2.jpg", "1888_3.jpg", "1888_4.jpg", "1887_9.jpg"
    )
    columns = {"Year": ["1887", "1887", "1888"], "Nr": ["1887/1", "1887/2", "1888/3"]}
    assert matching.best_column(files, columns) == "Nr"
    assert matching.best_column(files, {"Year": ["1887"] * 4 + ["1888"] * 7}) is None


MAIN = [f"{n}.{n % 7}" for n in range(60, 74)]  # accession numbers


def test_a_number_can_only_count_pictures():
    files = [f"{key}_{n}.jpg" for key in [*MAIN, "12"] for n in (1, 2)]
    found = matching.match(pictures(*files), [*MAIN, "12", "99.1.2.3"])
    assert found.keys == {file: file.rpartition("_")[0] for file in files}
    assert set(found.how.values()) == {matching.COUNTED}
    assert found.pictures()["12"] == ["12_1.jpg", "12_2.jpg"]


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        (["12_1"], []),  # the sheet itself uses the separator
        (["61.5.1"], ["61.5_1.jpg"]),  # a name uses it for a part
        (["97/3.8"], ["97_3.8.jpg"]),
        (["97/3.8"], ["IMG 97_3.8 detail.jpg"]),
    ],
)
def test_a_number_may_be_a_part(keys, files):
    doubtful = [f"{key}_{n}.jpg" for key in [*MAIN, "12"] for n in (2, 3)]
    found = matching.match(
        pictures(*doubtful, *files), [*MAIN, "12", "99.1.2.3", *keys]
    )
    assert set(found.ambiguous) == set(doubtful)
    assert found.pattern == r"([^/]*)_\d+\.\w+$"
    pattern = re.compile(found.pattern)
    assert set(matching.match_by_pattern(pattern, pictures(*doubtful), MAIN).keys) == {
        *doubtful[:-2]
    }


@pytest.mark.parametrize(
    "names",
    [
        [f"{key}_{n}" for key in MAIN[:4] for n in (1, 2)],  # too few to know
        [f"{key.replace('.', '_')}_1" for key in MAIN],
        [f"{key}.1" for key in MAIN],
        [f"{key}_1999" for key in MAIN],
        [f"{key}_1_2" for key in MAIN],
        [f"7-{key}_1" for key in MAIN],
        [f"{key}b_1" for key in MAIN],
    ],
)
def test_what_may_be_a_part_is_ambiguous(names):
    found = matching.match(pictures(*(f"{n}.jpg" for n in names)), [*MAIN, "99.1.2.3a"])
    assert not found.keys


PARTS = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


@given(st.sets(PARTS, min_size=3, max_size=60), st.sets(PARTS, max_size=30), st.data())
def test_a_further_number_is_never_taken_wrongly(numbers, missing, data):
    """Files of numbers, some of which the sheet lacks, each with its pictures counted or not."""
    inner, between = data.draw(st.permutations("-_.,"))[:2]
    is_counted = data.draw(st.booleans())
    files = {
        f"{inner.join(map(str, n))}{f'{between}1' * is_counted}.jpg": n
        for n in numbers | missing
    }
    keys = {".".join(map(str, n)): n for n in numbers - missing}
    found = matching.match(pictures(*files), keys)
    for file, how in found.how.items():
        if how == matching.COUNTED:
            assert is_counted
            assert keys[found.keys[file]] == files[file]


@pytest.mark.parametrize(
    ("file", "address"),
    [
        ("1887_3804.jpg", "https://host/img/1887_3804.jpg?size=large"),
        ("1887_3804.tif", "HTTP://host/img/1887_3804.jpg#top"),
        ("scans/1887_3804.tif", " https://host/1887-3804.jpg "),
        ("1887_3804-recto.jpg", "https://host/id/1887-3804/"),
        ("A-12.jpg", "https://host/objects/A-12/full/800,/0/default.jpg"),
        ("A-12.jpg", "https://host/iiif/2/objects%2FA-12.tif/info.json"),
        ("A-12.tif", "https://host/A-12/pct:1,2,50,50.5/^!90,90/!90.5/gray.png"),
        ("Blé 1.jpg", "https://host/a%20b/Bl%C3%A9%201.jpg"),
        ("Blé.jpg", "https://host/Ble%CC%81.jpg"),
        ("box1/001.jpg", "https://host/x/box1/001.jpg"),
        ("full.jpg", "https://host/full/full.jpg"),
    ],
)
def test_web_addresses_of_a_picture(file, address):
    assert matched([file, "z.jpg"], [address, "", "https://host/", "https://["]) == {
        file: address
    }


def test_the_last_parts_of_addresses_decide():
    keys = [f"https://h/{n}" for n in ("a/1.jpg", "b/1.jpg", "c/2.jpg", "c/2.png")]
    files = ["b/1.tif", "2.png", "2.jpg", "x/3.jpg"]
    found = matching.match(pictures(*files, "9.jpg"), [*keys, "x/3.jpg"])
    assert found.keys == dict(
        zip(files, [keys[1], keys[3], keys[2], "x/3.jpg"], strict=True)
    )


@pytest.mark.parametrize(
    ("files", "paths"),
    [
        (["1.jpg"], ["a/1.jpg", "b/1.jpg"]),
        (["a/1.jpg", "b/1.jpg"], ["c/1.jpg"]),
        (["default.jpg"], ["a/default.jpg", "b/default.jpg"]),
        (["A-12.jpg"], ["A-12/full/800,/0/default.jpg", "A-12/full/9,/0/default.jpg"]),
        (["1.tif"], ["a/1.jpg", "a/1.png"]),
        (["1887-1.jpg"], ["1887_1.jpg", "1887.1.jpg"]),
    ],
)
def test_addresses_that_end_alike_are_ambiguous(files, paths):
    keys = [f"https://host/{path}" for path in paths]
    found = matching.match(pictures(*files), keys)
    assert found.ambiguous == dict.fromkeys(files, keys)


def test_numbers_come_before_addresses():
    numbers = ["1887/1", "1887/2"]
    addresses = [f"https://h/{n.replace('/', '_')}.jpg" for n in numbers]
    files = pictures("1887_1.jpg", "1887_2.jpg")
    assert matching.best_column(files, {"URL": addresses, "Nr": numbers}) == "Nr"
    assert matching.best_column(files, {"URL": addresses}) == "URL"


NUMBERS = st.lists(st.integers(1, 9999), min_size=1, max_size=3)


@given(st.lists(NUMBERS.map(tuple), unique=True, min_size=1, max_size=30), st.data())
def test_no_picture_gets_the_record_of_another(numbers, data):
    keys = {"/".join(map(str, n)): n for n in numbers}
    shot = data.draw(st.sampled_from(["", "_recto", "_verso", "-r", " detail"]))
    separator = data.draw(st.sampled_from("-_. "))
    files = {f"{separator.join(map(str, n))}{shot}.jpg": n for n in numbers}
    for file, key in matched(files, keys).items():
        assert keys[key] == files[file]
