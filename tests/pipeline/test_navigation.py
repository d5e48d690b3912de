# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The preset for navigation, from files to a file of whole numbers."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom import dcmread

from monai_ddfm.__main__ import main
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.transforms import MatchGrids
from tests.dicom.shipped_study import FOLDERS, volume
from tests.dicom.validators import needs_validators, validator_errors


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    mr = rng.integers(100, 1500, (24, 24, 6)).astype(np.int16)
    mr[5, 5, 2] = 4000  # far beyond the percentile
    pet = np.full(mr.shape, 0.5, dtype=np.float32)
    pet[8:14, 8:14, 2:4] = 9.0
    pet[9:11, 9:11, 2:4] = 5.5  # faint, above the threshold
    mr[9:12, 9:12, 2:4] = 100  # and in the dark
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
    assert result[uptake].min() > np.delete(outside, outside.argmax()).max()  # 4000 lies beyond the window
    assert not (volumes / "nav_colour.nii.gz").exists()


def outside_and_lit(uptake: np.ndarray, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the preset's threshold, 0.4 of the highest uptake, is surely not reached, and where it is."""
    return uptake < 0.39 * highest, uptake > 0.41 * highest


@needs_validators
def test_a_real_study_gets_one_series_of_whole_numbers_that_validators_accept(tmp_path: Path) -> None:
    """The shipped MR and PET: one window for all slices, monotone in the MR outside uptake, in the MR's study."""
    arguments = [str(FOLDERS["MR"]), str(FOLDERS["PT"]), "--preset", "navigation", "--output-format", "both"]
    assert main(["fuse", *arguments, "-o", str(tmp_path / "nav.nii.gz"), "-q"]) == 0
    files = sorted((tmp_path / "nav_fused").glob("*.dcm"))
    assert validator_errors(files) == []
    headers = [dcmread(file, stop_before_pixels=True) for file in files]
    source = dcmread(next(FOLDERS["MR"].glob("*.dcm")), stop_before_pixels=True)
    assert {(h.StudyInstanceUID, h.FrameOfReferenceUID) for h in headers} == {
        (source.StudyInstanceUID, source.FrameOfReferenceUID)
    }
    assert len({(h.SeriesInstanceUID, h.WindowCenter, h.WindowWidth) for h in headers}) == 1
    assert not any("RescaleSlope" in h for h in headers)

    series, mr = (np.asarray(read_series(folder)[0]) for folder in (tmp_path / "nav_fused", FOLDERS["MR"]))
    np.testing.assert_array_equal(series, np.asarray(nibabel.load(tmp_path / "nav.nii.gz").dataobj))
    pet = np.asarray(MatchGrids()(volume("PT"), volume("MR"))[0])
    outside, lit = outside_and_lit(pet, np.percentile(pet[pet > 0], 99.9))
    assert outside.mean() > 0.8 and lit.sum() > 100
    order = np.argsort(mr[outside], kind="stable")
    assert (np.diff(series[outside][order]) >= 0).all()
    assert series[lit].min() > np.percentile(series[outside], 99.9)


@pytest.mark.parametrize(("name", "further"), [("SPECT", []), ("zmap", ["--modalities", "MR", "NM"])])
def test_a_spect_or_a_statistical_map_is_lit_up(volumes: Path, name: str, further: list[str]) -> None:
    """A map of z values, signed, on a coarse grid: what is far above zero is lit, what is below is not."""
    z = np.random.default_rng(1).normal(0, 1, (12, 12, 3)).astype(np.float32)
    z[4:7, 4:7, 1], z[1:3, 8:10, 2] = 9.0, -9.0
    affine = np.diag([2.0, 2.0, 6.0, 1.0])
    affine[:3, 3] = 0.5, 0.5, 1.5  # a voxel holds 2 x 2 x 2 of the MR's
    nibabel.save(nibabel.Nifti1Image(z, affine), volumes / f"{name}.nii.gz")
    sources = [str(volumes / "MR.nii.gz"), str(volumes / f"{name}.nii.gz")]
    arguments = ["--preset", "navigation", "--set", "interpolation", "nearest", "-o", str(volumes / "nav.nii.gz")]
    assert main(["fuse", *sources, *further, *arguments, "-q"]) == 0
    result, mr = (np.asarray(nibabel.load(volumes / file).dataobj) for file in ("nav.nii.gz", "MR.nii.gz"))
    fine = z.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    assert result[fine == 9.0].min() > np.percentile(result[fine < 3], 99)
    order = np.argsort(mr[fine < 3], kind="stable")
    assert (np.diff(result[fine < 3][order]) >= 0).all()


def test_an_anchor_of_small_fractions_is_refused_in_whole_numbers(
    volumes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = nibabel.load(volumes / "MR.nii.gz")
    small = (image.get_fdata() / 4000).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(small, image.affine), volumes / "MR.nii.gz")
    sources = [str(volumes / "MR.nii.gz"), str(volumes / "PET.nii.gz")]
    assert main(["fuse", *sources, "--preset", "navigation", "-o", str(volumes / "nav.nii.gz")]) == 1
    assert "int16 holds -32768 to 32767 and needs a span of 100" in capsys.readouterr().err
