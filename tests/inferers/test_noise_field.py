# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Noise that belongs to a place and a timestep."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_ddfm.inferers.noise_field import NoiseField

LIKE = torch.zeros(1)


def test_standard_normal() -> None:
    field = NoiseField(seed=5)([0], 999, (3, 200, 200), LIKE)
    assert field.shape == (1, 3, 200, 200)
    assert field.mean().item() == pytest.approx(0.0, abs=0.015)
    assert field.std().item() == pytest.approx(1.0, abs=0.01)
    assert field.abs().gt(2.0).float().mean().item() == pytest.approx(0.0455, abs=0.003)


@given(slice_indices=st.lists(st.integers(0, 300), min_size=1, max_size=6), seed=st.integers(0, 2**63))
def test_a_slice_has_its_own_noise_whatever_the_batch(slice_indices: list[int], seed: int) -> None:
    noise = NoiseField(seed, shared=False)
    together = noise(slice_indices, 7, (1, 3, 4), LIKE)
    for row, place in enumerate(slice_indices):
        assert torch.equal(together[row], noise([place], 7, (1, 3, 4), LIKE)[0])


def test_shared_noise_is_one_field() -> None:
    noise = NoiseField(1, shared=True)
    assert torch.equal(noise([3, 9], 7, (1, 3, 4), LIKE), noise([0], 7, (1, 3, 4), LIKE))


def test_fields_differ_by_seed_timestep_and_place() -> None:
    fields = [
        NoiseField(seed, shared=False)([place], t, (1, 8, 8), LIKE).flatten()
        for seed in (0, 1)
        for t in (0, 1, 1000)
        for place in (0, 1)
    ]
    correlations = torch.corrcoef(torch.stack(fields)).fill_diagonal_(0.0)
    assert correlations.abs().max() < 0.5  # 12 fields of 64 numbers; equal fields would have 1


def test_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    first = NoiseField(3)([0], 1, (1, 4, 4), LIKE)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(1)
    assert torch.equal(NoiseField(3)([0], 1, (1, 4, 4), LIKE), first)


def test_precision_of_the_images() -> None:
    assert NoiseField()([0], 1, (1, 2, 2), torch.zeros(1, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.gpu
def test_devices_agree() -> None:
    on_gpu = NoiseField(2)([0], 1, (1, 8, 8), LIKE.cuda())
    assert on_gpu.is_cuda
    assert torch.equal(on_gpu.cpu(), NoiseField(2)([0], 1, (1, 8, 8), LIKE))
