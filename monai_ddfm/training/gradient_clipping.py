# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""No step longer than it should be: one batch that the network gets very wrong must not undo an hour of training."""

from __future__ import annotations

from ignite.engine import Engine
from monai.engines.utils import IterationEvents
from torch import nn
from torch.nn.utils import clip_grad_norm_

__all__ = ["GradientClipping"]


class GradientClipping:
    """An ignite handler that scales the gradient down to a norm it may have, before the optimiser's step.

    For trainers without a gradient scaler: bfloat16 needs none.

    Args:
        network: whose gradient.
        max_norm: largest Euclidean norm over all parameters.

    Raises:
        ValueError: `max_norm` is not positive.
    """

    def __init__(self, network: nn.Module, max_norm: float = 1.0) -> None:
        if not max_norm > 0:
            raise ValueError(f"max_norm must be positive, got {max_norm}")
        self.network = network
        self.max_norm = max_norm

    def attach(self, engine: Engine) -> None:
        """Register with the trainer, one of MONAI's."""
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Scale the gradient of the iteration."""
        clip_grad_norm_(self.network.parameters(), self.max_norm)
