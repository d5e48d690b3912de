# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Mosaics are the slices that they are made of, in their place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.dicom.write.presentation import reason_against_overlay
from tests.dicom.conftest import classic_instance
from tests.dicom.csa_header import csa_header

ROWS, COLUMNS, COUNT, STEP = 6, 5, 7, 3.0  # 7 slices on 3 x 3 tiles
ROW, COLUMN = np.array([0.8, 0.6, 0.0]), np.array([0.0, 0.0, -1.0])
SPACING = (1.5, 1.25)
FIRST = np.array([-30.0, 12.0, 44.0])  # centre of the first slice's first pixel
NORMAL = np.cross(ROW, COLUMN)


def slice_values(k: int) -> np.ndarray:
    j, i = np.mgrid[:ROWS, :COLUMNS]
    return 100 * (k + 1) + 10 * j + i


def write_mosaic(path: Path, normal: np.ndarray, change: Callable[[Dataset], None] | None = None) -> Path:
    """Seven slices as tiles; the position is that of an image of the mosaic's size with the same centre."""
    pixels = np.zeros((3 * ROWS, 3 * COLUMNS), "<u2")
    for k in range(COUNT):
        pixels[k // 3 * ROWS :][:ROWS, k % 3 * COLUMNS :][:, :COLUMNS] = slice_values(k)
    dataset = classic_instance(0, "MR", 3 * ROWS, 3 * COLUMNS, SOPInstanceUID=generate_uid())
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    dataset.PixelData, dataset.PixelSpacing = pixels.tobytes(), list(SPACING)
    dataset.SpacingBetweenSlices = STEP
    corner = FIRST - ROW * COLUMNS * SPACING[1] - COLUMN * ROWS * SPACING[0]  # half of the two further tiles
    dataset.ImagePositionPatient = [f"{value:.8f}" for value in corner]
    dataset.ImageOrientationPatient = [*ROW, *COLUMN]
    content = {"NumberOfImagesInMosaic": [COUNT], "SliceNormalVector": normal}
    dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", csa_header(content))
    if change is not None:
        change(dataset)
    path.parent.mkdir(exist_ok=True)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("sense", [1, -1])
def test_siemens(tmp_path: Path, sense: int) -> None:
    volume = read_series(write_mosaic(tmp_path / "bold.dcm", sense * NORMAL))
    assert volume.shape == (1, COLUMNS, ROWS, COUNT)
    for k in range(COUNT):
        at = k if sense > 0 else COUNT - 1 - k  # ascending along the normal
        np.testing.assert_array_equal(volume[0, :, :, at].numpy().T, slice_values(k))
        x, y, z = FIRST + sense * STEP * k * NORMAL
        np.testing.assert_allclose((volume.affine.numpy() @ [0, 0, at, 1])[:3], [-x, -y, z], atol=1e-5)
    identity = SeriesIdentity.from_meta(volume.meta)
    assert identity is not None and {one.frame_number for one in identity.instances} == {None}
    assert "tiles of mosaics" in str(reason_against_overlay(identity, [identity]))


def united_imaging(dataset: Dataset) -> None:
    """No CSA header; a private sequence with the place of every tile."""
    del dataset[0x0029, 0x0010], dataset[0x0029, 0x1010]
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "VFRAME"]
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x50, "DS", str(COUNT))
    items = []
    for k in range(COUNT):
        item = Dataset()
        item.ImagePositionPatient = [f"{value:.8f}" for value in FIRST + STEP * k * NORMAL]
        items.append(item)
    block.add_new(0x51, "SQ", items)


def test_united_imaging(tmp_path: Path) -> None:
    expected = read_series(write_mosaic(tmp_path / "siemens" / "bold.dcm", NORMAL))
    volume = read_series(write_mosaic(tmp_path / "uih" / "bold.dcm", NORMAL, united_imaging))
    np.testing.assert_array_equal(volume.numpy(), expected.numpy())
    np.testing.assert_allclose(volume.affine.numpy(), expected.affine.numpy(), atol=1e-5)


def test_one_time_point_of_several(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_mosaic(tmp_path / "bold" / f"{number}.dcm", NORMAL, lambda d, n=number: setattr(d, "InstanceNumber", n))
    with pytest.raises(ValueError, match=r"21 slices lie at 7 positions[\s\S]*InstanceNumber: 1, 2, 3"):
        read_series(tmp_path / "bold")
    assert read_series(tmp_path / "bold", select={"InstanceNumber": 2}).shape == (1, COLUMNS, ROWS, COUNT)


def without_csa(dataset: Dataset) -> None:
    del dataset[0x0029, 0x0010], dataset[0x0029, 0x1010]


def without_normal(dataset: Dataset) -> None:
    dataset[0x0029, 0x1010].value = csa_header({"NumberOfImagesInMosaic": [COUNT]})


def of_seventeen(dataset: Dataset) -> None:
    dataset[0x0029, 0x1010].value = csa_header({"NumberOfImagesInMosaic": [17]})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_csa, "does not say of how many slices"),
        (without_normal, "does not say where its slices lie"),
        (of_seventeen, "18 x 15 pixels cannot be cut into 5 x 5 tiles"),
    ],
)
def test_what_does_not_say_enough(tmp_path: Path, change: Callable[[Dataset], None], reason: str) -> None:
    with pytest.raises(ValueError, match=rf"bold\.dcm is a mosaic .*{reason}"):
        read_series(write_mosaic(tmp_path / "bold.dcm", NORMAL, change))
