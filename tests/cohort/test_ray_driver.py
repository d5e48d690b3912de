# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
import torch

from monai_ddfm.cohort.ray_driver import fuse_case, fuse_on_ray
from monai_ddfm.pipeline import FusionConfig
from monai_ddfm.priors import IdentityPrior
from tests.cohort.small_cohort import SETTINGS, fused_voxels, make_case, make_cases, run_small


class DiesOnce(IdentityPrior):
    """Notes every process that asks it; the first one dies without a word."""

    def __init__(self, tries: str) -> None:
        super().__init__()
        self.tries = tries

    def predict_x0(self, x_t: torch.Tensor, t: torch.Tensor | int) -> torch.Tensor:
        tempfile.mkstemp(dir=self.tries)
        if len(os.listdir(self.tries)) == 1:
            os._exit(9)
        return super().predict_x0(x_t, t)


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
    settings = {**SETTINGS, "output_dir": str(tmp_path / "out"), "prior": IdentityPrior()}

    with pytest.raises(RuntimeError, match="1 of 3 cases failed: case_1; the log"):
        fuse_on_ray(str(cases), retries=0, **settings)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["complete"], summary["finished"], summary["failed"]) == (True, 2, 1)
    assert summary["cases"][1]["reason"].startswith("ValueError")
    assert "case_1" not in "".join(fused_voxels(tmp_path / "out"))

    (cases / "case_1" / "PET.nii.gz").write_bytes(sound)
    fuse_on_ray(str(cases), retries=0, **settings)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["finished"], summary["kept"]) == (1, 2)
    assert fused_voxels(tmp_path / "out") == expected


def test_a_case_whose_worker_dies_is_tried_again(cluster, tmp_path):
    cases = make_cases(tmp_path / "cases", 1)
    (tmp_path / "tries").mkdir()
    settings = {**SETTINGS, "output_dir": str(tmp_path / "out"), "prior": DiesOnce(str(tmp_path / "tries"))}
    fuse_on_ray(str(cases), retries=1, **settings)
    assert len(list((tmp_path / "tries").iterdir())) >= 2
    assert list(fused_voxels(tmp_path / "out")) == ["case_0_fused.nii.gz"]


def test_one_case_alone(tmp_path):
    folder = make_cases(tmp_path / "cases", 1) / "case_0"
    case = {"case": "case_0", "MR": str(folder / "MR.nii.gz"), "PET": str(folder / "PET.nii.gz")}
    config = FusionConfig.of(**{**SETTINGS, "output_dir": str(tmp_path / "out")})
    assert fuse_case(config, case, IdentityPrior())["status"] == "finished"
    assert fuse_case(config, case, IdentityPrior())["status"] == "kept"
    of_all = [path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith("case_0")]
    assert not of_all, "what is of all cases only the driver writes: tasks would remove what others are writing"
    (folder / "PET.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"PET\.nii\.gz: no such file"):
        fuse_case(config, {**case, "case": "again"}, IdentityPrior())


def test_a_folders_name_is_data_and_never_code(cluster, tmp_path):
    """Names of cases that MONAI's configurations would evaluate."""
    name = f'$open("{tmp_path / "ran"}","w").close() or "a"'.replace("/", "_")
    make_case(tmp_path / "cases" / name, 0)
    settings = {**SETTINGS, "output_dir": str(tmp_path / "out"), "prior": IdentityPrior()}
    fuse_on_ray(str(tmp_path / "cases"), retries=0, **settings)
    assert list(fused_voxels(tmp_path / "out")) == [f"{name}_fused.nii.gz"]
