# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Edge transfer: its laws."""

from __future__ import annotations

import math

import pytest
import torch

from monai_ddfm.metrics import edge_transfer

HIGHEST = 0.9994 / (1 + math.exp(-7.5)) * 0.9879 / (1 + math.exp(-4.4))


def square() -> torch.Tensor:
    image = torch.zeros(1, 1, 32, 32)
    image[..., 8:24, 8:24] = 200.0
    return image


def test_copy_reaches_the_highest_value() -> None:
    assert edge_transfer(square(), square()).item() == pytest.approx(HIGHEST)


def test_lost_edges_count_nothing() -> None:
    assert edge_transfer(torch.zeros_like(square()), square()).item() < 1e-3


def test_stronger_source_weighs_more() -> None:
    moved = square().roll(6, dims=3)
    sources = torch.cat([square(), 0.1 * moved], dim=1)
    each = edge_transfer(square(), sources, per_source=True)
    assert each[0, 0].item() == pytest.approx(HIGHEST)
    together = edge_transfer(square(), sources).item()
    assert together == pytest.approx((each[0, 0].item() + 0.1 * each[0, 1].item()) / 1.1, rel=1e-6)


def test_without_edges_there_is_no_value() -> None:
    assert edge_transfer(square()[..., 10:20, 10:20] * 0, torch.zeros(1, 2, 10, 10)).isnan().all()
