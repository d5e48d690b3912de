# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from monai_ddfm.errors import reason_of
from tests.cohort.small_cohort import fused_voxels, make_case, make_cases, run_small, small_workflow


def summary_of(output_dir: Path) -> dict:
    return json.loads((output_dir / "summary.json").read_text())


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


@pytest.fixture
def three_cases(tmp_path: Path) -> Path:
    return make_cases(tmp_path / "cases", 3)


def test_all_cases_are_fused_and_accounted_for(three_cases, tmp_path):
    run_small(three_cases, tmp_path / "out")
    summary = summary_of(tmp_path / "out")
    assert summary["complete"]
    assert (summary["finished"], summary["kept"], summary["failed"], summary["pending"]) == (3, 0, 0, [])
    for case in summary["cases"]:
        assert set(case["seconds"]) == {"load", "fuse", "write"}
    assert len(fused_voxels(tmp_path / "out")) == 3


@pytest.mark.parametrize("fault", ["truncated", "empty", "missing", "no folder entry"])
def test_a_bad_case_is_reported_and_the_others_are_finished(three_cases, tmp_path, fault):
    bad = three_cases / "case_1" / "PET.nii.gz"
    overrides = {}
    if fault == "truncated":
        truncate(bad)
    elif fault == "empty":
        nibabel.save(nibabel.Nifti1Image(np.zeros((16, 12, 3), np.float32), np.eye(4)), bad)
    elif fault == "missing":
        bad.unlink()
    else:  # a datalist that names a file that is not there
        bad.unlink()
        entries = [{"case": f"case_{n}"} | {k: f"case_{n}/{k}.nii.gz" for k in ("MR", "PET")} for n in range(3)]
        overrides["datalist"] = str(tmp_path / "list.json")
        Path(overrides["datalist"]).write_text(json.dumps(entries))
    with pytest.raises(RuntimeError, match=r"1 of 3 cases failed: case_1; .*run again: finished cases are kept"):
        run_small(three_cases, tmp_path / "out", **overrides)
    summary = summary_of(tmp_path / "out")
    assert (summary["finished"], summary["failed"]) == (2, 1)
    assert "case_1" in summary["cases"][1]["reason"]
    assert sorted(fused_voxels(tmp_path / "out")) == ["case_0_fused.nii.gz", "case_2_fused.nii.gz"]
    (left,) = (tmp_path / "out").glob("case_1*")
    assert left.name == "case_1_report.html"  # which says why
    assert "Why it failed" in left.read_text()


def test_put_right_and_run_again_only_what_failed_is_done(three_cases, tmp_path):
    sound = (three_cases / "case_2" / "PET.nii.gz").read_bytes()
    truncate(three_cases / "case_2" / "PET.nii.gz")
    with pytest.raises(RuntimeError):
        run_small(three_cases, tmp_path / "out")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("case_*")}
    (three_cases / "case_2" / "PET.nii.gz").write_bytes(sound)
    run_small(three_cases, tmp_path / "out")
    summary = summary_of(tmp_path / "out")
    assert (summary["finished"], summary["kept"], summary["failed"]) == (1, 2, 0)
    assert "Why it failed" not in (tmp_path / "out" / "case_2_report.html").read_text()
    for name, changed in before.items():
        if name == "case_2_report.html":
            continue
        assert (tmp_path / "out" / name).stat().st_mtime_ns == changed


def test_a_case_that_cannot_be_fused_does_not_stop_the_others(three_cases, tmp_path):
    workflow = small_workflow(three_cases, tmp_path / "out")
    fuse = workflow.evaluator.inferer

    def fuse_all_but_five_slices(inputs, network):
        if inputs.shape[-1] == 3:
            raise MemoryError("not enough memory for a single slice")
        return fuse(inputs, network)

    workflow.evaluator.inferer = fuse_all_but_five_slices
    with pytest.raises(RuntimeError) as raised:
        workflow.run()
    assert "1 of 3 cases failed: case_1" in str(reason_of(raised.value))
    assert summary_of(tmp_path / "out")["cases"][1]["reason"].startswith("MemoryError: not enough memory")
    assert (summary_of(tmp_path / "out")["finished"], summary_of(tmp_path / "out")["failed"]) == (2, 1)


def test_the_error_of_a_single_case_is_its_own(tmp_path):
    truncate(make_case(tmp_path / "only", 0) / "PET.nii.gz")
    with pytest.raises(ValueError, match=r"PET\.nii\.gz: cannot be read"):
        run_small(tmp_path / "only", tmp_path / "out")
    assert summary_of(tmp_path / "out")["failed"] == 1


def test_results_with_other_settings_are_kept_and_other_cases_done(three_cases, tmp_path):
    run_small(three_cases / "case_1", tmp_path / "out", seed=5)
    kept = fused_voxels(tmp_path / "out")["case_1_fused.nii.gz"]
    with pytest.raises(RuntimeError, match=r"1 of 3 cases failed: case_1"):
        run_small(three_cases, tmp_path / "out")
    summary = summary_of(tmp_path / "out")
    assert summary["finished"] == 2
    assert "is kept" in summary["cases"][1]["reason"]
    assert fused_voxels(tmp_path / "out")["case_1_fused.nii.gz"] == kept


def test_an_output_folder_that_cannot_be_made_stops_before_the_work(three_cases, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot make this output folder"):
        run_small(three_cases, tmp_path / "file" / "out")


def test_a_gpu_that_is_not_there_stops_before_the_work(three_cases, tmp_path):
    with pytest.raises(ValueError, match="there is no such GPU"):
        run_small(three_cases, tmp_path / "out", device="cuda:99")
    assert not (tmp_path / "out").exists()


def test_a_summary_that_a_killed_run_was_writing_goes(three_cases, tmp_path):
    left = tmp_path / "out" / ".partial-0123abcd-summary.json"
    left.parent.mkdir()
    left.write_text("{")
    run_small(three_cases / "case_0", tmp_path / "out")
    assert not left.exists()


def test_no_summary_where_none_is_wanted(three_cases, tmp_path):
    run_small(three_cases / "case_0", tmp_path / "out", summary=None)
    assert not (tmp_path / "out" / "summary.json").exists()


def test_several_processes_need_torchrun(three_cases, tmp_path, monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match="start it with `torchrun"):
        run_small(three_cases, tmp_path / "out", ("multi_gpu_inference.yaml",))


@pytest.mark.parametrize("overlays", [(), ("multi_gpu_inference.yaml",)])
def test_the_bundle_has_all_properties(three_cases, tmp_path, overlays, monkeypatch):
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    assert small_workflow(three_cases, tmp_path / "out", overlays).check_properties() == []


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 32 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.name != "posix" or os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=32k none {folder} 2>/dev/null"):
        pytest.skip("only root can mount a small file system")
    yield folder
    os.system(f"umount {folder}")


def test_a_full_disk_stops_the_run_and_leaves_nothing_broken(tmp_path, small_disk, caplog):
    cases = make_cases(tmp_path / "cases", 4)
    with pytest.raises(RuntimeError, match=r"cases failed and \d were not begun"):
        run_small(cases, small_disk)
    assert "no space left on this disk; free some" in caplog.text
    assert not list(small_disk.glob(".partial-*"))
    for path in small_disk.iterdir():
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".gz":
            np.asarray(nibabel.load(path).dataobj)
    assert len(fused_voxels(small_disk)) < 4
