# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How noisy each source is on the grid that is fused on: as given, as noted in its meta, or measured now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from monai.data import MetaTensor
from torch import Tensor

from monai_ddfm.denoising.clean_sources import (
    THRESHOLD,
    THRESHOLD_OF_PICTURES,
    THRESHOLD_OF_WHITE_PICTURES,
    NoisySource,
)
from monai_ddfm.denoising.estimate_noise_model import estimate_noise_model
from monai_ddfm.denoising.noise_kind import is_white
from monai_ddfm.denoising.noise_meta import noises_of_batch
from monai_ddfm.denoising.noise_model import NoiseModel
from monai_ddfm.inferers.slices import volume_to_slices, voxel_size

__all__ = ["SourceNoise", "left_noise", "noise_of_pictures", "noise_of_volumes"]

_NEVER = (1e3, 2e3)  # no noise is above it
_LOCAL = (0.35, 3.0)  # where almost no noise is expected, a division by it would make some


class SourceNoise(NamedTuple):
    """The noise of one source of one volume, or of one picture.

    Attributes:
        model: in [-1, 1].
        local: relative standard deviation ``[D, 1, H, W]``, None where it is the same everywhere.
        spacing: of the voxels in a slice ``(H, W)`` in mm.
        threshold: see `NoisySource`.
    """

    model: NoiseModel
    local: Tensor | None
    spacing: tuple[float, float]
    threshold: tuple[float, float] = THRESHOLD

    def of(self, slices: Tensor) -> NoisySource:
        """Return slices ``[n, 1, H, W]`` with this noise; `local` must have been cut to them, see `cut`."""
        return NoisySource(slices, self.model, self.local, self.spacing, self.threshold)

    def kept(self) -> SourceNoise:
        """Return the noise of a source that is not to be cleaned."""
        return self._replace(threshold=_NEVER)

    def cut(self, slice_indices: Sequence[int], crop: Callable[[Tensor], Tensor]) -> SourceNoise:
        """Return the noise of some slices, cut as these are."""
        if self.local is None:
            return self
        return self._replace(local=crop(self.local[list(slice_indices)]).clamp_min(_LOCAL[0]))


def noise_of_pictures(pictures: Tensor, given: Sequence[NoiseModel | None] | None) -> list[list[SourceNoise]]:
    """Return the noise of each source of each picture.

    Args:
        pictures: ``[B, K, H, W]`` in [-1, 1].
        given: of each source, in the same units; it wins.
    """
    noted = noises_of_batch(pictures)
    plain = pictures.detach().as_subclass(Tensor).float()
    here = cache(plain.cpu)  # all at once, and only where any is to be measured
    noises = []
    for index, (picture, known) in enumerate(zip(plain, noted, strict=True)):
        row = []
        for k, source in enumerate(picture[:, None]):
            model = _first(given, known, k) or estimate_noise_model(here()[index, k : k + 1])
            row.append(_on_grid(model, source[None], (1.0, 1.0)))
        noises.append(row)
    return noises


def noise_of_volumes(
    volumes: Tensor, slice_axis: int, given: Sequence[NoiseModel | None] | None
) -> list[list[SourceNoise]]:
    """Return the noise of each source of each volume.

    Args:
        volumes: ``[B, K, *three spatial]`` in [-1, 1].
        slice_axis: spatial axis that is cut.
        given: of each source, in the same units; it wins.
    """
    _, rows, columns = voxel_size(volumes, slice_axis) or (1.0, 1.0, 1.0)
    slices = volume_to_slices(volumes.detach().as_subclass(Tensor).float(), slice_axis)
    noises = []
    for index, known in enumerate(noises_of_batch(volumes)):
        affine = _affine(volumes, index, slice_axis)
        row = []
        for k in range(volumes.shape[1]):
            stack = slices[index, :, k]
            steps = affine[:3, :3].norm(dim=0).tolist()
            model = _first(given, known, k) or estimate_noise_model(stack.movedim(0, -1)[None], steps, affine=affine)
            place = model.place_map((*stack.shape[1:], len(stack)), affine)
            row.append(
                _on_grid(model, stack[:, None], (rows, columns), None if place is None else place.movedim(-1, 0))
            )
        noises.append(row)
    return noises


def left_noise(slices: Tensor, noises: Sequence[Sequence[SourceNoise]], pictures: bool) -> Tensor:
    """Return the standard deviation of the noise that cleaning leaves in each source, ``[B, D, K, H, W]``.

    Args:
        slices: of the sources, same shape.
        noises: ``[B][K]`` of volumes or ``[D][K]`` of pictures; none: nothing was measured.
        pictures: whether slices are pictures.
    """
    left = torch.zeros_like(slices)
    for index, row in enumerate(noises):
        for k, noise in enumerate(row):
            here = left[0, index : index + 1, k : k + 1] if pictures else left[index, :, k : k + 1]
            local = 1.0 if noise.local is None else noise.local
            here += noise.model.std * (1.0 - noise.of(slices[:0]).share) * local
    return left


def _first(given: Sequence[NoiseModel | None] | None, known: Sequence[NoiseModel | None], k: int) -> NoiseModel | None:
    return (given[k] if given is not None else None) or known[k]


def _on_grid(
    model: NoiseModel, slices: Tensor, spacing: tuple[float, float], place: Tensor | None = None
) -> SourceNoise:
    """The noise with its relative standard deviation at each voxel of ``[D, 1, H, W]``."""
    local = None
    if model.std > 0.0 and (model.gain is not None or place is not None):
        local = model.local(slices, None if place is None else place[:, None].to(slices)).clamp(*_LOCAL)
    return SourceNoise(model, local, spacing, _threshold(model))


def _threshold(model: NoiseModel) -> tuple[float, float]:
    if not model.alone:
        return THRESHOLD
    return THRESHOLD_OF_WHITE_PICTURES if is_white(model) else THRESHOLD_OF_PICTURES


def _affine(volumes: Tensor, index: int, slice_axis: int) -> Tensor:
    """Voxel (row, column, slice) to world, ``[4, 4]``."""
    if not isinstance(volumes, MetaTensor):
        return torch.eye(4, dtype=torch.float64)
    affine = (volumes.affine[index] if volumes.affine.ndim == 3 else volumes.affine).cpu().double()
    axes = [axis for axis in range(3) if axis != slice_axis % 3] + [slice_axis % 3]
    return affine[:, [*axes, 3]]
