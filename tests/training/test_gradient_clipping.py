# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
import torch
from monai.engines import SupervisedTrainer
from torch.utils.data import DataLoader

from monai_ddfm.training import GradientClipping


def _step_of(target: float, max_norm: float) -> float:
    """How far one step of plain gradient descent, rate 1, moves a single weight."""
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(network.weight)
    batch = {"image": torch.ones(1), "label": torch.full((1,), target)}
    SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=1,
        train_data_loader=DataLoader([batch]),
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=1.0),
        loss_function=torch.nn.MSELoss(),
        train_handlers=[GradientClipping(network, max_norm)],
    ).run()
    return float(network.weight.detach())


def test_a_long_gradient_is_cut_to_its_norm_and_a_short_one_is_kept() -> None:
    assert _step_of(target=50.0, max_norm=1.0) == pytest.approx(1.0, rel=1e-4)  # the gradient is -100
    assert _step_of(target=0.1, max_norm=1.0) == pytest.approx(0.2)


def test_the_norm_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        GradientClipping(torch.nn.Linear(1, 1), 0.0)
