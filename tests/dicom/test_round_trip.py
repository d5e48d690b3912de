# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The fused NIfTI and the fused DICOM of one run hold the same voxels at the same places of the patient."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation, Spacing
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.dicom.write.grey import write_grey_series
from monai_ddfm.transforms import WriteFused
from tests.dicom.shipped_study import FOLDERS, turned_series

# how an axial acquisition's axes lie in the patient when the same scan is made in another plane
PLANES = {
    "axial": np.eye(3),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "sagittal": np.array([[0.0, 0, 1], [1, 0, 0], [0, -1, 0]]),
    "oblique": Rotation.from_euler("zyx", [25, -40, 12], degrees=True).as_matrix(),
}
LABELS = (("L", "R"), ("P", "A"), ("I", "S"))


@pytest.fixture(scope="module")
def acquisitions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("planes")
    return {name: turned_series(FOLDERS["PT"], folder / name, turn) for name, turn in PLANES.items()}


def written(volume: MetaTensor, source: SeriesIdentity, folder: Path) -> tuple[Path, Path]:
    """The volume as NIfTI and as DICOM."""
    nifti = WriteFused()(volume, folder / "fused.nii.gz")
    write_grey_series(volume, volume.affine, source, [source], folder / "fused")
    return nifti, folder / "fused"


def assert_same(nifti: Path, dicom: Path) -> None:
    """Each NIfTI voxel's value stands in the DICOM series at the same place, to one grey level; and no voxel more."""
    image = nibabel.load(nifti)
    values = np.asarray(image.dataobj)
    array, affine, level = as_itk_reads(dicom)
    index = np.indices(values.shape).reshape(3, -1).T
    world = index @ image.affine[:3, :3].T + image.affine[:3, 3]
    found = (world - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    np.testing.assert_allclose(found, np.rint(found), atol=0.01)
    assert values.size == array.size
    np.testing.assert_allclose(array[tuple(np.rint(found).astype(int).T)], values.ravel(), atol=level)
    assert values.std() > 10 * level


def as_itk_reads(folder: Path) -> tuple[NDArray, NDArray, float]:
    """Values ``[x, y, z]``, affine (RAS) and the size of one grey level, as another reader sees the series."""
    reader = sitk.ImageSeriesReader()
    names = reader.GetGDCMSeriesFileNames(str(folder))
    reader.SetFileNames(names)
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    level = float(pydicom.dcmread(names[0]).get("RescaleSlope", 1))
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), np.diag([-1, -1, 1, 1]) @ affine, level


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    "axes", [None, "RAS", "LAS", "SAR"], ids=["as read", "RAS", "left-handed LAS", "left-handed SAR"]
)
def test_nifti_and_dicom_agree(acquisitions: dict[str, Path], tmp_path: Path, plane: str, axes: str | None) -> None:
    volume = read_series(acquisitions[plane], suv=False)
    source = SeriesIdentity.from_meta(volume.meta)
    if axes is not None:
        volume = Orientation(axes, labels=LABELS)(volume)
        left_handed = axes != "RAS"
        assert (np.linalg.det(volume.affine[:3, :3].numpy()) < 0) == left_handed
    assert_same(*written(volume, source, tmp_path))


@pytest.mark.parametrize("plane", ["axial", "oblique"])
def test_the_anchors_places_are_kept_to_the_last_digit(
    acquisitions: dict[str, Path], tmp_path: Path, plane: str
) -> None:
    volume = Orientation("LAS", labels=LABELS)(read_series(acquisitions[plane], suv=False))
    _, folder = written(volume, SeriesIdentity.from_meta(volume.meta), tmp_path)
    source = {tuple(pydicom.dcmread(f).ImagePositionPatient) for f in acquisitions[plane].iterdir()}
    derived = {tuple(pydicom.dcmread(f).ImagePositionPatient) for f in folder.iterdir()}
    assert derived == source


def test_a_resampled_grid_agrees(acquisitions: dict[str, Path], tmp_path: Path) -> None:
    """Another voxel size than the anchor's: place and spacing follow from the affine."""
    volume = read_series(acquisitions["oblique"], suv=False)
    finer = Spacing((3.0, 5.0, 2.0))(volume)
    nifti, folder = written(finer, SeriesIdentity.from_meta(volume.meta), tmp_path)
    assert_same(nifti, folder)
    first = pydicom.dcmread(sorted(folder.iterdir())[0])
    np.testing.assert_allclose(
        [*first.PixelSpacing, first.SpacingBetweenSlices if "SpacingBetweenSlices" in first else 2.0],
        [5.0, 3.0, 2.0],
        rtol=1e-6,
    )


def test_a_tilted_anchor_agrees(data_dir: Path, tmp_path: Path) -> None:
    """A gantry tilt is read onto a regular grid; what is written lies on that grid, not on the source's slices."""
    volume = read_series(data_dir / "ct_tilt")
    source = SeriesIdentity.from_meta(volume.meta)
    assert source.resampled
    thinned = MetaTensor(
        volume[:, ::4, ::4].as_subclass(torch.Tensor),
        affine=volume.affine @ torch.diag(torch.tensor([4.0, 4, 1, 1], dtype=torch.float64)),
    )
    assert_same(*written(thinned, source, tmp_path))


def test_mr_in_scanner_units_agrees_without_any_rescale(tmp_path: Path) -> None:
    """MR has no rescale: what fits whole grey levels is read back as it is, by any reader."""
    volume = read_series(FOLDERS["MR"])
    nifti, folder = written(volume, SeriesIdentity.from_meta(volume.meta), tmp_path)
    assert "RescaleSlope" not in pydicom.dcmread(folder / "0001.dcm")
    assert_same(nifti, folder)
