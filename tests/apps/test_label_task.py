# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The MONAI Label infer task; skipped where MONAI Label is not installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

pytest.importorskip("monailabel.interfaces.tasks.infer_v2", reason="needs MONAI Label: pip install 'monai-ddfm[label]'")

from monai_ddfm.apps.label_task import FusionInferTask
from monai_ddfm.pipeline import FuseDDFMd

SETTINGS = {"device": "cpu", "denoise_sources": False, "rectifier_options": {"iterations": 2}}


@pytest.fixture
def case(tmp_path: Path, example_case: Path) -> Path:
    for name, source in (("p01_MR.nii.gz", "MR_T1.nii.gz"), ("p01_PET.nii.gz", "PET.nii.gz")):
        shutil.copyfile(example_case / source, tmp_path / name)
    return tmp_path


def test_the_task_answers_with_the_fusion(case: Path) -> None:
    task = FusionInferTask(settings=SETTINGS)
    assert task.is_valid()
    assert task.info()["description"] == "DDFM image fusion of MR + PET"
    file, answer = task({"image": str(case / "p01_MR.nii.gz"), "device": "cpu"})
    assert file is not None
    fuse = FuseDDFMd(["MR", "PET"], **SETTINGS)
    expected = fuse({"MR": str(case / "p01_MR.nii.gz"), "PET": str(case / "p01_PET.nii.gz")})["fused"]
    fused = nibabel.load(file)
    np.testing.assert_allclose(fused.get_fdata(), expected[0].numpy(), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(fused.affine, expected.affine, atol=1e-4)
    assert answer["sources"]["PET"] == str(case / "p01_PET.nii.gz")
    Path(file).unlink()


def test_a_source_may_be_given_by_its_path(case: Path) -> None:
    (case / "p01_PET.nii.gz").rename(case / "uptake.nii.gz")
    task = FusionInferTask(settings=SETTINGS)
    with pytest.raises(FileNotFoundError, match=r"p01_PET\.nii\.gz: no image PET of this case; name it like p01_MR"):
        task({"image": str(case / "p01_MR.nii.gz")})
    file, _ = task({"image": str(case / "p01_MR.nii.gz"), "PET": str(case / "uptake.nii.gz")})
    assert file is not None
    Path(file).unlink()


def test_wrong_settings_are_said_at_once() -> None:
    with pytest.raises(ValueError, match="did you mean 'steps'"):
        FusionInferTask(settings={"stepps": 3})
