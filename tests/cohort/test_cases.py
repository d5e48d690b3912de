# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which files belong to a case."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from monai_ddfm.cohort.cases import FAULT, CaseDataset, find_cases

KEYS = ["MR", "PET"]


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of empty files; a name that ends in a slash becomes a folder."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if name.endswith("/") else path.write_bytes(b"")
        return tmp_path / "data"

    return make


def named(cases: list[dict[str, str]]) -> list[tuple[str, ...]]:
    return [(case["case"], *(Path(case[key]).name for key in KEYS)) for case in cases]


def test_folder_of_cases(folder: Callable[..., Path]) -> None:
    data = folder("p02/MR_T1.nii.gz", "p02/PET.nii", "p01/p01_mr.nii.gz", "p01/pet/", "p01/notes.txt", "empty/")
    assert named(find_cases(data, KEYS)) == [("p01", "p01_mr.nii.gz", "pet"), ("p02", "MR_T1.nii.gz", "PET.nii")]


def test_folder_of_one_case(folder: Callable[..., Path]) -> None:
    data = folder("MR.nii.gz", "PET.nii.gz", ".PET_partial.nii.gz", "CT.nii.gz")
    assert named(find_cases(data, KEYS)) == [("data", "MR.nii.gz", "PET.nii.gz")]


def test_exact_name_comes_first(folder: Callable[..., Path]) -> None:
    data = folder("p01/MR.nii.gz", "p01/MR_mask.nii.gz", "p01/PET.nii.gz")
    assert named(find_cases(data, KEYS)) == [("p01", "MR.nii.gz", "PET.nii.gz")]


def test_keys_of_several_words(folder: Callable[..., Path]) -> None:
    data = folder("p01/p01-MR-T1.nii.gz", "p01/p01-MR-T2.nii.gz")
    (case,) = find_cases(data, ["mr_t1", "MR T2"])
    assert Path(case["mr_t1"]).name == "p01-MR-T1.nii.gz"
    assert Path(case["MR T2"]).name == "p01-MR-T2.nii.gz"


def test_name_that_fits_several(folder: Callable[..., Path]) -> None:
    data = folder("p01/MR_T1.nii.gz", "p01/MR_T2.nii.gz", "p01/PET.nii.gz")
    with pytest.raises(
        ValueError, match=r"p01: 'MR' may be any of MR_T1\.nii\.gz, MR_T2\.nii\.gz; give .* e\.g\. MR_T1"
    ):
        find_cases(data, KEYS)


def test_missing_source_stops_only_its_case(folder: Callable[..., Path]) -> None:
    data = folder("p01/MR.nii.gz", "p01/PET.nii.gz", "p02/MR.nii.gz")
    good, faulty = find_cases(data, KEYS)
    assert FAULT not in good
    assert "case p02 has no image named PET" in faulty[FAULT]
    with pytest.raises(FileNotFoundError, match=r"case p02 has no image named PET.*add what is missing"):
        CaseDataset([good, faulty])[1]


def test_missing_source_of_every_case(folder: Callable[..., Path]) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"case p01 has no image named PET\. A case is a folder that holds MR, PET"
    ):
        find_cases(folder("p01/MR.nii.gz", "p01/CT.nii.gz"), KEYS)


def test_no_case(folder: Callable[..., Path]) -> None:
    with pytest.raises(FileNotFoundError, match=r"no case found; expected MR\.nii\.gz, PET\.nii\.gz in it or in each"):
        find_cases(folder("p01/CT.nii.gz"), KEYS)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder; dataset_dir must be a folder of cases"):
        find_cases(tmp_path / "nowhere", KEYS)


@pytest.mark.parametrize("keys", [["MR"], [], ["MR", "MR"], ["MR", "PET", "MR"]])
def test_fewer_than_two_sources(folder: Callable[..., Path], keys: list[str]) -> None:
    with pytest.raises(ValueError, match="an anchor and at least one other source, each once"):
        find_cases(folder("MR.nii.gz"), keys)


def datalist(folder: Path, content: object) -> Path:
    path = folder / "datalist.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("form", [lambda entries: entries, lambda entries: {"testing": entries}])
def test_datalist(folder: Callable[..., Path], form: Callable[[list], object]) -> None:
    data = folder("a.nii.gz", "sub/b.nii.gz")
    entries = [
        {"case": "x", "MR": "a.nii.gz", "PET": "sub/b.nii.gz", "age": 40},
        {"MR": str(data / "a.nii.gz"), "PET": "a.nii.gz"},
    ]
    assert find_cases(data, KEYS, datalist(data, form(entries))) == [
        {"case": "x", "MR": str(data / "a.nii.gz"), "PET": str(data / "sub/b.nii.gz")},
        {"case": "case_0001", "MR": str(data / "a.nii.gz"), "PET": str(data / "a.nii.gz")},
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "datalist.json: not valid JSON"),
        ([], "datalist.json: expected a list of cases"),
        ({"training": []}, "datalist.json: expected a list of cases"),
        ("3", "datalist.json: expected a list of cases"),
        ([{"case": "x", "MR": "a.nii.gz"}], "datalist.json: entry 0 has no path for PET; it has case, MR"),
        (["a.nii.gz"], "datalist.json: entry 0 is 'a.nii.gz', expected"),
        ([{"MR": 3, "PET": "a.nii.gz"}], "datalist.json: entry 0 has no path for MR"),
    ],
)
def test_datalist_of_another_form(folder: Callable[..., Path], content: object, reason: str) -> None:
    data = folder("a.nii.gz")
    with pytest.raises(ValueError, match=reason):
        find_cases(data, KEYS, datalist(data, content))


def test_datalist_that_is_not_there(folder: Callable[..., Path]) -> None:
    data = folder("a.nii.gz")
    with pytest.raises(FileNotFoundError, match=r"gone\.json: no such datalist"):
        find_cases(data, KEYS, data / "gone.json")


def test_files_of_a_datalist_that_are_not_there(folder: Callable[..., Path]) -> None:
    data = folder("a.nii.gz")
    entries = [{"case": "x", "MR": "a.nii.gz", "PET": "gone.nii.gz"}]
    with pytest.raises(FileNotFoundError, match=r"gone\.nii\.gz: no such file \(the PET of case x\)"):
        find_cases(data, KEYS, datalist(data, entries))
    entries.append({"case": "y", "MR": "a.nii.gz", "PET": "a.nii.gz"})
    faulty, good = find_cases(data, KEYS, datalist(data, entries))
    assert "no such file" in faulty[FAULT]
    assert FAULT not in good


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["x", "x"], "two cases are named 'x', capitals aside: their results would have the same names; rename one"),
        (["../x"], r"a case cannot be named '\.\./x'"),
        (["a/b"], "a case cannot be named 'a/b'"),
        ([".."], r"a case cannot be named '\.\.'"),
        ([""], "a case cannot be named ''"),
        (["summary"], "a case cannot be named 'summary'"),
    ],
)
def test_names_of_cases(folder: Callable[..., Path], names: list[str], reason: str) -> None:
    data = folder("a.nii.gz")
    entries = [{"case": name, "MR": "a.nii.gz", "PET": "a.nii.gz"} for name in names]
    with pytest.raises(ValueError, match=reason):
        find_cases(data, KEYS, datalist(data, entries))


def test_dataset_says_the_reason_itself() -> None:
    def refuse(_: object) -> None:
        raise ValueError("MR.nii.gz: every voxel is 0")

    with pytest.raises(ValueError, match=r"^MR\.nii\.gz: every voxel is 0$"):
        CaseDataset([{"case": "x"}], transform=refuse)[0]
