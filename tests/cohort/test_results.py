# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_ddfm.cohort.record import content_key, digested, record_path
from monai_ddfm.cohort.results import Results
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors import IdentityPrior


@pytest.fixture
def case(tmp_path: Path) -> dict[str, str]:
    for name in ("MR", "PET"):
        (tmp_path / f"{name}.nii.gz").write_text(name)
    return {"case": "p1", "MR": str(tmp_path / "MR.nii.gz"), "PET": str(tmp_path / "PET.nii.gz")}


def pipeline_to(folder: Path, **settings: object) -> FusionPipeline:
    config = FusionConfig.of(**{"output_dir": str(folder), "device": "cpu", **settings})
    return FusionPipeline(config, IdentityPrior())


def results_in(folder: Path, **settings: object) -> Results:
    return Results(pipeline_to(folder, **settings))


def finished(case: dict[str, str], results: Results) -> bool:
    with digested(case, results.pipeline) as digests:
        return results.are_finished(case, digests)


def note(folder: Path, case: dict[str, str], finished: bool) -> None:
    folder.mkdir(exist_ok=True)
    record = {"content_key": content_key(case, pipeline_to(folder)), "finished": finished}
    record_path(folder, "p1").write_text(json.dumps(record))


def test_nothing_there_is_not_finished(case, tmp_path):
    assert not finished(case, results_in(tmp_path / "out"))


@pytest.mark.parametrize("end", [True, False])
def test_a_record_of_these_files_and_settings_says_it(case, tmp_path, end):
    note(tmp_path / "out", case, end)
    assert finished(case, results_in(tmp_path / "out")) is end


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
    settings = {"register": "rigid"} if change == "settings" else {}
    with pytest.raises(FileExistsError, match="is kept; give another output_dir, or overwrite"):
        finished(case, results_in(out, **settings))
    assert not finished(case, results_in(out, overwrite=True, **settings))


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


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_result_never_takes_the_place_of_a_source(tmp_path, overwrite):
    source = tmp_path / "p1.nii.gz"
    source.write_text("MR")
    case = {"case": "p1", "MR": str(source), "PET": str(source)}
    with pytest.raises(ValueError, match=r"p1\.nii\.gz: is the MR of case p1.*write elsewhere"):
        finished(case, results_in(tmp_path, fused_suffix="", overwrite=overwrite))


def test_a_series_is_never_written_over_the_folder_of_a_source(tmp_path):
    folder = tmp_path / "p1_fused" / "MR"
    folder.mkdir(parents=True)
    (tmp_path / "PET").mkdir()
    case = {"case": "p1", "MR": str(folder), "PET": str(tmp_path / "PET")}
    with pytest.raises(ValueError, match="p1_fused: is the MR of case p1"):
        finished(case, results_in(tmp_path, overwrite=True))
