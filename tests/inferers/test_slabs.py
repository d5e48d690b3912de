# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.inferers.slabs import Cut, best_cut, slabs
from monai_ddfm.priors import IdentityPrior
from monai_ddfm.rectifiers import StructureRectifier

CPU = torch.device("cpu")


def _head(slices: int) -> torch.Tensor:
    """Two smooth sources of many slices that disagree, with empty slices at the ends."""
    axis = torch.linspace(-3, 3, 20)
    depth = torch.linspace(-2, 2, slices)
    blob = torch.exp(-(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + depth**2))
    waves = torch.sin(2 * axis)[:, None, None] * torch.cos(3 * depth)
    sources = torch.stack([2 * blob - 1, blob * (1 + waves) - 1])[None]
    sources[..., [0, 1, -1]] = -1
    return sources.clamp(-1, 1)


class _SmallMemory(StructureRectifier):
    """Has memory for so many slices, and counts the slices that it was given when it had it."""

    def __init__(self, most: int) -> None:
        super().__init__(spatial_dims=3)
        self.most = most
        self.started: list[int] = []

    def start(self, sources: torch.Tensor) -> Any:
        slices = sources.shape[2]
        if slices > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB.")
        self.started.append(slices)
        return super().start(sources)


def _fuse(sources: torch.Tensor, slab: int | None, rectifier: StructureRectifier | None = None) -> torch.Tensor:
    rectifier = rectifier or StructureRectifier(spatial_dims=3)
    inferer = DDFMInferer(rectifier, slab=slab, steps=1, start_timestep=50)
    return inferer(sources, IdentityPrior())


def test_slabs_hardly_show() -> None:
    sources = _head(60)
    difference = (_fuse(sources, 20) - _fuse(sources, 100)).abs()
    assert difference.max() < 0.02
    assert difference.mean() < 1e-4


def test_every_slice_is_fused_once_and_background_stays() -> None:
    sources = _head(31)
    for slab in (1, 7, 31):
        fused = _fuse(sources, slab)
        assert fused.shape == (1, 1, 20, 20, 31)
        assert (fused[..., [0, 1, -1]] == -1).all()
        assert (fused[0, 0, 10, 10, 3:-2] > -0.99).all()


def test_one_slice_of_a_volume_is_as_a_slice_of_its_own() -> None:
    sources = _head(31)[..., 15:16]
    flat = DDFMInferer(StructureRectifier(), steps=1, start_timestep=50)(sources, IdentityPrior())
    torch.testing.assert_close(_fuse(sources, 64), flat, atol=1e-5, rtol=0)


def test_a_slab_has_slices() -> None:
    with pytest.raises(ValueError, match="slab must be at least 1"):
        DDFMInferer(slab=0)


@given(count=st.integers(1, 200), slab=st.integers(1, 200), reach=st.integers(0, 30))
def test_every_slice_is_kept_once_with_all_it_reaches(count: int, slab: int, reach: int) -> None:
    kept_in_all = []
    for seen, kept in slabs(count, Cut(0, slab, reach)):
        indices = list(range(count))[seen][kept]
        assert seen.start == max(0, indices[0] - reach)
        assert seen.stop == min(count, indices[-1] + 1 + reach)
        assert len(indices) <= slab + 2 * reach
        kept_in_all += indices
    assert kept_in_all == list(range(count))


@example(size=(38, 674, 781), sources=2, reaches=(10, 0, 0), across=False)  # two of 9, where 10 and 8 are as many
@given(
    size=st.tuples(*[st.integers(1, 1024)] * 3),
    sources=st.integers(2, 4),
    reaches=st.tuples(*[st.integers(0, 30)] * 3),
    across=st.booleans(),
)
def test_a_slab_nobody_sized_is_a_quarter_of_the_volume_or_20_million_voxels(
    size: tuple[int, int, int], sources: int, reaches: tuple[int, int, int], across: bool
) -> None:
    axis, slab, reach = best_cut(size, sources, reaches, CPU, lambda: across)
    assert across or axis == 0
    count, voxels = size[max(0, axis - 1)], math.prod(size)
    inner = max(1, count - 2 * reach)  # beyond the overlap of the first and of the last
    assert slab == count or math.ceil(inner / slab) <= math.ceil(inner / max(1, reach))
    if slab > max(1, reach):
        assert min(count, slab + 2 * reach) * voxels // count <= max(20_000_000, voxels / 4)


def test_slabs_that_nobody_sized_are_of_one_size() -> None:
    """So that none takes more memory than need be for as many of them."""
    cut = best_cut((135, 544, 526), 2, (36, 36, 36), CPU, lambda: True)
    sizes = [seen.stop - seen.start for seen, _ in slabs(544, cut)]
    assert len(sizes) == 3
    assert max(sizes) - min(sizes) <= 3


def test_the_longest_axis_is_cut_where_slices_may_be() -> None:
    assert best_cut((135, 512, 400), 2, (36, 36, 36), CPU, lambda: True).axis == 2
    assert best_cut((135, 400, 512), 2, (36, 36, 36), CPU, lambda: True).axis == 3
    assert best_cut((135, 400, 512), 2, (36, 36, 36), CPU, lambda: False).axis == 0
    assert best_cut((900, 300, 300), 2, (36, 36, 36), CPU, lambda: True).axis == 0


@pytest.mark.parametrize("axis", [0, 2, 3])
def test_a_cut_does_not_show(axis: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Along any axis, maps too; the volume's box is smaller than the volume."""
    size = [56, 56, 56]
    size[{0: 2, 2: 0, 3: 1}[axis]] = 120
    grids = torch.meshgrid(*(torch.linspace(-2, 2, side) for side in size), indexing="ij")
    ball = torch.exp(-sum(grid**2 for grid in grids))
    waves = torch.sin(9 * grids[0]) * torch.cos(7 * grids[1]) * torch.sin(8 * grids[2])
    sources = torch.stack([2 * ball - 1, ball * (1 + waves) - 1])[None].clamp(-1, 1)
    sources[:, :, :5] = sources[:, :, :, :, -9:] = -1

    def fused() -> torch.Tensor:
        inferer = DDFMInferer(StructureRectifier(spatial_dims=3), maps=["provenance"], denoise_sources=False)
        return inferer(sources, IdentityPrior())

    whole = fused()
    monkeypatch.setattr("monai_ddfm.inferers.slabs._SLAB_VOXELS", 350_000)
    monkeypatch.setattr("monai_ddfm.inferers.slabs._SLAB_SHARE", 100)
    cuts = []
    monkeypatch.setattr(
        "monai_ddfm.inferers.slice_fusion.best_cut", lambda *args: cuts.append(best_cut(*args)) or cuts[-1]
    )
    difference = (fused() - whole).abs()
    assert cuts[-1].axis == axis
    assert difference[:, 0].max() < 2e-3
    assert difference[:, 0].mean() < 1e-5
    assert difference[:, 1:].mean() < 1e-3


def test_a_slab_nobody_sized_gives_the_same_result() -> None:
    sources = _head(60)
    assert torch.equal(_fuse(sources, None), _fuse(sources, 100))


@pytest.mark.parametrize("most", [80, 120])
def test_slabs_are_halved_when_the_rectifier_runs_out_of_memory(most: int, caplog: pytest.LogCaptureFixture) -> None:
    sources = _head(140)
    rectifier = _SmallMemory(most)
    fused = _fuse(sources, 100, rectifier)
    assert max(rectifier.started) > most - rectifier.reach()
    assert "out of memory: going on in slabs of" in caplog.text
    difference = (fused - _fuse(sources, 200)).abs()
    assert difference.max() < 0.02
    assert difference.mean() < 1e-4


def test_a_volume_of_which_nothing_fits_is_refused() -> None:
    with pytest.raises(MemoryError, match=r"57 of 57 slices of 57x46x46.*2\.50 GiB.*fewer voxels"):
        _fuse(_head(60), None, _SmallMemory(1))
