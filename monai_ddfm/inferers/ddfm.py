# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The fusion of whole volumes: prior, rectifier and sampler put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import torch
from monai.inferers import Inferer
from monai.utils import convert_to_dst_type
from torch import Tensor
from tqdm import tqdm

from monai_ddfm.foreground import has_foreground
from monai_ddfm.inferers.check_input import check_numbers, check_range
from monai_ddfm.inferers.foreground_crop import ForegroundCrop
from monai_ddfm.inferers.luminance import LuminanceRange
from monai_ddfm.inferers.noise_field import NoiseField
from monai_ddfm.inferers.precision import PRECISIONS, resolve_precision
from monai_ddfm.inferers.slice_fusion import STARTS, FusedSlices, SamplingContext, SliceFusion
from monai_ddfm.inferers.slices import slices_to_volume, volume_to_slices, voxel_size
from monai_ddfm.maps import MAPS, Fusion
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.rectifiers import Rectifier, StructureRectifier
from monai_ddfm.samplers import SAMPLERS, check_timesteps, spaced_timesteps

__all__ = ["DDFMInferer"]

_MARGIN = 16  # voxels around foreground: as far as the rectifier's windows reach


class DDFMInferer(Inferer):
    """Fuse K registered sources by denoising diffusion (DDFM, arXiv 2303.06840), slice by slice.

    At each timestep the prior proposes a clean image, the rectifier pulls it towards the sources, and the sampler steps
    on. The inferer cuts volumes into slices and puts the fused slices together again. Slices whose rectifier does not
    listen to proposals (`Rectifier.needs_prior`: the sources are precise enough to decide alone) cost no evaluation.

    Args:
        rectifier: what the sources say; the structure-aware one, slices coupled, by default.
        sampler: a name of `SAMPLERS`: ``ddim``, ``ddpm`` (the paper's Algorithm 1), ``dpm_solver`` (second order).
        steps: number of network evaluations per slice, evenly spaced from `start_timestep` to 0.
        timesteps: the timesteps themselves, descending; overrules `steps`.
        start_timestep: the first timestep, 999 for sampling from pure noise.
        start: ``noise`` begins at pure noise; ``sources`` at the rectifier's own answer, noised to the first timestep,
            which makes sampling from a small `start_timestep` right.
        eta: noise of DDIM steps, 0 for none.
        seed: makes the noise.
        shared_noise: one noise field for all slices of a volume, so that neighbouring slices agree; else one for each.
        slice_axis: spatial axis that is cut, -1 for the last.
        slices_per_batch: slices the network sees at once; memory grows with it, results do not change.
        slab: slices that a rectifier of ``spatial_dims=3`` couples at once, beside those within its `reach`; memory
            grows with it, results do not change.
        crop_background: fuse only the box around a volume's foreground, with a margin of 16 voxels; the anchor's
            background stays around it. Saves its share of the time, and background beyond the margin then changes
            nothing. Pictures ``[B, K, H, W]`` are fused whole, each alone.
        precision: ``float32``, ``bfloat16``, or ``auto`` for bfloat16 where the hardware has it and the network stays
            within 45 dB of float32.
        denoise_sources: clean measurably noisy sources by the prior first, one network evaluation each, so that the
            rectifier compares anatomy and not noise.
        clean_in_three_planes: clean each source in axial, coronal and sagittal slices and average the estimates, three
            evaluations instead of one. Where voxels are nearly cubic, and the rectifier is of ``spatial_dims=3``.
        three_planes: ask the prior so in sampling, too; for volumes of nearly cubic voxels, with a rectifier of
            ``spatial_dims=3`` and without `shared_noise`.
        luminance_range: how a 3-channel prior's RGB becomes luminance, ``full`` or ``studio`` (the published code).
        maps: names of `MAPS`: what else to return, channels after the fused image in the order of `MAPS`.
        uncertainty_seeds: how many seeds, from `seed` on, the uncertainty is measured over.
        novelty_allowance: distance outside the sources' range that counts as noise.
        progress: show a progress bar.
        callback: called with ``(step, t, x, x0)`` after each step of each batch of slices.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        rectifier: Rectifier | None = None,
        sampler: str = "ddim",
        steps: int = 4,
        timesteps: Sequence[int] | None = None,
        start_timestep: int = 150,
        start: str = "sources",
        eta: float = 0.0,
        seed: int = 0,
        shared_noise: bool = True,
        slice_axis: int = -1,
        slices_per_batch: int = 8,
        slab: int = 64,
        crop_background: bool = True,
        precision: str = "auto",
        denoise_sources: bool = True,
        clean_in_three_planes: bool = True,
        three_planes: bool = False,
        luminance_range: str = "full",
        maps: Sequence[str] = (),
        uncertainty_seeds: int = 8,
        novelty_allowance: float = 0.01,
        progress: bool = False,
        callback: Callable[[int, int, Tensor, Tensor], None] | None = None,
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("sampler", sampler, SAMPLERS),
            ("start", start, STARTS),
            ("precision", precision, PRECISIONS),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
        if unknown := set(maps) - set(MAPS):
            raise ValueError(f"maps are {', '.join(MAPS)}; got {', '.join(sorted(unknown))}")
        if eta and sampler != "ddim":
            raise ValueError(f"eta is the noise of ddim steps, the sampler is {sampler}: give eta 0, or sampler ddim")
        if three_planes and (shared_noise or rectifier is None or rectifier.spatial_dims != 3):
            raise ValueError(
                "three_planes needs a rectifier of spatial_dims=3, which sees whole volumes, and shared_noise=False: "
                "noise that is the same in all slices is none to the other planes"
            )
        for name, count in (("slices_per_batch", slices_per_batch), ("slab", slab)):
            if count < 1:
                raise ValueError(f"{name} must be at least 1, got {count}")
        self.slice_fusion = SliceFusion(
            rectifier=rectifier if rectifier is not None else StructureRectifier(spatial_dims=3),
            sampler=sampler,
            timesteps=spaced_timesteps(steps, start_timestep) if timesteps is None else timesteps,
            start=start,
            eta=eta,
            denoise_sources=denoise_sources,
            luminance_range=LuminanceRange(luminance_range),
            slices_per_batch=slices_per_batch,
            three_planes=three_planes,
            clean_in_three_planes=clean_in_three_planes,
            callback=callback,
        )
        check_numbers(eta, uncertainty_seeds, novelty_allowance)
        self.seed = seed
        self.shared_noise = shared_noise
        self.slice_axis = slice_axis
        self.slab = slab
        self.crop_background = crop_background
        self.precision = precision
        self.maps = tuple(name for name in MAPS if name in maps)
        self.uncertainty_seeds = uncertainty_seeds
        self.novelty_allowance = novelty_allowance
        self.progress = progress

    def __call__(self, inputs: Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Tensor:
        """Fuse.

        Args:
            inputs: K registered sources in [-1, 1], ``[B, K, H, W, D]`` or ``[B, K, H, W]``; the first is the anchor.
            network: the prior, a `DiffusionPrior`.
            *args: not used; other inferers of MONAI take some.
            **kwargs: not used.

        Returns:
            the fused image in [-1, 1], ``[B, 1, ...]`` like the inputs, on their device; a MetaTensor keeps its meta.
            The channels of `maps` follow.

        Raises:
            TypeError: `network` is not a `DiffusionPrior`.
            ValueError: `inputs` has another number of dimensions, fewer than two sources, or values that are not finite
                or far outside of [-1, 1].
            FloatingPointError: the prior's answers are not finite.
        """
        if not isinstance(network, DiffusionPrior):
            raise TypeError(
                f"network must be a monai_ddfm.priors.DiffusionPrior, got {type(network).__name__}; "
                "wrap a DiffusionModelUNet in UNetPrior"
            )
        if inputs.ndim not in (4, 5) or inputs.shape[1] < 2:
            raise ValueError(
                f"inputs must be [B, K, H, W] or [B, K, H, W, D] with K of 2 or more sources, got {tuple(inputs.shape)}"
            )
        check_range(inputs)
        check_timesteps(self.slice_fusion.timesteps, len(network.alphas_cumprod))
        with torch.no_grad():
            slices = volume_to_slices(torch.as_tensor(inputs.detach()).as_subclass(Tensor), self.slice_axis).float()
            dtype = cache(partial(resolve_precision, self.precision, network, slices.device))  # asked when needed
            spacing = voxel_size(inputs, self.slice_axis)
            fusion = self.slice_fusion if spacing is None else self.slice_fusion.for_spacing(spacing)
            if spacing is None or slices.shape[1] == 1:  # one slice has no neighbours: it is a picture
                fusion = fusion.for_pictures()
            fuse = partial(self._fuse, fusion, slices, network, dtype)
            fused, provenance = (self._to_volume(part, inputs) for part in fuse(self.seed))

            def repeated() -> Iterator[Tensor]:
                yield fused
                for seed in range(self.seed + 1, self.seed + self.uncertainty_seeds):
                    yield self._to_volume(fuse(seed).fused, inputs)

            sources = inputs.as_subclass(Tensor).float()
            fusion_done = Fusion(sources, fused, provenance, repeated, self.novelty_allowance)
            if not fused.isfinite().all():
                raise FloatingPointError(
                    "the fused image has values that are not finite, as the prior's answers had: give precision "
                    "float32, or other weights"
                )
            channels = [fused, *(MAPS[name].compute(fusion_done) for name in self.maps)]
            return convert_to_dst_type(torch.cat(channels, dim=1), inputs, dtype=fused.dtype)[0]

    def _to_volume(self, slices: Tensor, inputs: Tensor) -> Tensor:
        return slices_to_volume(slices, self.slice_axis, inputs.ndim - 2)

    def _fuse(
        self, fusion: SliceFusion, slices: Tensor, prior: DiffusionPrior, dtype: Callable[[], torch.dtype], seed: int
    ) -> FusedSlices:
        """Fuse ``[B, D, K, H, W]`` to ``[B, D, 1, H, W]``, with provenance ``[B, D, K, H, W]``.

        Slices without foreground stay the anchor's, with equal shares.
        """
        whole = FusedSlices(slices[:, :, :1].clone(), torch.full_like(slices, 1.0 / slices.shape[2]))
        groups = [(volume, group) for volume in range(len(slices)) for group in self._groups(slices[volume], fusion)]
        seen = sum(slab.stop - slab.start for _, group in groups for slab, _ in fusion.slabs(len(group), self.slab))
        margin = _MARGIN if self.crop_background and not fusion.pictures else None
        with tqdm(total=seen * len(fusion.timesteps), unit="slice step", disable=not self.progress) as bar:
            context = SamplingContext(prior, dtype, NoiseField(seed, self.shared_noise), bar)
            for volume, group in groups:
                crop = ForegroundCrop(slices[volume], margin, beyond=not fusion.three_planes)
                sources = crop.complete(fusion.clean(crop.cut(slices[volume, group]), context))
                fitted = fusion.for_volume(sources) if fusion.coupled else fusion
                for slab, kept in fusion.slabs(len(group), self.slab):
                    part = fitted(sources[slab], group[slab.start : slab.stop], context)
                    indices = group[slab.start : slab.stop][kept]
                    crop.put_back(part.fused[kept], whole.fused[volume], indices)
                    crop.put_back(part.provenance[kept], whole.provenance[volume], indices)
        return whole

    def _groups(self, sources: Tensor, fusion: SliceFusion) -> Iterator[list[int]]:
        """Yield the positions of slices that know of each other, of one volume ``[D, K, H, W]``.

        Coupled slices are all from the first with foreground to the last; others are as many as fit into a batch.
        """
        occupied = has_foreground(sources).flatten(1).any(dim=1).nonzero().flatten().tolist()
        if fusion.coupled and occupied:
            yield list(range(occupied[0], occupied[-1] + 1))
        elif occupied:
            for first in range(0, len(occupied), fusion.slices_per_batch):
                yield occupied[first : first + fusion.slices_per_batch]
