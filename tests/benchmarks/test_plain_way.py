# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import torch
from machine import describe_machine, peak_flops, peak_resident, seconds_of
from markdown_table import spread, table
from plain_way import PlainWay
from speed import central_slices, evaluations_of, network_clock, phantom

from monai_ddfm.rectifiers import EMRectifier
from tests.paper_sampling import paper_inferer

CPU = torch.device("cpu")


def test_the_plain_way_gives_what_the_inferer_gives(tiny_prior):
    volume = central_slices(3, 16)
    ours = paper_inferer(3)(volume, tiny_prior.eval())
    assert torch.allclose(PlainWay(tiny_prior, EMRectifier(), 3)(volume), ours, atol=1e-3)


def test_a_phantom_is_an_ellipsoid_on_background():
    sources = phantom((16, 16, 16))
    assert sources.shape == (1, 2, 16, 16, 16)
    assert sources.min() == -1.0
    assert sources.max() <= 1.0
    assert (sources[0, 0] == -1.0).float().mean() > 0.3
    assert (sources[0, 0, 8, 8] > -0.98).sum() >= 12


def test_every_network_evaluation_is_timed(tiny_prior):
    with network_clock(tiny_prior, CPU) as seconds:
        paper_inferer(4, slices_per_batch=2)(central_slices(4, 16), tiny_prior)
    assert len(seconds) == 4
    assert all(second > 0 for second in seconds)
    assert "predict_x0" not in vars(tiny_prior)


def test_every_slice_that_the_network_sees_is_counted(tiny_prior):
    with evaluations_of(tiny_prior) as batches:
        paper_inferer(3, slices_per_batch=2)(central_slices(5, 16), tiny_prior)
    assert batches == [8, 8, 8]  # five, and three copies


def test_what_is_printed():
    assert spread([3.0, 1.0, 2.5]) == "2.50 (1.00 to 3.00)"
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    assert "torch" in describe_machine(CPU)
    assert peak_flops(CPU, torch.float32, repeats=1) > 1e8
    assert seconds_of(lambda: None, CPU) < 1.0


def test_peak_memory_sees_what_was_held():
    before = peak_resident()
    held = torch.ones(int(before + 200), 2**20, dtype=torch.uint8)  # MiB more than there ever was
    assert held[:, 0].sum() > 0
    del held
    assert peak_resident() > before + 100
