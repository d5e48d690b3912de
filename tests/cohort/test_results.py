# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_ddfm.cohort.record import content_key, record_path
from monai_ddfm.cohort.results import Results

ENDINGS = ["_fused.nii.gz", "_fused"]


@pytest.fixture
def case(tmp_path: Path) -> dict[str, str]:
    for name in ("MR", "PET"):
        (tmp_path / f"{name}.nii.gz").write_text(name)
    return {"case": "p1", "MR": str(tmp_path / "MR.nii.gz"), "PET": str(tmp_path / "PET.nii.gz")}


def results_in(folder: Path, settings: object = "as ever", overwrite: bool = False) -> Results:
    return Results(["MR", "PET"], folder, ENDINGS, settings, overwrite)


def note(folder: Path, case: dict[str, str], finished: bool, settings: object = "as ever") -> None:
    folder.mkdir(exist_ok=True)
    record = {"content_key": content_key(case, ["MR", "PET"], settings), "finished": finished}
    record_path(folder, "p1").write_text(json.dumps(record))


def test_nothing_there_is_not_finished(case, tmp_path):
    assert not results_in(tmp_path / "out").are_finished(case)


@pytest.mark.parametrize("finished", [True, False])
def test_a_record_of_these_files_and_settings_says_it(case, tmp_path, finished):
    note(tmp_path / "out", case, finished)
    assert results_in(tmp_path / "out").are_finished(case) is finished


@pytest.mark.parametrize("change", ["settings", "input", "no record", "broken record"])
def test_results_of_something_else_are_kept(case, tmp_path, change):
    out = tmp_path / "out"
    note(out, case, True)
    if change == "input":
        Path(case["PET"]).write_text("another")
    elif change == "no record":
        record_path(out, "p1").rename(out / "p1_fused.nii.gz")
    elif change == "broken record":
        record_path(out, "p1").write_text("{")
    settings = "other" if change == "settings" else "as ever"
    with pytest.raises(FileExistsError, match="is kept; give another output_dir, or overwrite"):
        results_in(out, settings).are_finished(case)
    assert not results_in(out, settings, overwrite=True).are_finished(case)


def test_only_leftovers_of_the_case_are_removed(case, tmp_path):
    theirs = [
        ".partial-0123abcd-p1_b_fused.nii.gz",
        ".partial-0123abcd-p11.json",
        ".partial-0123-p1.json",
        ".p1_notes",
        "p1_fused.nii.gz",
    ]
    ours = [".partial-0123abcd-p1_fused.nii.gz", ".partial-ffffffff-p1.json", ".partial-0123abcd-p1_fused/1.dcm"]
    for name in theirs + ours:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    results_in(tmp_path).remove_partial("p1")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*theirs, "MR.nii.gz", "PET.nii.gz"])


def test_no_folder_has_no_leftovers(tmp_path):
    results_in(tmp_path / "none").remove_partial("p1")
    assert not (tmp_path / "none").exists()
