# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import argparse

import gpu_model
import pytest
import speed
import torch
from gpu_model import Case, Prediction, batches_of, count_case, on_gpu, predict
from roofline import RECTIFIER
from traffic import Count

from monai_ddfm.priors import NetworkPrior, UNetPrior
from tests.pretended_device import move_module
from tests.tiny_unet import tiny_unet

NOISE = RECTIFIER + "noise"


def case(depth: int, batches: int, launches: int) -> Case:
    stages = {NOISE: Count(moved=1000 * depth, launches=7), "network": Count(matrix=2000.0 * depth)}
    return Case((32, 32, depth), batches, launches, batches, 2 * batches, stages)


def test_launches_grow_with_batches_and_bytes_with_voxels():
    predicted = predict(case(32, 3, 100), case(64, 4, 110), (32, 32, 128), at_once=64)
    assert predicted.batches == batches_of((32, 32, 128), 64) == 6
    assert (predicted.launches, predicted.waits, predicted.uploads) == (130, 6, 12)
    assert predicted.moved == 2 * 64_000
    assert predicted.matrix == 2 * 128_000


def test_a_large_volume_has_its_noise_estimated_in_parts():
    few, many = (predict(case(32, 0, 50), case(64, 0, 50), (128, 128, depth)) for depth in (16, 160))
    assert few.launches == 50
    assert many.launches == 50 + 7 * 7  # 8 parts of 2^20 voxels for two sources of 160 x 160 x 160
    assert many.batches == 0


def test_seconds_are_the_longer_of_launching_and_computing_and_what_stands():
    slow_host = Prediction(1, 1e6, 0, 0, 0.6 * 4.8e12, 0.0, 0.0)
    assert slow_host.seconds == pytest.approx(5.0)
    slow_card = Prediction(1, 10, 50, 50, 0.6 * 4.8e12, 0.4 * 989e12, 55e9)
    assert slow_card.computing == pytest.approx(2.0)
    assert slow_card.seconds == pytest.approx(2.0 + 100 * gpu_model.WAIT + 1.0)


def test_slices_at_once_on_a_gpu():
    assert on_gpu((256, 256, 240)) == 256
    assert batches_of((256, 256, 240), 256) == 6


class Smooth(NetworkPrior):
    """A moving average: it leaves no noise, as trained priors do, so that nothing is sampled afterwards."""

    def __init__(self) -> None:
        super().__init__(1, prediction_type="sample")
        self.network = torch.nn.Conv2d(1, 1, 9, padding=4)
        torch.nn.init.constant_(self.network.weight, 1 / 81)
        torch.nn.init.zeros_(self.network.bias)

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        return self.network(x)


def test_counts_of_two_small_cases_tell_a_third():
    prior = move_module(Smooth().eval())
    small, twice, third = (count_case(prior, (32, 32, depth), True) for depth in (32, 64, 96))
    assert (small.batches, twice.batches, third.batches) == (3, 4, 5)
    predicted = predict(small, twice, (32, 32, 96), at_once=64)
    assert predicted.batches == third.batches
    assert predicted.launches == pytest.approx(third.launches, rel=0.01)
    assert predicted.waits == pytest.approx(third.waits, abs=1)
    assert predicted.uploads == pytest.approx(third.uploads, abs=1)
    assert predicted.moved == pytest.approx(sum(count.moved for count in third.stages.values()), rel=0.05)
    assert predicted.matrix == pytest.approx(sum(count.matrix for count in third.stages.values()), rel=0.02)  # padding


def test_clean_sources_ask_nobody():
    prior = move_module(UNetPrior(tiny_unet(), channels=1, unshuffle=2))
    clean = count_case(prior, (32, 32, 32), False)
    assert clean.batches == 0
    assert "network" not in clean.stages
    assert clean.launches > 800


def test_nothing_is_predicted_where_no_gpu_is_measured():
    options = argparse.Namespace(device=torch.device("cpu"))
    assert speed.predicted_alone(options, "32x32x32", 0.01) == []
