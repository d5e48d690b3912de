# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The fusion of all slices of volumes: in groups, cropped, cleaned, fused slab by slab, and put back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from tqdm import tqdm

from monai_ddfm.denoising.cleaning_note import CleaningNote
from monai_ddfm.foreground import has_foreground
from monai_ddfm.inferers.foreground_crop import MARGIN, ForegroundCrop
from monai_ddfm.inferers.noise_field import NoiseField
from monai_ddfm.inferers.precision import Arithmetic
from monai_ddfm.inferers.slabs import slabs
from monai_ddfm.inferers.slice_fusion import FusedSlices, SamplingContext, SliceFusion
from monai_ddfm.inferers.source_noise import SourceNoise
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.stages import StageClock

__all__ = ["VolumeFusion"]


@dataclass(frozen=True)
class VolumeFusion:
    """What is fused, and how.

    Attributes:
        fusion: of slices that share a batch.
        slices: ``[B, D, K, H, W]`` in [-1, 1].
        noises: of the sources of each volume, or of each slice where slices are `pictures`; none: nothing is cleaned.
        pictures: whether slices came as a batch of pictures, each on its own.
        notes: on the cleaning of each source, written while it is done.
        prior: the network.
        dtype: tells its arithmetic.
        clock: counts the stages.
        told: whether shares and cleaned sources are kept, which maps are made of.
        shared_noise: one noise field for all slices of a volume; else one for each.
        slab: slices in a slab of the rectifier, at most, if given.
        crop_background: fuse the box around the foreground alone.
        progress: show a bar.
    """

    fusion: SliceFusion
    slices: Tensor
    noises: list[list[SourceNoise]]
    pictures: bool
    notes: list[CleaningNote]
    prior: DiffusionPrior
    dtype: Arithmetic
    clock: StageClock
    told: bool
    shared_noise: bool
    slab: int | None
    crop_background: bool
    progress: bool

    def fuse(self, seeds: Sequence[int], drawn: bool = False) -> list[FusedSlices]:
        """Fuse to ``[B, D, 1, H, W]``, shares and cleaned sources ``[B, D, K, H, W]``, for each seed.

        Slices without foreground stay the anchor's, with equal shares. Of draws, and where there is no map to make of
        the rest, the fused images alone are kept.
        """
        fusion, slices, told = self.fusion, self.slices, self.told and not drawn
        none = slices.new_empty(0)
        share = torch.full_like(slices, 1.0 / slices.shape[2]) if told else none
        wholes = [FusedSlices(slices[:, :, :1].clone(), share, slices.clone() if told else none) for _ in seeds]
        groups = [(volume, group) for volume in range(len(slices)) for group in _groups(slices[volume], fusion)]
        margin = MARGIN if self.crop_background and not fusion.pictures else None
        crops = {
            volume: ForegroundCrop(slices[volume], margin, beyond=not fusion.three_planes)
            for volume in dict.fromkeys(volume for volume, _ in groups)
        }
        steps = [self._steps(len(group), crops[volume].size) for volume, group in groups]
        with tqdm(desc="fusing", total=sum(steps) * len(seeds), unit="slice step", disable=not self.progress) as bar:
            contexts = [
                SamplingContext(self.prior, self.dtype, NoiseField(seed, self.shared_noise), bar, self.notes)
                for seed in seeds
            ]
            for (volume, group), expected in zip(groups, steps, strict=True):
                crop = crops[volume]
                noises = self._noises_of(volume, group, crop)
                with self.clock("cleaning"):
                    run = slice(group[0], group[-1] + 1)  # memory: a view, where a list makes a copy
                    there = slices[volume, run if fusion.coupled else group]
                    cleaned = fusion.clean(crop.cut(there), group, contexts, noises, drawn)
                with self.clock("fusing"):
                    for context, whole in zip(contexts, wholes, strict=True):
                        sources = cleaned.pop(0)
                        keep = partial(_put_back, crop, [total[volume : volume + 1] for total in whole])
                        done = bar.n + expected
                        fusion.fuse(sources, crop, group, context, self.slab, keep, shares=told)
                        bar.update(done - bar.n)  # what was decided without the prior, or done twice
        return wholes

    def _steps(self, count: int, size: tuple[int, int]) -> int:
        """How many steps of slices it takes to sample so many slices, of that size when cropped, overlaps included."""
        cut = self.fusion.cut((count, *size), self.slices.shape[2], self.slab, self.slices.device)
        seen = sum(part.stop - part.start for part, _ in slabs(count, cut)) if cut.axis == 0 else count
        return seen * len(self.fusion.timesteps)

    def _noises_of(self, volume: int, group: list[int], crop: ForegroundCrop) -> list[list[SourceNoise]]:
        """The noise of some slices: a row for their volume, or one for each picture."""
        if not self.noises:
            return []
        rows = [self.noises[index] for index in group] if self.pictures else [self.noises[volume]]
        return [[noise.cut([0] if self.pictures else group, crop.cut) for noise in row] for row in rows]


def _groups(sources: Tensor, fusion: SliceFusion) -> Iterator[list[int]]:
    """Yield the positions of slices that know of each other, of one volume ``[D, K, H, W]``.

    Coupled slices are all from the first with foreground to the last; others are as many as fit into a batch.
    """
    occupied = has_foreground(sources).flatten(1).any(dim=1).nonzero().flatten().tolist()
    if fusion.coupled and occupied:
        yield list(range(occupied[0], occupied[-1] + 1))
    elif occupied:
        for first in range(0, len(occupied), fusion.slices_per_batch):
            yield occupied[first : first + fusion.slices_per_batch]


def _put_back(
    crop: ForegroundCrop, wholes: Sequence[Tensor], part: FusedSlices, indices: list[int], corner: tuple[int, int]
) -> None:
    """Write fused slices into their volume; of `wholes` ``[1, D, C, H, W]`` those that hold nothing are not wanted."""
    for new, whole in zip(part, wholes, strict=True):
        if whole.numel():
            crop.put_back(new, whole[0], indices, corner)
