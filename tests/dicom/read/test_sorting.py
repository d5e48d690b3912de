# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Order by position; duplicates and gaps."""

from __future__ import annotations

import pytest

from monai_ddfm.dicom.read.find_instances import find_instances
from monai_ddfm.dicom.read.slices import Slice, slices_of
from monai_ddfm.dicom.read.sorting import gaps_between, select_slices, sort_slices


def slices_at(make_series, depths: list[float], **attributes) -> list[Slice]:
    paths = make_series(each=[{"ImagePositionPatient": [0, 0, z]} for z in depths], **attributes)
    return [slices_of(instance)[0] for instance in find_instances(paths)]


def test_sorted_by_position_not_by_instance_number(make_series) -> None:
    each = [{"ImagePositionPatient": [0, 0, z], "InstanceNumber": n} for z, n in ((6, 1), (0, 2), (4, 3), (2, 4))]
    slices = [slices_of(instance)[0] for instance in find_instances(make_series(each=each))]
    assert [one.position[2] for one in sort_slices(slices)] == [0, 2, 4, 6]


def test_sorted_along_the_normal(make_series) -> None:
    slices = slices_at(make_series, [0, 2, 4], ImageOrientationPatient=[1, 0, 0, 0, -1, 0])  # normal points down
    assert [one.position[2] for one in sort_slices(slices)] == [4, 2, 0]


@pytest.fixture
def two_echoes(make_series) -> list[Slice]:
    each = [{"ImagePositionPatient": [0, 0, z], "EchoTime": echo} for z in (0, 2, 4) for echo in (30, 90.5)]
    return [slices_of(instance)[0] for instance in find_instances(make_series(each=each))]


def test_duplicate_positions_are_refused_with_what_differs(two_echoes: list[Slice]) -> None:
    with pytest.raises(ValueError, match="6 slices lie at 3 positions") as error:
        sort_slices(two_echoes)
    assert "EchoTime: 30, 90.5" in str(error.value)
    assert "select={'EchoTime': ...}" in str(error.value)
    assert "FlipAngle" not in str(error.value)


@pytest.mark.parametrize("value", [30, "30", 30.0])
def test_selection_of_one_echo(two_echoes: list[Slice], value) -> None:
    kept = sort_slices(select_slices(two_echoes, {"EchoTime": value}))
    assert [(one.position[2], float(one.attribute("EchoTime"))) for one in kept] == [(0, 30), (2, 30), (4, 30)]


def test_selection_of_what_is_not_there(two_echoes: list[Slice]) -> None:
    with pytest.raises(ValueError, match=r"no slice has EchoTime = 31; found 30, 90\.5"):
        select_slices(two_echoes, {"EchoTime": 31})


@pytest.mark.parametrize(
    ("second", "what"),
    [
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, 1]}, "orientation"),
        ({"PixelSpacing": [2, 2]}, "pixel spacing"),
        ({"rows": 7}, "7 x 5 pixels"),
    ],
)
def test_slices_that_are_no_stack(make_series, second: dict, what: str) -> None:
    paths = make_series(each=[{}, second])
    with pytest.raises(ValueError, match=rf"not one stack of slices: .*001\.dcm has {what}"):
        sort_slices([slices_of(instance)[0] for instance in find_instances(paths)])


@pytest.mark.parametrize(
    ("depths", "missing"),
    [
        ([0, 2, 4, 6], []),
        ([0, 2, 4.05, 6], []),
        ([0, 2, 6, 8], [1]),
        ([0, 2, 8, 10, 12], [2]),
        ([0, 2, 6], [1]),
        ([5], []),
        ([0, 40], []),
    ],
)
def test_gaps(make_series, depths: list[float], missing: list[int]) -> None:
    found = gaps_between(sort_slices(slices_at(make_series, depths)))
    assert [f"about {count} slice(s) missing" in text for count, text in zip(missing, found, strict=True)] == [
        True for _ in missing
    ]


def test_parts_of_different_thickness_have_no_gap(make_series) -> None:
    depths = [0, 4, 8, 12, 16, 17, 24, 31, 38]
    each = [{"ImagePositionPatient": [0, 0, z], "SliceThickness": 4 if z <= 16 else 7} for z in depths]
    slices = [slices_of(instance)[0] for instance in find_instances(make_series(each=each))]
    assert gaps_between(sort_slices(slices)) == []


def test_overlapping_reconstruction_with_a_missing_slice_has_a_gap(make_series) -> None:
    slices = slices_at(make_series, [0, 2.5, 5, 10, 12.5, 15], SliceThickness=5)
    (gap,) = gaps_between(sort_slices(slices))
    assert gap.startswith("5.00 mm between") and "usual: 2.50 mm" in gap
