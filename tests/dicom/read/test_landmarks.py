# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Landmarks of known place in the patient stay there, whatever the scanner's geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from monai_ddfm.transforms import ReadSource
from tests.dicom.conftest import classic_instance

POINTS = np.array([[-14.0, 9.0, 4.0], [16.0, -8.0, -9.0], [3.0, 22.0, 13.0]])  # LPS, mm
WIDTH = 4.0  # mm, standard deviation of a landmark
ROWS, COLUMNS, SPACING = 96, 80, (1.1, 0.9)


def write_landmarks(folder: Path, tilt_degrees: float, step: float, count: int) -> Path:
    """A CT of bright balls, its slices turned about the left-right axis and stacked along the table."""
    folder.mkdir()
    angle = np.radians(tilt_degrees)
    row, column = np.array([1.0, 0, 0]), np.array([0, np.cos(angle), -np.sin(angle)])
    j, i = np.mgrid[:ROWS, :COLUMNS]
    for k in range(count):
        corner = np.array([-36.0, -46.0, 0.0]) + np.array([0, 0, step * (k - (count - 1) / 2)])
        corner -= np.array([0, 0, column[2] * 46.0])  # so that the middle row lies at the table's height
        place = corner + i[..., None] * SPACING[1] * row + j[..., None] * SPACING[0] * column
        squared = ((place[:, :, None] - POINTS) ** 2).sum(axis=-1)
        dataset = classic_instance(k, "CT", ROWS, COLUMNS, RescaleSlope=1, RescaleIntercept=-1000)
        dataset.PixelSpacing = list(SPACING)
        dataset.GantryDetectorTilt = tilt_degrees
        dataset.SliceThickness = round(step * np.cos(angle), 4)
        dataset.ImagePositionPatient = [f"{value:.6f}" for value in corner]
        dataset.ImageOrientationPatient = [f"{value:.9f}" for value in (*row, *column)]
        dataset.PixelData = (3000 * np.exp(-squared / (2 * WIDTH**2)).sum(axis=-1)).round().astype("<u2").tobytes()
        dataset.save_as(folder / f"{k:03d}.dcm")
    return folder


def found_landmarks(voxels: NDArray[np.float64], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The centre of brightness within three widths of every landmark, RAS turned to LPS."""
    index = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), axis=-1)
    place = (index @ affine[:3, :3].T + affine[:3, 3]) * [-1, -1, 1]
    found = []
    for point in POINTS:
        weight = np.where(((place - point) ** 2).sum(axis=-1) < (3 * WIDTH) ** 2, voxels + 1000, 0)
        found.append((place * weight[..., None]).sum(axis=(0, 1, 2)) / weight.sum())
    return np.array(found)


@pytest.mark.parametrize("tilt", [0.0, 18.5, -12.0, 25.0])
@pytest.mark.parametrize("step", [1.5, 3.0])
def test_landmarks_of_a_tilted_ct(tmp_path: Path, tilt: float, step: float) -> None:
    volume = ReadSource()(write_landmarks(tmp_path / "CT", tilt, step, round(72 / step)))
    found = found_landmarks(volume[0].numpy().astype(float), volume.affine.numpy())
    np.testing.assert_allclose(found, POINTS, atol=0.05)  # a twentieth of a voxel
