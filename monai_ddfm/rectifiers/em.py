# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The paper's likelihood rectifier: one expectation-maximisation step per timestep."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from monai_ddfm.rectifiers.base import Rectifier
from monai_ddfm.rectifiers.gradient_fit import fit_to_gradients
from monai_ddfm.rectifiers.grid import image_mean

__all__ = ["EMRectifier", "EMState", "require_two_sources"]

_SMALLEST_SQUARE = 1e-12  # keeps 1/|x| finite where a source is met exactly; |x| of 1e-6 of the range is met


class EMState(NamedTuple):
    """What is carried from timestep to timestep.

    Attributes:
        gamma: mean of the exponential prior on m, the variance of ``i - f``, ``[B]``.
        rho: mean of the exponential prior on n, the variance of ``f - v``, ``[B]``.
        gradients: the auxiliary gradient field u ``[B, 2, H, W]``, rows then columns.
    """

    gamma: Tensor
    rho: Tensor
    gradients: Tensor


def require_two_sources(sources: Tensor) -> None:
    """Raise ValueError unless ``sources`` is ``[B, 2, H, W]``."""
    if sources.ndim != 4 or sources.shape[1] != 2:
        raise ValueError(
            f"the paper's likelihood is for two sources [B, 2, H, W], got {tuple(sources.shape)}; "
            "fuse more with StructureRectifier"
        )


def _per_slice(value: Tensor) -> Tensor:
    return value.view(-1, 1, 1, 1)


class EMRectifier(Rectifier[EMState]):
    """DDFM's rectifier (Zhao et al., ICCV 2023, arXiv 2303.06840, section 3.3).

    With sources i and v, y = i - v and x = f - v, it minimises |y - x|_1 + φ|x|_1 + ψ|∇x|² by one EM iteration started
    at the proposal. Each Laplace term is a Gaussian whose variance is exponential: y - x ~ N(0, m), m ~ EXP(mean γ);
    x ~ N(0, n), n ~ EXP(mean ρ).

    Left alone it collapses onto one source. By eq. 29, without the smoothness, i has the share p = m̄ / (m̄ + n̄) of f:
    i - f shrinks by 1 - p, f - v by p. By eq. 16, m̄ is proportional to 1/(√γ |i - f|), so that the source that f is
    nearer to has the larger share in the next step and is nearer still; and by eq. 31, γ falls with |i - f|, which
    raises m̄ all over the image, where f is far from i as well. Nothing stops it but the proposal: |y - x|_1 + |x|_1 is
    flat between the sources.

    `largest_ratio` r stops it: m̄ <= r n̄ and n̄ <= r m̄, the larger is brought down. p then lies between 1/(1 + r)
    and r/(1 + r), thirds for r = 2, whatever γ and ρ have become, and f lies strictly between the sources. A bounded
    precision is a Gaussian of larger variance: the likelihood is square, no longer |.|_1, close to a source. The
    published code has one half of it, n̄ <= 2 m̄ (`ReferenceEMRectifier`).

    Args:
        psi: weight ψ of the smoothness of x.
        eta: weight η of the half-quadratic splitting that separates x from its smooth copy k.
        largest_ratio: of one source's expected precision to the other's in a voxel, at least 1; None: as the equations
            have it, no bound.
    """

    def __init__(self, psi: float = 0.5, eta: float = 0.1, largest_ratio: float | None = None) -> None:
        if psi < 0 or eta <= 0:
            raise ValueError(f"psi must be at least 0 and eta above 0, got psi={psi} and eta={eta}")
        if largest_ratio is not None and not largest_ratio >= 1:
            raise ValueError(f"largest_ratio must be at least 1, or None for no bound, got {largest_ratio}")
        self.psi = psi
        self.eta = eta
        self.largest_ratio = largest_ratio

    def start(self, sources: Tensor) -> EMState:
        """Return γ = ρ = 1 and u = 0.

        Raises:
            ValueError: not two sources.
        """
        require_two_sources(sources)
        ones = sources.new_ones(sources.shape[0])
        return EMState(ones, ones, torch.zeros_like(sources))

    def __call__(self, x0: Tensor, sources: Tensor, state: EMState, sigma: float) -> tuple[Tensor, EMState]:
        """One E-step and one M-step, see `Rectifier.__call__`; ``sigma`` plays no part in the paper."""
        i, v = sources[:, 0:1], sources[:, 1:2]
        y, x = i - v, x0 - v
        m_bar, n_bar = self._expected_precisions(x, y, state)
        gamma = image_mean(1.0 / m_bar) + state.gamma / 2.0  # eq. 31
        rho = image_mean(1.0 / n_bar) + state.rho / 2.0
        k = fit_to_gradients(x, state.gradients)  # eq. 25
        slope = torch.cat([k.roll(-1, -2) - k, k.roll(-1, -1) - k], dim=1)
        gradients = slope * (self.eta / (2.0 * self.psi + self.eta))  # eq. 27
        x = (2.0 * m_bar * y + self.eta * k) / (2.0 * m_bar + 2.0 * n_bar + self.eta)  # eq. 29
        return x + v, EMState(gamma, rho, gradients)  # eq. 30

    def provenance(self, fused: Tensor, sources: Tensor, state: EMState) -> Tensor:
        """Share of i and v by the E-step's precisions, ``[B, 2, H, W]``."""
        i, v = sources[:, 0:1], sources[:, 1:2]
        m_bar, n_bar = self._expected_precisions(fused - v, i - v, state)
        return torch.cat([m_bar, n_bar], dim=1) / (m_bar + n_bar)

    def _expected_precisions(self, x: Tensor, y: Tensor, state: EMState) -> tuple[Tensor, Tensor]:
        """E-step, eq. 16: E[1/m] and E[1/n], inverse Gaussian given x, their ratio bounded."""
        m_bar = torch.sqrt(2.0 / (_per_slice(state.gamma) * ((y - x).square() + _SMALLEST_SQUARE)))
        n_bar = torch.sqrt(2.0 / (_per_slice(state.rho) * (x.square() + _SMALLEST_SQUARE)))
        if self.largest_ratio is None:
            return m_bar, n_bar
        return torch.minimum(m_bar, self.largest_ratio * n_bar), torch.minimum(n_bar, self.largest_ratio * m_bar)
