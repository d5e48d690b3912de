# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The rectifier as the paper's published code has it, which differs from its equations."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from monai_ddfm.rectifiers.base import Rectifier
from monai_ddfm.rectifiers.em import require_two_sources
from monai_ddfm.rectifiers.gradient_fit import fit_to_gradients
from monai_ddfm.rectifiers.grid import image_mean

__all__ = ["ReferenceEMRectifier", "ReferenceState"]


class ReferenceState(NamedTuple):
    """What is carried from timestep to timestep, with the published code's names in brackets.

    Attributes:
        tau_a: hyper-parameter of Y - X ``[B]``.
        tau_b: hyper-parameter of X ``[B]``.
        gradients: the auxiliary gradient field ``[B, 2, H, W]``, rows (F2) then columns (F1).
        precision_a: weight of Y - X in this step (C) ``[B, 1, H, W]``.
        precision_b: weight of X in this step (D) ``[B, 1, H, W]``.
        smooth: the smooth copy of Y - X (H) ``[B, 1, H, W]``.
    """

    tau_a: Tensor
    tau_b: Tensor
    gradients: Tensor
    precision_a: Tensor
    precision_b: Tensor
    smooth: Tensor


class ReferenceEMRectifier(Rectifier[ReferenceState]):
    """The published code's variant of DDFM's rectifier, number for number.

    It differs from the equations in that D is at most 2C, the smoothness is that of Y - X, the last row and column of
    the gradient field wrap to zero, and the result is I - X instead of V + X.

    Args:
        psi: weight of the smoothness.
        eta: weight of the half-quadratic splitting.

    Raises:
        ValueError: a negative `psi`, or an `eta` that is not above 0.
    """

    def __init__(self, psi: float = 0.5, eta: float = 0.001) -> None:
        if psi < 0 or eta <= 0:
            raise ValueError(f"psi must be at least 0 and eta above 0, got psi={psi} and eta={eta}")
        self.psi = psi
        self.eta = eta

    def start(self, sources: Tensor) -> ReferenceState:
        """Return τ = 1 and no gradients.

        Raises:
            ValueError: not two sources.
        """
        require_two_sources(sources)
        ones, zeros = sources.new_ones(sources.shape[0]), torch.zeros_like(sources[:, :1])
        return ReferenceState(ones, ones, torch.zeros_like(sources), zeros, zeros, zeros)

    def __call__(
        self, x0: Tensor, sources: Tensor, state: ReferenceState, sigma: float
    ) -> tuple[Tensor, ReferenceState]:
        """One iteration, see `Rectifier.__call__`; ``sigma`` plays no part."""
        i, v = sources[:, 0:1], sources[:, 1:2]
        y, x = i - v, x0 - v
        c, d = self._precisions(x, y, state)
        tau_a = image_mean(1.0 / (c + 1e-10)) + state.tau_a / 2.0
        tau_b = image_mean(1.0 / (d + 1e-10)) + state.tau_b / 2.0
        h = fit_to_gradients(y - x, state.gradients)
        below = torch.nn.functional.pad(h, (0, 1, 0, 1))  # zero past the last row and column
        slope = torch.cat([h - below[..., 1:, :-1], h - below[..., :-1, 1:]], dim=1)
        gradients = slope * (self.eta / (2.0 * self.psi + self.eta))
        x = (2.0 * c * y + self.eta * (y - h)) / (2.0 * c + 2.0 * d + self.eta)
        return i - x, ReferenceState(tau_a, tau_b, gradients, c, d, h)

    def provenance(self, fused: Tensor, sources: Tensor, state: ReferenceState) -> Tensor:
        """Share of I and V by the iteration's weights, ``[B, 2, H, W]``.

        The result is I - X: the term in X keeps it at I, the term in Y - X at V.
        """
        i, v = sources[:, 0:1], sources[:, 1:2]
        c, d = self._precisions(i - fused, i - v, state)
        return torch.cat([d, c], dim=1) / (c + d)

    @staticmethod
    def _precisions(x: Tensor, y: Tensor, state: ReferenceState) -> tuple[Tensor, Tensor]:
        """Weights C of Y - X and D of X."""
        tau_a, tau_b = state.tau_a.view(-1, 1, 1, 1), state.tau_b.view(-1, 1, 1, 1)
        d = torch.sqrt(2.0 / tau_b / (x.square() + 1e-6))
        c = torch.sqrt(2.0 / tau_a / (y - x + 1e-6).square())
        return c, torch.minimum(d, 2.0 * c)
