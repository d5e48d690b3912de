# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Slices of classic, enhanced and nuclear medicine instances."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from monai_ddfm.dicom.read.find_instances import Instance
from monai_ddfm.dicom.read.slices import slices_of


def only_instance(make_series, **attributes) -> Instance:
    path = make_series(count=1, **attributes)[0]
    return Instance(str(path), dcmread(path, stop_before_pixels=True))


def test_classic_instance_is_one_slice(make_series) -> None:
    (one,) = slices_of(only_instance(make_series, EchoTime=30))
    assert one.frame_number is None
    np.testing.assert_array_equal(one.position, [-10, -20, 0])
    np.testing.assert_array_equal(one.normal, [0, 0, 1])
    assert one.pixel_spacing == (1.5, 1.25)
    assert one.attribute("EchoTime") == 30
    assert one.attribute("FlipAngle") is None


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_image_without_place_is_refused(make_series, keyword: str) -> None:
    with pytest.raises(ValueError, match=rf"000\.dcm has no usable {keyword}"):
        slices_of(only_instance(make_series, **{keyword: None}))


def test_senseless_geometry_is_refused(make_series) -> None:
    with pytest.raises(ValueError, match="not orthonormal"):
        slices_of(only_instance(make_series, ImageOrientationPatient=[1, 0, 0, 1, 0, 0]))
    with pytest.raises(ValueError, match="no distance between pixels"):
        slices_of(only_instance(make_series, PixelSpacing=[0, 1]))


def test_multi_frame_without_functional_groups_is_refused(make_series) -> None:
    with pytest.raises(ValueError, match="3 frames without functional groups"):
        slices_of(only_instance(make_series, NumberOfFrames=3))


def test_enhanced_frames_take_shared_then_own_attributes(make_series) -> None:
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, orientation.ImageOrientationPatient = [2, 2], [0, 1, 0, 0, 0, -1]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    frames = []
    for k in range(3):
        frame, position, echo = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient, echo.EffectiveEchoTime = [5.0 * k, 0, 0], 10.0 + k
        frame.PlanePositionSequence, frame.MREchoSequence = [position], [echo]
        frames.append(frame)
    instance = only_instance(
        make_series, NumberOfFrames=3, SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=frames
    )
    slices = slices_of(instance)
    assert [one.frame_number for one in slices] == [1, 2, 3]
    np.testing.assert_array_equal([one.position[0] for one in slices], [0, 5, 10])
    np.testing.assert_array_equal(slices[1].normal, [-1, 0, 0])
    assert slices[2].attribute("EffectiveEchoTime") == 12
    assert slices[2].name.endswith("000.dcm frame 3")
    instance.header.NumberOfFrames = 4
    with pytest.raises(ValueError, match="4 frames, but functional groups for 3"):
        slices_of(instance)


def test_nuclear_medicine_slices_are_stacked_along_the_normal(make_nuclear_medicine) -> None:
    path = make_nuclear_medicine(slices=4, spacing=-3.0)
    slices = slices_of(Instance(str(path), dcmread(path, stop_before_pixels=True)))
    np.testing.assert_allclose([one.position[2] for one in slices], [7, 4, 1, -2])
    assert [one.frame_number for one in slices] == [1, 2, 3, 4]


def test_nuclear_medicine_projections_are_refused(make_nuclear_medicine) -> None:
    path = make_nuclear_medicine(ImageType=["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"])
    with pytest.raises(ValueError, match="TOMO/EMISSION: only RECON TOMO"):
        slices_of(Instance(str(path), dcmread(path, stop_before_pixels=True)))
