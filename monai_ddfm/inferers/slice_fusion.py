# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The fusion of slices that are sampled together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from monai_ddfm.denoising.clean_sources import ask_prior, clean_sources
from monai_ddfm.denoising.cleaning_note import CleaningNote
from monai_ddfm.foreground import emptiness
from monai_ddfm.inferers.fixed_batches import in_fixed_batches
from monai_ddfm.inferers.foreground_crop import ForegroundCrop
from monai_ddfm.inferers.luminance import LuminanceRange, luminance, rectify_luminance
from monai_ddfm.inferers.memory import halving, halving_batches, size_of
from monai_ddfm.inferers.noise_field import NoiseField
from monai_ddfm.inferers.precision import Arithmetic
from monai_ddfm.inferers.slabs import Cut, best_cut, compute_in_slabs
from monai_ddfm.inferers.source_noise import SourceNoise
from monai_ddfm.io.memory import return_freed_memory
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.priors.predict_padded import predict_padded
from monai_ddfm.rectifiers import Rectifier
from monai_ddfm.samplers import SAMPLERS, noise_level

__all__ = ["STARTS", "FusedSlices", "SamplingContext", "SliceFusion"]

STARTS = ("sources", "noise")
"""Where sampling may begin: at the rectifier's own answer, noised to the first timestep, or at pure noise."""

_NEARLY_CUBIC = 1.6  # longest side of a voxel over the shortest, up to which the prior learnt from all three planes
_DRAWS = 100_000  # noise of draws is told from that of timesteps by numbers from here on
_FEWEST_SLICES = 8  # of a volume that is looked at from the side


class SamplingContext(NamedTuple):
    """What slices are sampled with, the same for all slices of a run.

    Attributes:
        prior: the prior.
        dtype: tells the network's arithmetic.
        noise: the run's noise.
        bar: progress, in slices times steps.
        notes: on the cleaning of each source, written while it is done.
    """

    prior: DiffusionPrior
    dtype: Arithmetic
    noise: NoiseField
    bar: tqdm
    notes: Sequence[CleaningNote]


class FusedSlices(NamedTuple):
    """Fused slices ``[n, 1, H, W]``, the share of each source in them, and the cleaned sources ``[n, K, H, W]``."""

    fused: Tensor
    provenance: Tensor
    sources: Tensor


class SliceFusion:
    """Propose, rectify and step, for slices that share a batch; arguments as of `DDFMInferer`."""

    def __init__(
        self,
        rectifier: Rectifier,
        sampler: str,
        timesteps: Sequence[int],
        start: str,
        eta: float,
        cleaning_steps: int,
        luminance_range: LuminanceRange,
        three_planes: bool = False,
        clean_in_three_planes: bool = False,
        callback: Callable[[int, int, Tensor, Tensor], None] | None = None,
    ) -> None:
        self.rectifier = rectifier
        self.sampler = sampler
        self.timesteps = list(timesteps)
        self.start = start
        self.eta = eta
        self.cleaning_steps = cleaning_steps
        self.luminance_range = luminance_range
        self.three_planes = three_planes
        self.clean_in_three_planes = clean_in_three_planes
        self.callback = callback
        self.slices_per_batch = 1
        self.pictures = False

    @property
    def coupled(self) -> bool:
        """Whether slices that are sampled together are one volume to the rectifier."""
        return self.rectifier.spatial_dims == 3 and not self.pictures

    def cut(
        self,
        size: Sequence[int],
        sources: int,
        slab: int | None,
        device: torch.device,
        decides_alone: Callable[[], bool] | None = None,
    ) -> Cut:
        """Return where to cut a volume of so many slices, rows and columns; at most `slab` slices between, if given.

        The prior sees whole slices; one that looks from the sides sees whole volumes. Slices are cut where the
        rectifier `decides_alone`; without that it is asked what it knows before it has seen the volume.
        """
        if not self.coupled or self.three_planes:
            return Cut(0, size[0], 0)
        reaches = [self.rectifier.reach(axis) for axis in range(3)]
        if slab is not None:
            return Cut(0, slab, reaches[0])
        return best_cut(size, sources, reaches, device, decides_alone or (lambda: self.rectifier.decides_alone))

    def for_pictures(self) -> SliceFusion:
        """Return this fusion for pictures, which are no neighbours of each other."""
        fitted = copy(self)
        fitted.pictures, fitted.three_planes = True, False
        return fitted

    def for_spacing(self, spacing: Sequence[float]) -> SliceFusion:
        """Return this fusion for voxels of that size ``(D, H, W)``."""
        fitted = copy(self)
        fitted.rectifier = self.rectifier.for_spacing(spacing[-self.rectifier.spatial_dims :])
        fitted.clean_in_three_planes = self.clean_in_three_planes and max(spacing) <= _NEARLY_CUBIC * min(spacing)
        return fitted

    def in_batches_of(self, slices_per_batch: int) -> SliceFusion:
        """Return this fusion with so many slices, at most, before the network at once."""
        fitted = copy(self)
        fitted.slices_per_batch = slices_per_batch
        return fitted

    def for_volume(self, sources: Tensor) -> SliceFusion:
        """Return this fusion with what the rectifier learns from all coupled slices ``[n, K, H, W]`` of a volume."""
        fitted = copy(self)
        return_freed_memory()
        fitted.rectifier = self.rectifier.for_volume(self._stack(sources))
        return fitted

    def fuse(
        self,
        sources: Tensor,
        crop: ForegroundCrop,
        slice_indices: list[int],
        context: SamplingContext,
        slab: int | None,
        keep: Callable[[FusedSlices, list[int], tuple[int, int]], None],
        shares: bool = True,
    ) -> None:
        """Fuse sources ``[n, K, H, W]``, cleaned, slab by slab; when memory runs out, in smaller ones from there on.

        What the rectifier learns from a volume is learnt before, where a slab is not all of it.

        Args:
            sources: all coupled slices, or slices on their own; of each the box that `crop` cut.
            crop: completes it, slab by slab.
            slice_indices: where they stand in their volume.
            context: what they are sampled with.
            slab: slices in a slab, at most, if given.
            keep: takes a part of the fused slices, their positions in the volume, and the part's first row and column.
            shares: tell the share of each source, too.

        Raises:
            MemoryError: the smallest slab does not fit; says how much was asked for.
        """
        size = len(sources), *crop.size
        fitted = cache(lambda: self.for_volume(crop.complete(sources)) if self.coupled else self)
        cut = self.cut(size, sources.shape[1], slab, sources.device, lambda: fitted().rectifier.decides_alone)
        count = size[max(0, cut.axis - 1)]

        def fuse_slab(seen: slice, kept: slice) -> None:
            indices = slice_indices[seen] if cut.axis == 0 else slice_indices
            fusion = self if seen.stop - seen.start == count else fitted()
            fused = fusion(crop.part(sources, cut.axis, seen), indices, context, shares)
            first = seen.start + kept.start
            corner = (first * (cut.axis == 2), first * (cut.axis == 3))
            indices = indices[kept] if cut.axis == 0 else indices
            keep(FusedSlices(*(_part(one, cut.axis, kept) for one in fused)), indices, corner)

        compute_in_slabs(fuse_slab, count, cut, sources.device, "x".join(map(str, size)))

    def __call__(
        self, sources: Tensor, slice_indices: list[int], context: SamplingContext, shares: bool = True
    ) -> FusedSlices:
        """Fuse sources ``[n, K, H, W]``, cleaned, that stand at `slice_indices` in their volume, all at once."""
        stacked = self._stack(sources)
        state = self.rectifier.start(stacked)
        if self.rectifier.needs_prior(state):
            fused, state = self._sample(sources, stacked, state, slice_indices, context)
        else:
            fused = self._unstack(self.rectifier.solve(stacked, state))
        if not shares:
            return FusedSlices(fused, fused[:0], sources)
        provenance = self._unstack(self.rectifier.provenance(self._stack(fused), stacked, state))
        empty = emptiness(sources)  # is nobody's
        provenance = (provenance * (1.0 - empty)).add_(empty, alpha=1.0 / sources.shape[1])
        return FusedSlices(fused, provenance, sources)

    def _sample(
        self, sources: Tensor, stacked: Tensor, state: Any, slice_indices: list[int], context: SamplingContext
    ) -> tuple[Tensor, Any]:
        """Walk the timesteps; returns the fused slices ``[n, 1, H, W]`` and the rectifier's last state."""
        prior, levels = context.prior, context.prior.alphas_cumprod.tolist()
        positions = [0] * len(slice_indices) if self.pictures else slice_indices

        def noise(t: int) -> Tensor:
            return context.noise(positions, t, (prior.channels, *sources.shape[-2:]), like=sources)

        def predict_x0(x_t: Tensor, t: int) -> Tensor:
            context.bar.update(len(x_t))
            return self._in_planes(
                lambda part: predict_padded(prior, part, t, context.dtype(part)), x_t, self.three_planes
            )

        def rectify(x0: Tensor, t: int, state: Any) -> tuple[Tensor, Any]:
            rectified, state = self.rectifier(self._stack(x0), stacked, state, noise_level(levels[t]))
            return self._unstack(rectified), state

        x = noise(len(levels)).expand(len(sources), -1, -1, -1)  # one past the last timestep: the noise of the start
        if self.start == "sources":
            alpha = levels[self.timesteps[0]]
            solution = self._unstack(self.rectifier.solve(stacked, state))
            x = alpha**0.5 * solution + (1.0 - alpha) ** 0.5 * x
        rectify_channels = rectify if prior.channels == 1 else rectify_luminance(rectify, self.luminance_range)
        x, state = SAMPLERS[self.sampler](
            x,
            self.timesteps,
            prior.alphas_cumprod,
            predict_x0,
            rectify_channels,
            state,
            eta=self.eta,
            noise=noise,
            callback=self.callback,
        )
        return (x if prior.channels == 1 else luminance(x, self.luminance_range)), state

    def clean(
        self,
        sources: Tensor,
        slice_indices: list[int],
        contexts: Sequence[SamplingContext],
        noises: Sequence[Sequence[SourceNoise]],
        stochastic: bool = False,
    ) -> list[Tensor]:
        """Return the sources for each context, noisy ones as prior and likelihood have them without noise.

        Args:
            sources: ``[n, K, H, W]``, all the slices of a volume that are coupled, or slices on their own.
            slice_indices: where the slices stand in their volume.
            contexts: several share the network's batches.
            noises: of each source of the volume, ``[1][K]``, or of each picture, ``[n][K]``; none: nothing is cleaned.
            stochastic: draw what noisy sources could have shown, for each context by its own noise; else estimate it.

        Returns:
            ``[n, K, H, W]`` for each context.
        """
        if not noises:
            return [sources] * len(contexts)
        count = sources.shape[1]
        positions = [[0]] * len(sources) if self.pictures else [slice_indices]
        groups = sources.split(1) if self.pictures else [sources]
        noisy = [
            noise.of(group[:, k : k + 1])
            for group, row in zip(groups, noises, strict=True)
            for k, noise in enumerate(row)
        ]

        def predict(images: Tensor, sigma: Tensor) -> Tensor:
            return ask_prior(contexts[0].prior, images, sigma, contexts[0].dtype(images))

        def draw(index: int, step: int, shape: tuple[int, int]) -> Tensor:
            context, here = contexts[index // len(noisy)], index % len(noisy)
            key = _DRAWS + step * count + here % count  # beyond any timestep
            return context.noise.apart(positions[here // count], key, (1, *shape), like=sources)

        three = self.coupled and (self.three_planes or self.clean_in_three_planes) and len(sources) >= _FEWEST_SLICES
        all_noisy = noisy * len(contexts)

        def clean(first: int, last: int) -> list[Tensor]:
            return clean_sources(
                all_noisy[first:last],
                lambda images, sigma: self._in_batches(predict, images, sigma),
                planes=(0, 2, 3) if three else (0,),
                at_most=self.cleaning_steps,
                draw=(lambda index, step, shape: draw(first + index, step, shape)) if stochastic else None,
            )

        what = f"source of {len(sources)} slices of {size_of(sources)}"
        parts, _ = halving(clean, len(all_noisy), len(all_noisy), sources.device, what)
        cleaned = [source for part in parts for source in part]
        if not stochastic:
            for index, (before, after) in enumerate(zip(noisy, cleaned, strict=True)):
                contexts[0].notes[index % count].add(before, after, self.cleaning_steps)
        if not any(source.share > 0.0 for source in noisy):
            return [sources] * len(contexts)  # memory: joined again, they would be a copy
        together = [torch.cat(cleaned[first : first + count], 1) for first in range(0, len(cleaned), count)]
        return [torch.cat(together[first : first + len(groups)]) for first in range(0, len(together), len(groups))]

    def _in_planes(self, predict: Callable[[Tensor], Tensor], images: Tensor, three: bool) -> Tensor:
        """Ask the network about the slices ``[n, C, H, W]`` of a volume, or about its slices along all three axes."""
        across = self._in_batches(predict, images)
        if not three or len(images) < _FEWEST_SLICES:
            return across
        others = (self._in_batches(predict, images.transpose(0, axis)).transpose(0, axis) for axis in (2, 3))
        return across + sum(other - across for other in others) / 3  # where all agree, exactly what they agree on

    def _in_batches(self, predict: Callable[..., Tensor], images: Tensor, *values: Tensor) -> Tensor:
        """Ask the network about as many slices at once as memory holds; on a CPU in fixed batches of those."""
        fixed = partial(in_fixed_batches, predict)
        predicted, self.slices_per_batch = halving_batches(fixed, images, self.slices_per_batch, *values)
        return predicted

    def _stack(self, slices: Tensor) -> Tensor:
        """``[n, C, H, W]`` as the rectifier wants it: as it is, one volume ``[1, C, n, H, W]``, or n of one slice."""
        if self.rectifier.spatial_dims == 2:
            return slices
        return slices[:, :, None] if self.pictures else slices.movedim(0, 1)[None]

    def _unstack(self, stacked: Tensor) -> Tensor:
        if self.rectifier.spatial_dims == 2:
            return stacked
        return stacked[:, :, 0] if self.pictures else stacked[0].movedim(1, 0)


def _part(slices: Tensor, axis: int, part: slice) -> Tensor:
    """Some slices, rows or columns of ``[n, C, H, W]``; of nothing, nothing."""
    return slices.narrow(axis, part.start, part.stop - part.start) if slices.numel() else slices
