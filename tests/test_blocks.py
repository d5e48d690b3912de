# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Blocks that threads of ours work on at once: the same result to the bit, whatever they are and however many."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from monai_ddfm import blocks
from monai_ddfm.blocks import by_blocks, for_each, on_one_thread
from monai_ddfm.rectifiers import StructureRectifier
from monai_ddfm.rectifiers.grid import box_mean
from monai_ddfm.rectifiers.mixture import fit_intensities_and_gradients

CPU = torch.device("cpu")
SHAPES = {"volume": (1, 2, 9, 12, 10), "volumes": (2, 2, 5, 12, 10), "images": (5, 2, 12, 10)}


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    assert torch.get_num_threads() == request.param  # a run of blocks leaves it as it was
    torch.set_num_threads(before)


def test_threads_take_runs_of_neighbouring_blocks_in_order(threads: int) -> None:
    seen: list[tuple[int, int, bool]] = []
    for_each(list(range(7)), lambda block, opens: seen.append((threading.get_ident(), block, opens)), CPU)
    assert sorted(block for _, block, _ in seen) == list(range(7))
    for thread in {thread for thread, _, _ in seen}:
        runs = [(block, opens) for one, block, opens in seen if one == thread]
        assert all(opens or (before == block - 1) for (before, _), (block, opens) in pairwise(runs))
    assert sum(opens for *_, opens in seen) == threads


def test_torch_computes_in_each_thread_alone(threads: int) -> None:
    counts: list[int] = []
    for_each(list(range(6)), lambda block, opens: counts.append(torch.get_num_threads()), CPU)
    assert counts == [1] * 6


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_the_callers_autograd_mode_holds(threads: int, mode: type) -> None:
    with mode():
        x = torch.zeros(6)
        seen: list[tuple[bool, bool]] = []

        def work(block: int, opens: bool) -> None:
            x[block : block + 1].add_(1.0)  # refused for what was made in inference mode outside of it
            seen.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))

        for_each(list(range(6)), work, CPU)
        assert set(seen) == {(torch.is_grad_enabled(), torch.is_inference_mode_enabled())}
    assert x.tolist() == [1.0] * 6


def test_an_error_in_a_block_is_raised(threads: int) -> None:
    def work(block: int, opens: bool) -> None:
        if block == 4:
            raise MemoryError("block 4")

    with pytest.raises(MemoryError, match="block 4"):
        for_each(list(range(6)), work, CPU)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_fit_in_blocks_is_the_fit(shape: tuple[int, ...], threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit() -> Tensor:
        generator = torch.Generator().manual_seed(0)
        layers, weights = torch.rand(2, *shape, generator=generator).unbind()
        gradient = [torch.rand(layers[:, :1].shape, generator=generator) - 0.5 for _ in shape[2:]]
        bounds = (layers.amin(1, keepdim=True), layers.amax(1, keepdim=True))
        start = layers[:, :1].contiguous()
        return fit_intensities_and_gradients(
            start, layers, weights, gradient, [2.0, 1.0, 2.0][: len(gradient)], bounds, (0.01, 0.02), 4, 3
        )

    whole = fit()
    monkeypatch.setattr(blocks, "_VOXELS", 120)  # one slice
    assert torch.equal(fit(), whole)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_neighbourhoods_in_blocks(shape: tuple[int, ...], threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    window = [3, 5, 7][-len(shape) + 2 :]

    def results() -> list[Tensor]:
        return [box_mean(x, window), *by_blocks(lambda block: [block + 1, block.sum(1, keepdim=True)], x)]

    whole = results()
    monkeypatch.setattr(blocks, "_VOXELS", 64)
    assert all(torch.equal(part, one) for part, one in zip(results(), whole, strict=True))


def test_a_rectifier_of_many_blocks(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = torch.rand(1, 2, 20, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    rectifier = StructureRectifier(spatial_dims=3, iterations=3, noise=0.0)
    whole = rectifier.start(sources)
    monkeypatch.setattr(blocks, "_VOXELS", 256)
    for one, part in zip(whole, rectifier.start(sources), strict=True):
        assert torch.allclose(one, part, rtol=0.0, atol=2e-6)  # exp rounds otherwise where vectors end


@pytest.mark.parametrize("threads", [2], indirect=True)
def test_a_block_is_left_to_one_thread_where_it_is_the_only_one(threads: int) -> None:
    counts: list[int] = []
    for alone in (False, True):
        for_each([0], lambda block, opens: counts.append(torch.get_num_threads()), CPU, alone=alone)
    assert torch.get_num_threads() == 2
    assert counts == [2, 1]


@pytest.mark.parametrize("alone", [False, True])
def test_no_blocks_no_work(alone: bool) -> None:
    for_each([], lambda block, opens: pytest.fail("worked"), CPU, alone=alone)


@pytest.mark.parametrize("threads", [2], indirect=True)
def test_when_one_fails_the_others_end(threads: int) -> None:
    done: list[int] = []

    def work(block: int, opens: bool) -> None:
        if block == 0:
            raise ValueError("the first")
        time.sleep(0.01)
        done.append(block)

    with pytest.raises(ValueError, match="the first"):
        for_each(list(range(400)), work, CPU)
    assert len(done) < 100


@pytest.mark.usefixtures("threads_restored")
def test_what_an_accelerator_does_stays_in_the_thread_that_asks() -> None:
    """Whose current stream and modes another thread does not have."""
    torch.set_num_threads(2)
    asked_in = []

    def compute() -> Tensor:
        asked_in.append(threading.get_ident())
        return torch.zeros(1)

    on_one_thread(compute, torch.device("meta"))
    assert asked_in == [threading.get_ident()]
    on_one_thread(compute, torch.device("cpu"))
    assert asked_in[1] != threading.get_ident()
