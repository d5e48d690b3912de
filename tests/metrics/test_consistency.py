# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.metrics import bidirectional_self_warping_error, motion_smoothness
from monai_ddfm.metrics.consistency import lucas_kanade_flow


def moving(speeds: list[float], size: int = 48) -> Tensor:
    """A smooth texture that moves along the columns, ``[D, 1, H, W]`` in grey levels."""
    y, x = torch.meshgrid(*[torch.arange(float(size), dtype=torch.float64)] * 2, indexing="ij")
    places = torch.tensor([0.0, *speeds], dtype=torch.float64).cumsum(0)
    frames = [127.5 + 60 * torch.sin((x - place) / 4) * torch.cos(y / 5) + 30 * torch.sin(y / 3) for place in places]
    return torch.stack(frames)[:, None]


def test_flow_of_a_known_shift() -> None:
    a, b = moving([1.5])[:, 0]
    flow = lucas_kanade_flow(a, b)
    assert flow.shape == (2, 48, 48)
    assert flow[1, 12:-12, 12:-12].median() == pytest.approx(1.5, abs=0.1)
    assert flow[0, 12:-12, 12:-12].abs().median() < 0.1


def test_steady_motion_costs_next_to_nothing_and_flicker_what_it_is() -> None:
    steady = moving([1.0] * 4)
    sources = torch.cat([steady, steady.flip(2)], dim=1)
    calm = bidirectional_self_warping_error(steady, sources)
    flickering = steady + torch.tensor([0.0, 20.0, 0.0, 20.0, 0.0]).view(5, 1, 1, 1)
    assert calm.shape == (3,)
    assert calm.max() < 8
    still = torch.full_like(steady, 100.0)
    on_and_off = still + torch.tensor([0.0, 20.0, 0.0, 20.0, 0.0]).view(5, 1, 1, 1)
    no_motion = lambda a, b: torch.zeros(2, *a.shape, dtype=a.dtype)  # noqa: E731
    torch.testing.assert_close(
        bidirectional_self_warping_error(on_and_off, sources, no_motion), torch.full((3,), 40.0, dtype=torch.float64)
    )
    assert (bidirectional_self_warping_error(flickering, sources, no_motion) > 30).all()


def test_pixels_that_the_sources_do_not_follow_do_not_count() -> None:
    fused = torch.zeros(3, 1, 8, 8, dtype=torch.float64)
    fused[1, :, :4] = 50.0
    sources = torch.zeros(3, 1, 8, 8, dtype=torch.float64)
    sources[1] = 1.0

    def jumps_above(a: Tensor, b: Tensor) -> Tensor:
        flow = torch.zeros(2, 8, 8, dtype=torch.float64)
        if a.max() == 1.0 and b.max() == 0:
            flow[:, :4] = 3.0  # there, and not back
        return flow

    assert bidirectional_self_warping_error(fused, sources, jumps_above).tolist() == [0.0]


def test_motion_that_changes_as_the_sources_does_is_smooth() -> None:
    given = {0: 0.0, 1: 1.0, 2: 3.0, 3: 3.5}

    def flow(a: Tensor, b: Tensor) -> Tensor:
        motion = torch.zeros(2, *a.shape, dtype=a.dtype)
        motion[1] = (given[int(b[0, 0])] - given[int(a[0, 0])]) * (2 if a[0, 1] > 0 else 1)
        return motion

    slices = torch.arange(4.0, dtype=torch.float64).view(4, 1, 1, 1).expand(4, 1, 6, 6).clone()
    slices[..., 1:] = 0
    doubled = slices.clone()
    doubled[..., 0, 1] = 1
    assert motion_smoothness(slices, slices, flow).tolist() == [0.0, 0.0]
    # the change of motion is 1 and -1.5; twice that in the second source; half of the components are columns
    both = motion_smoothness(slices, torch.cat([slices, doubled], dim=1), flow)
    assert both.tolist() == pytest.approx([0.25, 0.375])


def test_two_slices_are_too_few() -> None:
    with pytest.raises(ValueError, match="three slices or more, got 2"):
        motion_smoothness(torch.zeros(2, 1, 8, 8), torch.zeros(2, 2, 8, 8))
