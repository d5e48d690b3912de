# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Noise that belongs to a place and a timestep, not to a batch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["NoiseField"]


class NoiseField:
    """Standard normal noise for slices of a volume, the same whatever the batch, the order or the number of processes.

    Every field is drawn on the CPU from its own seed, made of `seed`, the timestep and (unless shared) the slice's
    position, so that devices agree too.

    Args:
        seed: the run's seed.
        shared: one field for all slices of a volume, which keeps neighbouring slices alike; else one for each position.
    """

    def __init__(self, seed: int = 0, shared: bool = True) -> None:
        self.seed = seed
        self.shared = shared

    def __call__(self, positions: list[int], timestep: int, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return noise ``[len(positions) or 1, *shape]`` on the device and in the precision of `like`.

        Args:
            positions: place of each slice in its volume.
            timestep: the timestep the noise is for.
            shape: shape of one slice's field, ``(C, H, W)``.
            like: tensor that gives device and dtype.
        """
        if not self.shared:
            return self.apart(positions, timestep, shape, like)
        return self._draw(0, timestep, shape)[None].to(like)

    def apart(self, positions: list[int], timestep: int, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return noise ``[len(positions), *shape]`` of its own for each slice, also where the field is shared."""
        slice_indices = [position + 1 for position in positions]
        fields = {place: self._draw(place, timestep, shape) for place in dict.fromkeys(slice_indices)}
        return torch.stack([fields[place] for place in slice_indices]).to(like)

    def _draw(self, place: int, timestep: int, shape: tuple[int, ...]) -> Tensor:
        words = np.random.SeedSequence((self.seed, timestep, place)).generate_state(2)
        generator = torch.Generator().manual_seed(int(words[0]) << 32 | int(words[1]))
        return torch.randn(shape, generator=generator)
