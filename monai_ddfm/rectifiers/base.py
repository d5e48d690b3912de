# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The interface of every rectifier: what the sources say about the prior's proposal."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from torch import Tensor

__all__ = ["Rectifier"]

State = TypeVar("State")


class Rectifier(ABC, Generic[State]):
    """A likelihood p(sources | f) and the expectation-maximisation step that pulls a proposal towards it.

    A rectifier holds parameters only. What it learns while sampling (hyper-parameters, auxiliary variables) is its
    *state*: a NamedTuple of tensors with a leading batch axis, made by `start` and handed from timestep to timestep by
    the caller.

    Sources are ``[B, K, *spatial]`` and proposals ``[B, 1, *spatial]`` in [-1, 1]; every image of the batch is treated
    alone. `spatial` is ``H, W``, or ``D, H, W`` for a rectifier that couples slices (``spatial_dims == 3``).
    """

    spatial_dims: int = 2

    def for_spacing(self, spacing: Sequence[float]) -> Rectifier[State]:
        """Return this rectifier for voxels of that size along the spatial axes; most do not care."""
        return self

    def for_volume(self, sources: Tensor) -> Rectifier[State]:
        """Return this rectifier with what only a whole volume ``[1, K, D, H, W]`` tells, for parts of it alone."""
        return self

    def reach(self, axis: int = 0) -> int:
        """Return how many voxels on either side, along a spatial axis, the answer depends on where slices are coupled.

        By default slices, along the axis D.
        """
        return 0

    @property
    def decides_alone(self) -> bool:
        """Whether no proposal can change any answer, as far as is known before `start`."""
        return False

    @abstractmethod
    def start(self, sources: Tensor) -> State:
        """Return the state before the first timestep."""

    @abstractmethod
    def __call__(self, x0: Tensor, sources: Tensor, state: State, sigma: float) -> tuple[Tensor, State]:
        """Rectify a proposal.

        Args:
            x0: the prior's estimate of the fused image ``[B, 1, *spatial]``.
            sources: registered sources ``[B, K, *spatial]``.
            state: the state of the timestep before.
            sigma: noise level of the timestep, sqrt((1 - ᾱ_t) / ᾱ_t): how uncertain the proposal is.

        Returns:
            the rectified image ``[B, 1, *spatial]`` and the state for the next timestep.
        """

    def solve(self, sources: Tensor, state: State) -> Tensor:
        """Return what the sources alone ask for, ``[B, 1, *spatial]``: where sampling may begin.

        Here one iteration from the mean of the sources; a likelihood with a unique answer returns that.
        """
        return self(sources.mean(dim=1, keepdim=True), sources, state, math.inf)[0]

    def needs_prior(self, state: State) -> bool:
        """Return whether a proposal can change the answer; if not, the prior need not be asked."""
        return True

    @abstractmethod
    def provenance(self, fused: Tensor, sources: Tensor, state: State) -> Tensor:
        """Share of each source in each voxel of the fused image, ``[B, K, *spatial]``, summing to 1 over K."""
