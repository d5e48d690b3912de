# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Volumes to slices and back, and the lengthening to a network's multiple."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_ddfm.inferers.slices import slices_to_volume, volume_to_slices
from monai_ddfm.priors.predict_padded import pad_by_reflection


@pytest.mark.parametrize(
    ("slice_axis", "shape"), [(-1, (6, 4, 5)), (2, (6, 4, 5)), (0, (4, 5, 6)), (1, (5, 4, 6)), (-3, (4, 5, 6))]
)
def test_there_and_back(slice_axis: int, shape: tuple[int, ...]) -> None:
    volume = torch.arange(2 * 3 * 120).view(2, 3, 4, 5, 6)
    slices = volume_to_slices(volume, slice_axis)
    assert slices.shape == (2, shape[0], 3, *shape[1:])
    assert torch.equal(slices_to_volume(slices, slice_axis), volume)
    assert torch.equal(slices[:, 1], volume.select(2 + slice_axis % 3, 1))


def test_pictures_are_one_stack() -> None:
    pictures = torch.rand(2, 3, 4, 5)
    slices = volume_to_slices(pictures)
    assert slices.shape == (1, 2, 3, 4, 5)
    assert torch.equal(slices_to_volume(slices, spatial_dims=2), pictures)


@pytest.mark.parametrize("slice_axis", [3, -4])
def test_axis_that_is_not_there(slice_axis: int) -> None:
    with pytest.raises(ValueError, match=f"slice_axis counts the three spatial axes, -3 to 2, got {slice_axis}"):
        volume_to_slices(torch.zeros(1, 1, 2, 2, 2), slice_axis)


@given(height=st.integers(1, 20), width=st.integers(1, 20), multiple=st.sampled_from([1, 2, 4, 8, 16]))
def test_padding_is_a_reflection(height: int, width: int, multiple: int) -> None:
    """Equal to numpy's, which reflects to and fro also where the picture is shorter than the padding."""
    picture = torch.arange(float(height * width)).view(1, 1, height, width)
    padded = pad_by_reflection(picture, multiple)
    assert padded.shape[-2] % multiple == padded.shape[-1] % multiple == 0
    assert (padded.shape[-2] - height, padded.shape[-1] - width) < (multiple, multiple)
    wanted = np.pad(picture[0, 0].numpy(), ((0, -height % multiple), (0, -width % multiple)), mode="reflect")
    np.testing.assert_array_equal(padded[0, 0].numpy(), wanted)
