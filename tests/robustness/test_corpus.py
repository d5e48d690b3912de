# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Every bad input of the corpus gets the right result, or one line that names it, in bounded time and memory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from monai.bundle import ConfigWorkflow

from monai_ddfm.__main__ import parse_arguments
from monai_ddfm.bundle import config_files
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.transforms import ReadSource
from tests.robustness.corpus.bad_input import example_volume
from tests.robustness.corpus.dicom import bad_dicom, write_series
from tests.robustness.corpus.nifti import bad_nifti, clean_nifti
from tests.robustness.corpus.settings import bad_configurations, bad_settings
from tests.robustness.corpus.verdict import met_whole, require_right


@pytest.fixture(scope="module")
def volume_door(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], np.ndarray]:
    """Reads, checks, matches and normalises an MR with a PET that is as it should be."""
    pet = tmp_path_factory.mktemp("whole") / "PET.nii.gz"
    nibabel.save(example_volume("PET"), pet)
    settings = {"anchor": "MR", "sources": ["PET"], "check_registration": False, "denoise_sources": False}
    prepare = FusionPipeline(FusionConfig.of(**settings)).preprocessing
    return lambda path: prepare({"MR": str(path), "PET": str(pet)})["image"].numpy()


def test_nifti(volume_door: Callable[[Path], np.ndarray], tmp_path: Path) -> None:
    whole = tmp_path / "MR.nii"
    whole.write_bytes(clean_nifti())
    require_right(bad_nifti(), volume_door, *met_whole(volume_door, whole), tmp_path)


def test_dicom(tmp_path: Path) -> None:
    whole = write_series(tmp_path)
    door = lambda path: ReadSource()(path).numpy()  # noqa: E731
    require_right(bad_dicom(), door, *met_whole(door, whole), tmp_path)


@pytest.fixture
def small_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an MR and a PET, so small that fusing them takes no time; the test runs in an empty folder."""
    folder = tmp_path / "case"
    folder.mkdir()
    for key, name in (("MR", "MR_T1"), ("PET", "PET")):
        nibabel.save(example_volume(name).slicer[::4, ::4], folder / f"{key}.nii.gz")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return folder


def fused_in(folder: Path) -> np.ndarray:
    (fused,) = folder.rglob("*_fused.nii.gz")
    return nibabel.load(fused).get_fdata()


def test_settings(small_case: Path, tmp_path: Path) -> None:
    outputs = (tmp_path / f"typed_{number}" for number in count())

    def door(typed: tuple[str, str]) -> np.ndarray:
        images = [str(small_case / f"{key}.nii.gz") for key in ("MR", "PET")]
        output = next(outputs)
        options = parse_arguments(["fuse", *images, "-o", str(output), "--device", "cpu", "-q", "--set", *typed])
        options.run(options)
        return fused_in(output)

    require_right(bad_settings(), door, *met_whole(door, ("seed", "0")), tmp_path)
    assert not list(Path.cwd().iterdir())


def test_configurations(small_case: Path, tmp_path: Path) -> None:
    outputs = (tmp_path / f"configured_{number}" for number in count())

    def door(configured: tuple[str, Any]) -> np.ndarray:
        output = next(outputs)
        given = {"dataset_dir": str(small_case), "output_dir": str(output), "device": "cpu", "progress": False}
        prior = {"_target_": "monai_ddfm.priors.IdentityPrior"}
        settings = {**given, "network_def": prior, **dict([configured])}
        workflow = ConfigWorkflow(config_files(), logging_file=False, workflow_type="inference", **settings)
        workflow.initialize()
        workflow.run()
        return fused_in(output)

    require_right(bad_configurations(), door, *met_whole(door, ("seed", 0)), tmp_path)
    assert not list(Path.cwd().iterdir())
