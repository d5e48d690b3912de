# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import math
import time

import pytest
import torch
import torch.nn.functional as F
from machine import bandwidth
from roofline import NETWORK, RECTIFIER, STAGES, Case, Run, counted, one_thread, roofline, row, summed, timed
from speed import phantom
from stage_watch import REST, StageWatch
from torch.utils.flop_counter import FlopCounterMode
from traffic import Count, Traffic, size_of

from monai_ddfm import blocks
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.rectifiers import StructureRectifier, mixture
from monai_ddfm.rectifiers.grid import box_mean
from tests.tiny_unet import tiny_unet

CPU = torch.device("cpu")
N = 1000


def moved(work) -> int:
    with Traffic() as traffic:
        work()
    return summed(traffic.counts.values()).moved


@pytest.mark.parametrize(
    ("work", "floats"),
    [
        (lambda x, y: x + y, 3 * N),
        (lambda x, y: x.add_(y), 3 * N),
        (lambda x, y: torch.add(x, y, out=torch.empty(N)), 3 * N),
        (lambda x, y: x.copy_(y), 2 * N),
        (lambda x, y: x.zero_(), N),
        (lambda x, y: torch.zeros(N), N),
        (lambda x, y: torch.empty(N), 0),
        (lambda x, y: x.view(10, -1)[3:].transpose(0, 1), 0),
        (lambda x, y: x + y[:1].expand(N), 2 * N + 1),
        (lambda x, y: x.sum(), N + 1),
        (lambda x, y: x[y[:10].long()], 10 + 2 * 10 + 2 * 10 + 2 * 10),  # conversion to int64 first, 8 bytes each
        (lambda x, y: torch.addcmul(x, x, y), 4 * N),
    ],
)
def test_bytes_of_an_operation(work, floats):
    x, y = torch.rand(N), torch.rand(N)
    assert moved(lambda: work(x, y)) == 4 * floats


def test_an_expanded_tensor_is_as_large_as_what_it_repeats():
    assert size_of(torch.rand(3, 1).expand(3, 50)) == 12
    assert size_of(torch.rand(0, 5)) == 0
    assert size_of(torch.rand(2, 3, dtype=torch.float64).T) == 48


def test_operations_are_counted_by_kind():
    with Traffic() as traffic:
        (torch.rand(4, 8) @ torch.rand(8, 2)).mul_(2.0)
        torch.addcmul(torch.ones(5), torch.ones(5), torch.ones(5))
    count = summed(traffic.counts.values())
    assert count.matrix == 2 * 4 * 8 * 2
    assert count.operations == (32 + 16) + 8 + 3 * 5 + 2 * 5
    with Traffic() as traffic:
        torch.fft.rfft2(torch.rand(1, 16, 16))
    assert summed(traffic.counts.values()).operations >= 2.5 * 256 * math.log2(256)


def test_operations_of_a_network_are_those_of_the_flop_counter():
    network, images = tiny_unet(1).eval(), torch.rand(2, 4, 16, 16)
    with torch.no_grad(), Traffic() as traffic:
        network(images, torch.tensor([5, 5]))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(images, torch.tensor([5, 5]))
    assert summed(traffic.counts.values()).matrix == counter.get_total_flops() > 0


@pytest.mark.parametrize("block", [2**18, 2 * 6 * 5], ids=["one block", "several blocks"])
def test_an_iteration_moves_each_volume_once_a_pass(block, monkeypatch):
    monkeypatch.setattr(blocks, "_VOXELS", block)
    shape, sources, iterations, sweeps = (8, 6, 5), 3, 4, 2
    one = lambda: torch.rand(1, 1, *shape)  # noqa: E731
    layers, weights = torch.rand(1, sources, *shape), torch.rand(1, sources, *shape)
    counts = counted(
        lambda: mixture.fit_intensities_and_gradients(
            one(),
            layers,
            weights,
            [one() for _ in shape],
            [1.0] * 3,
            (0 * one(), one()),
            (0.01, 0.01),
            iterations,
            sweeps,
        )
    )
    volume = 4 * math.prod(shape)
    # f, layers and weights, wanted gradients; target, inverse, precisions
    assert counts[RECTIFIER + "EM, E-steps"].moved == iterations * (1 + 2 * sources + 3 + 2 + 3) * volume
    # f, target, inverse, precisions, bounds; the f before, read, and the next one in its place
    assert counts[RECTIFIER + "EM, sweeps"].moved == iterations * sweeps * (1 + 2 + 3 + 2 + 2) * volume


def test_a_pass_in_blocks_is_one_pass_and_without_passes_each_operation_counts():
    x = torch.rand(1, 2, 6, 6, 6)
    (once,) = counted(lambda: box_mean(x, [5, 5, 1])).values()
    assert once.moved == 2 * 2 * x.nbytes  # two axes, each reads and writes
    (each,) = counted(lambda: box_mean(x, [5, 5, 1]), passes=False).values()
    assert each.moved > 2 * once.moved
    assert each.operations == once.operations


def outer():
    time.sleep(0.02)
    inner()
    time.sleep(0.02)


def inner():
    time.sleep(0.1)


def test_a_stage_inside_another_is_not_counted_twice():
    watch = StageWatch({outer: "outer", inner: "inner"})
    with watch():
        time.sleep(0.01)
        outer()
    assert list(watch.seconds) == [REST, "outer", "inner"]
    assert 0.04 <= watch.seconds["outer"] < 0.1 <= watch.seconds["inner"]
    assert watch.stage == REST


def test_a_stage_that_fails_is_left():
    def fails():
        raise ValueError

    watch = StageWatch({fails: "fails"})
    with pytest.raises(ValueError), watch():
        fails()
    assert watch.stage == REST


def test_every_stage_of_a_fusion_is_found(tiny_prior):
    sources = phantom((24, 24, 24), noise=0.3)
    inferer = DDFMInferer(StructureRectifier(spatial_dims=3, iterations=1, tolerated_noise=0.0), precision="auto")
    case = Case(inferer, sources, tiny_prior.eval(), anchor_of(sources))
    counts = counted(case.run)
    assert set(STAGES.values()) | {REST} == set(counts) | {"choosing the precision"}
    assert set(timed(case.run, CPU)) == set(STAGES.values()) | {REST}
    with one_thread(), torch.no_grad(), FlopCounterMode(display=False) as counter:  # which sees its own thread
        inferer(sources, tiny_prior)
    assert counts[NETWORK].matrix == pytest.approx(counter.get_total_flops(), rel=0.05)


def anchor_of(sources):
    from monai.data import MetaTensor

    return MetaTensor(sources[0, :1], meta={"intensity_range": (0.0, 100.0)})


def test_shares_are_of_what_the_machine_did_before_each_run():
    counts = {"a": Count(moved=10**9), "network": Count(moved=10**9, operations=1.0, matrix=8e9)}
    runs = [Run({"a": 1.0, "network": 1.0}, 4e9, 16e9), Run({"a": 2.0, "network": 4.0}, 1e9, 8e9)]
    assert row("A", ["a"], counts, runs) == [
        "A", "1.00", "0.00", "1.50 (1.00 to 2.00)", "0.8 (0.5 to 1.0)", "38 (25 to 50)", "",
    ]  # fmt: skip
    assert row("N", ["network"], counts, runs)[-1] == "38 (25 to 50)"
    assert row("all", ["a", "network"], counts, runs)[3] == "4.00 (2.00 to 6.00)"
    assert roofline(counts, runs).splitlines()[-1].startswith("| **fusion** | 2.00 |")


def test_bandwidth_is_that_of_memory():
    assert 1e8 < bandwidth(CPU, repeats=1) < 1e12


def test_summing():
    assert summed([Count(1, 2.0, 3.0, 4), Count(10, 20.0, 30.0, 40)]) == Count(11, 22.0, 33.0, 44)


def test_fourier_transforms_do_not_count_as_matrix_products():
    with Traffic() as traffic:
        F.conv2d(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 3, 3))
    assert summed(traffic.counts.values()).matrix == 2 * 36 * 9
