# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The affine against DICOM's equation and SimpleITK."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import FileDataset

from monai_ddfm.dicom.read.find_instances import Instance, find_instances
from monai_ddfm.dicom.read.geometry import stack_affine, stack_geometry
from monai_ddfm.dicom.read.slices import Slice, slices_of
from monai_ddfm.dicom.read.sorting import sort_slices

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def stack(
    rotation: np.ndarray, origin: np.ndarray, spacing: tuple[float, float, float], steps: np.ndarray, shear: float = 0.0
) -> list[Slice]:
    """Slices at `steps` along the rotation's third column, each shifted along its second by `shear` per mm."""
    instance = Instance("x.dcm", FileDataset("", {}))
    place = [origin + step * (rotation[:, 2] + shear * rotation[:, 1]) for step in steps]
    return [Slice(instance, None, {}, p, rotation[:, :2].T, (spacing[1], spacing[0])) for p in place]


def rotation_from(angles: tuple[float, float, float]) -> np.ndarray:
    transform = sitk.Euler3DTransform()
    transform.SetRotation(*angles)
    return np.array(transform.GetMatrix()).reshape(3, 3)


ANGLES = st.tuples(*[st.floats(-3, 3)] * 3)
SPACING = st.tuples(*[st.floats(0.3, 5)] * 3)


@given(ANGLES, SPACING, st.tuples(*[st.floats(-300, 300)] * 3))
def test_affine_takes_indices_to_the_headers_positions(angles, spacing, origin) -> None:
    rotation, start = rotation_from(angles), np.array(origin)
    slices = stack(rotation, start, spacing, np.arange(4) * spacing[2])
    geometry = stack_geometry(slices)
    assert geometry.is_straight and geometry.is_even and geometry.tilt_degrees == pytest.approx(0, abs=1e-4)
    affine = stack_affine(geometry)
    i, j, k = 3, 2, 1
    # PS3.3 equation C.7.6.2.1-1: position + column index x row cosines x column spacing + row index x ...
    lps = slices[k].position + i * spacing[0] * rotation[:, 0] + j * spacing[1] * rotation[:, 1]
    np.testing.assert_allclose(affine @ [i, j, k, 1], LPS_TO_RAS @ [*lps, 1], atol=1e-6)
    assert np.linalg.det(affine[:3, :3]) > 0


def test_affine_is_simpleitks(make_series) -> None:
    tilted = [0.8, 0.6, 0, 0, 0, -1]
    normal = np.cross(tilted[:3], tilted[3:])
    paths = make_series(
        each=[{"ImagePositionPatient": (3.0 * k * normal + [1, 2, 3]).tolist()} for k in range(4)],
        ImageOrientationPatient=tilted,
    )
    image = sitk.ReadImage([str(path) for path in paths])
    expected = np.eye(4)
    expected[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    expected[:3, 3] = image.GetOrigin()
    slices = sort_slices([slices_of(instance)[0] for instance in find_instances(paths)])
    np.testing.assert_allclose(stack_affine(stack_geometry(slices)), LPS_TO_RAS @ expected, atol=1e-6)


def test_tilt_and_uneven_spacing_are_seen() -> None:
    tilt = np.radians(18.5)
    geometry = stack_geometry(stack(np.eye(3), np.zeros(3), (1, 1, 4), np.arange(6) * 4.0, shear=np.tan(tilt)))
    assert geometry.tilt_degrees == pytest.approx(18.5)
    assert not geometry.is_straight and geometry.is_even
    uneven = stack_geometry(stack(np.eye(3), np.zeros(3), (1, 1, 4), np.array([0, 4, 8, 9, 16, 23])))
    assert uneven.is_straight and not uneven.is_even
    assert uneven.fine_spacing == 4


def test_single_slice_takes_its_thickness(make_series) -> None:
    (instance,) = find_instances(make_series(count=1, SliceThickness=6.5))
    geometry = stack_geometry(slices_of(instance))
    assert geometry.spacing == 6.5 and geometry.tilt_degrees == 0
    assert stack_affine(geometry)[2, 2] == 6.5
