# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from monai_ddfm.cohort.ray_driver import fuse_case, fuse_on_ray
from monai_ddfm.bundle import config_files
from tests.cohort.small_cohort import SETTINGS, fused_voxels, make_cases, run_small

# notes every try; the first one dies without a word
DIES_ONCE = {
    "+imports": ["$import os", "$import tempfile"],
    "+initialize": ["$tempfile.mkstemp(dir=@tries)", "$os._exit(9) if len(os.listdir(@tries)) == 1 else None"],
}


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster of two cores on this machine."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


def test_ray_gives_what_one_process_gives_and_tells_of_a_bad_case(cluster, tmp_path):
    cases = make_cases(tmp_path / "cases", 3)
    run_small(cases, tmp_path / "one")
    expected = fused_voxels(tmp_path / "one")
    sound = (cases / "case_1" / "PET.nii.gz").read_bytes()
    (cases / "case_1" / "PET.nii.gz").write_bytes(b"nothing")
    folders = {"dataset_dir": str(cases), "output_dir": str(tmp_path / "out")}

    with pytest.raises(RuntimeError, match="1 of 3 cases failed: case_1: ValueError"):
        fuse_on_ray(config_files(), retries=0, **folders, **SETTINGS)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["complete"], summary["finished"], summary["failed"]) == (True, 2, 1)
    assert "case_1" not in "".join(fused_voxels(tmp_path / "out"))

    (cases / "case_1" / "PET.nii.gz").write_bytes(sound)
    fuse_on_ray(config_files(), retries=0, **folders, **SETTINGS)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["finished"], summary["kept"]) == (1, 2)
    assert fused_voxels(tmp_path / "out") == expected


def test_a_case_whose_worker_dies_is_tried_again(cluster, tmp_path):
    cases = make_cases(tmp_path / "cases", 1)
    (tmp_path / "tries").mkdir()
    overlay = tmp_path / "dies_once.json"
    overlay.write_text(json.dumps({"tries": str(tmp_path / "tries"), **DIES_ONCE}))
    folders = {"dataset_dir": str(cases), "output_dir": str(tmp_path / "out")}
    fuse_on_ray([*config_files(), str(overlay)], retries=1, **folders, **SETTINGS)
    assert len(list((tmp_path / "tries").iterdir())) == 2
    assert list(fused_voxels(tmp_path / "out")) == ["case_0_fused.nii.gz"]


def test_one_case_alone(tmp_path):
    folder = make_cases(tmp_path / "cases", 1) / "case_0"
    case = {"case": "case_0", "MR": str(folder / "MR.nii.gz"), "PET": str(folder / "PET.nii.gz")}
    settings = {**SETTINGS, "output_dir": str(tmp_path / "out")}
    assert fuse_case(config_files(), settings, case)["status"] == "finished"
    assert fuse_case(config_files(), settings, case)["status"] == "kept"
    (folder / "PET.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"PET\.nii\.gz: no such file"):
        fuse_case(config_files(), settings, {**case, "case": "again"})
