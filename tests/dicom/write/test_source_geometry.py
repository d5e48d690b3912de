# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from pydicom.dataset import Dataset

from monai_ddfm.dicom.write.source_geometry import pixel_spacing_of, slice_thickness_of


def multi_frame(groups: str) -> Dataset:
    """A header that says its spacing in the shared or the per-frame functional groups."""
    measures, group, header = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1.5, 1.25], 3.0
    group.PixelMeasuresSequence = [measures]
    setattr(header, groups, [group])
    return header


def test_a_classic_header_says_it_itself() -> None:
    header = Dataset()
    header.PixelSpacing, header.SliceThickness = [2.0, 3.0], 4.0
    assert pixel_spacing_of(header) == (2.0, 3.0)
    assert slice_thickness_of(header) == 4.0


def test_a_multi_frame_header_says_it_in_its_groups() -> None:
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        assert pixel_spacing_of(multi_frame(groups)) == (1.5, 1.25)
        assert slice_thickness_of(multi_frame(groups)) == 3.0


def test_a_header_may_not_say_it() -> None:
    header = Dataset()
    header.SliceThickness = 0
    assert pixel_spacing_of(header) is None
    assert slice_thickness_of(header) is None
