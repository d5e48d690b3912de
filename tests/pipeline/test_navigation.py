# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The preset for navigation, from files to a file of whole numbers."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from monai_ddfm.__main__ import main


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    mr = rng.integers(100, 1500, (24, 24, 6)).astype(np.int16)
    mr[5, 5, 2] = 4000  # far beyond the percentile
    pet = np.full(mr.shape, 0.5, dtype=np.float32)
    pet[8:14, 8:14, 2:4] = 9.0
    for name, voxels in (("MR", mr), ("PET", pet)):
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 3.0, 1.0])), tmp_path / f"{name}.nii.gz")
    return tmp_path


def test_whole_numbers_monotone_in_the_anchor_and_uptake_bright(volumes: Path) -> None:
    sources = [str(volumes / "MR.nii.gz"), str(volumes / "PET.nii.gz")]
    assert main(["fuse", *sources, "--preset", "navigation", "-o", str(volumes / "nav.nii.gz")]) == 0
    image = nibabel.load(volumes / "nav.nii.gz")
    assert image.get_data_dtype() == np.int16
    result, mr = np.asarray(image.dataobj), np.asarray(nibabel.load(sources[0]).dataobj)
    uptake = np.asarray(nibabel.load(sources[1]).dataobj) > 5
    order = np.argsort(mr[~uptake], kind="stable")
    assert (np.diff(result[~uptake][order]) >= 0).all()  # one scale for all slices, beyond the percentile, too
    outside = result[~uptake]
    assert len(np.unique(outside)) > 0.6 * len(np.unique(mr[~uptake]))
    assert result[uptake].min() > np.percentile(outside, 99)
    assert not (volumes / "nav_colour.nii.gz").exists()


def test_an_anchor_of_small_fractions_is_refused_in_whole_numbers(
    volumes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = nibabel.load(volumes / "MR.nii.gz")
    small = (image.get_fdata() / 4000).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(small, image.affine), volumes / "MR.nii.gz")
    sources = [str(volumes / "MR.nii.gz"), str(volumes / "PET.nii.gz")]
    assert main(["fuse", *sources, "--preset", "navigation", "-o", str(volumes / "nav.nii.gz")]) == 1
    assert "int16 holds -32768 to 32767 and needs a span of 100" in capsys.readouterr().err
