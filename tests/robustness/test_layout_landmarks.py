# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A landmark in every vendor's layout stays at its place in the patient, from scanner's file to written series."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from monai.data import MetaTensor
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.write.grey import write_grey_series
from monai_ddfm.pipeline import FuseDDFM
from monai_ddfm.priors import IdentityPrior
from monai_ddfm.transforms import ReadSource
from tests.dicom.layouts import LAYOUTS, Stack

Points = NDArray[np.float64]  # [..., 3], LPS in mm

SHAPE = (20, 26, 24)  # slices, rows, columns
IN_BOTH = np.array([[-9.0, 6, 4], [10, -7, -8], [3, 11, 9]])
IN_THE_OTHER = np.array([-4.0, -9, -6])
WIDTH = 3.5  # mm, standard deviation of a landmark
TURNED, SHIFTED = Rotation.from_euler("xyz", (2, -3, 3), degrees=True), np.array([3.0, -2.0, 2.5])  # the patient moved
MODALITIES = {"MR": "MR", "CT": "CT", "PET": "PT", "mosaic": "MR", "multi-frame": "NM"}


def stack(angles: tuple[float, float, float], spacing: tuple[float, float], step: float) -> Stack:
    """Oblique slices about the origin."""
    row, column, normal = Rotation.from_euler("xyz", angles, degrees=True).as_matrix().T
    count, rows, columns = SHAPE
    across = row * (columns - 1) * spacing[1] + column * (rows - 1) * spacing[0] + normal * (count - 1) * step
    return Stack(-across / 2, row, column, normal * step, spacing)


def phantom(place: Points, landmarks: Points) -> NDArray[np.uint16]:
    """A body of even brightness and bright balls in it, at these places."""
    body = 120 * (((place / (26, 22, 24)) ** 2).sum(axis=-1) < 1)
    squared = ((place[..., None, :] - landmarks) ** 2).sum(axis=-1)
    return (body + 450 * np.exp(-squared / (2 * WIDTH**2)).sum(axis=-1)).round().astype(np.uint16)


def found(volume: MetaTensor, landmark: Points) -> Points:
    """The centre of what is brighter than half of the brightest voxel within two widths of a landmark."""
    voxels, affine = volume[0].numpy().astype(float), volume.affine.numpy()
    index = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), axis=-1)
    place = (index @ affine[:3, :3].T + affine[:3, 3]) * [-1, -1, 1]
    near = ((place - landmark) ** 2).sum(axis=-1) < (2.2 * WIDTH) ** 2
    bright = np.where(near, voxels - voxels[near].min(), 0)
    weight = np.clip(bright - bright.max() / 2, 0, None)
    return (place * weight[..., None]).sum(axis=(0, 1, 2)) / weight.sum()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_landmarks_stay_within_half_a_voxel(layout: str, tmp_path: Path) -> None:
    """Read, registered, matched, fused, written and read again: those of the anchor, and one that it does not show.

    The other source comes in another layout and on another grid, and the patient has moved before it.
    """
    names = list(LAYOUTS)
    pair = [layout, names[(names.index(layout) + 4) % len(names)]]
    grids = [stack((20, -15, 30), (2.1, 1.9), 2.4), stack((-10, 5, -20), (2.3, 2.3), 2.2)]
    LAYOUTS[pair[0]](tmp_path / "0", grids[0], phantom(grids[0].places(*SHAPE), IN_BOTH))
    before = TURNED.inv().apply((grids[1].places(*SHAPE) - SHIFTED).reshape(-1, 3)).reshape(*SHAPE, 3)
    LAYOUTS[pair[1]](tmp_path / "1", grids[1], phantom(before, np.vstack([IN_BOTH, IN_THE_OTHER])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sources = [ReadSource()(tmp_path / str(number)) for number in range(2)]
        modalities = [MODALITIES[name.split()[-1]] for name in pair]
        fuse = FuseDDFM(modalities, network=IdentityPrior(), device="cpu", register="rigid", check_registration=False)
        fused = fuse(sources)
        anchor = SeriesIdentity.from_meta(sources[0].meta)
        assert anchor is not None
        written = ReadSource()(write_grey_series(fused, fused.affine, anchor, [anchor], tmp_path / "out")[0].parent)
    spacing = min(*grids[0].spacing, float(np.linalg.norm(grids[0].step)))
    for landmark in (*IN_BOTH, IN_THE_OTHER):
        assert np.abs(found(written, landmark) - landmark).max() < spacing / 2
