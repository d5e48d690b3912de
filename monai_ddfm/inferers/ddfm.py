# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The fusion of whole volumes: prior, rectifier and sampler put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.utils import convert_to_dst_type
from torch import Tensor

from monai_ddfm.denoising.cleaning_note import CleaningNote
from monai_ddfm.denoising.noise_meta import write_notes
from monai_ddfm.denoising.noise_model import NoiseModel, white_noise
from monai_ddfm.inferers.check_input import check_numbers, check_range
from monai_ddfm.inferers.luminance import LuminanceRange
from monai_ddfm.inferers.memory import images_at_once
from monai_ddfm.inferers.precision import PRECISIONS, arithmetic
from monai_ddfm.inferers.slice_fusion import STARTS, SliceFusion
from monai_ddfm.inferers.slices import slices_to_volume, volume_to_slices, voxel_size
from monai_ddfm.inferers.source_noise import SourceNoise, left_noise, noise_of_pictures, noise_of_volumes
from monai_ddfm.inferers.volume_fusion import VolumeFusion
from monai_ddfm.maps import MAPS, Fusion
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.rectifiers import Rectifier, StructureRectifier
from monai_ddfm.samplers import SAMPLERS, check_timesteps, spaced_timesteps
from monai_ddfm.stages import StageClock, write_stages

__all__ = ["DDFMInferer"]


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
        slices_per_batch: slices a GPU's network sees at once; memory grows with it, results agree to rounding. On a CPU
            they are the same to the bit, see `in_fixed_batches`, which takes at least what keeps all threads busy.
            None: by their size and the device, see `images_at_once`.
        slab: slices that a rectifier of ``spatial_dims=3`` couples at once, beside those within its `reach`; memory
            grows with it, results do not change. None: by the volume's size, see `best_cut`. Where memory runs
            out all the same, slabs and batches are halved.
        crop_background: fuse only the box around a volume's foreground, with a margin of 16 voxels; the anchor's
            background stays around it. Saves its share of the time, and background beyond the margin then changes
            nothing. Pictures ``[B, K, H, W]`` are fused whole, each alone.
        precision: ``float32``, ``bfloat16``, or ``auto`` for bfloat16 where the hardware has it and the network stays
            within 45 dB of float32.
        denoise_sources: clean measurably noisy sources by prior and likelihood first, so that the rectifier compares
            anatomy and not noise; true, false, or one of these for each source.
        cleaning_steps: network evaluations of each slice of a noisy source, at most.
        clean_in_three_planes: look at axial, coronal and sagittal slices in turn. Where voxels are nearly cubic and the
            rectifier is of ``spatial_dims=3``.
        noise_models: noise of each source in [-1, 1] where it is known; it wins over what the images' meta says
            (`MeasureNoised`), and that over a measurement.
        three_planes: ask the prior so in sampling, too; for volumes of nearly cubic voxels, with a rectifier of
            ``spatial_dims=3`` and without `shared_noise`.
        luminance_range: how a 3-channel prior's RGB becomes luminance, ``full`` or ``studio`` (the published code).
        maps: names of `MAPS`: what else to return, channels after the fused image in the order of `MAPS`.
        uncertainty_seeds: how many draws of what the sources could have shown the uncertainty is measured over.
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
        steps: int = 2,
        timesteps: Sequence[int] | None = None,
        start_timestep: int = 150,
        start: str = "sources",
        eta: float = 0.0,
        seed: int = 0,
        shared_noise: bool = True,
        slice_axis: int = -1,
        slices_per_batch: int | None = None,
        slab: int | None = None,
        crop_background: bool = True,
        precision: str = "auto",
        denoise_sources: bool | Sequence[bool] = True,
        cleaning_steps: int = 4,
        noise_models: Sequence[NoiseModel | None] | None = None,
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
        for name, count in (
            ("slices_per_batch", slices_per_batch),
            ("slab", slab),
            ("cleaning_steps", cleaning_steps),
        ):
            if count is not None and count < 1:
                raise ValueError(f"{name} must be at least 1, got {count}")
        self.slice_fusion = SliceFusion(
            rectifier=rectifier if rectifier is not None else StructureRectifier(spatial_dims=3),
            sampler=sampler,
            timesteps=spaced_timesteps(steps, start_timestep) if timesteps is None else timesteps,
            start=start,
            eta=eta,
            cleaning_steps=cleaning_steps,
            luminance_range=LuminanceRange(luminance_range),
            three_planes=three_planes,
            clean_in_three_planes=clean_in_three_planes,
            callback=callback,
        )
        check_numbers(eta, uncertainty_seeds, novelty_allowance)
        self.denoise_sources = denoise_sources
        self.noise_models = noise_models
        self.seed = seed
        self.shared_noise = shared_noise
        self.slice_axis = slice_axis
        self.slab = slab
        self.slices_per_batch = slices_per_batch
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
        wanted = self._wanted(inputs.shape[1])
        clock = StageClock()
        with torch.no_grad():
            slices = volume_to_slices(torch.as_tensor(inputs.detach()).as_subclass(Tensor), self.slice_axis).float()
            dtype = arithmetic(self.precision, network, slices.device)
            spacing = voxel_size(inputs, self.slice_axis)
            fusion = self.slice_fusion if spacing is None else self.slice_fusion.for_spacing(spacing)
            if spacing is None or slices.shape[1] == 1:  # one slice has no neighbours: it is a picture
                fusion = fusion.for_pictures()
            fusion = fusion.in_batches_of(images_at_once(slices, self.slices_per_batch))
            notes = [CleaningNote(one) for one in wanted]
            with clock("measuring noise"):
                noises = self._noises(inputs)
            work = VolumeFusion(
                fusion,
                slices,
                noises,
                spacing is None,
                notes,
                network,
                dtype,
                clock,
                told=bool(self.maps),
                shared_noise=self.shared_noise,
                slab=self.slab,
                crop_background=self.crop_background,
                progress=self.progress,
            )
            (whole,) = work.fuse([self.seed])
            lines = [note.line("uncertainty" in self.maps) for note in notes]
            fused = self._to_volume(whole.fused, inputs)

            def repeated() -> Iterator[Tensor]:
                seeds = range(self.seed + 1, self.seed + 1 + self.uncertainty_seeds)
                together = max(1, fusion.slices_per_batch // slices.shape[1])
                for first in range(0, len(seeds), together):
                    for drawn in work.fuse(seeds[first : first + together], drawn=True):
                        yield self._to_volume(drawn.fused, inputs)

            def noise_left() -> Tensor:
                return self._to_volume(left_noise(slices, noises, work.pictures), inputs)

            if not fused.isfinite().all():
                raise FloatingPointError(
                    "the fused image has values that are not finite, since the prior's answers were not, or far from "
                    "anything plausible: give precision float32, or other weights"
                )
            channels = [fused]
            if self.maps:
                provenance, cleaned = (self._to_volume(part, inputs) for part in whole[1:])
                told = Fusion(cleaned, fused, provenance, repeated, self.novelty_allowance, noise_left)
                with clock("maps"):
                    channels += [MAPS[name].compute(told) for name in self.maps]
            answer = convert_to_dst_type(torch.cat(channels, dim=1), inputs, dtype=fused.dtype)[0]
            if isinstance(answer, MetaTensor):
                write_notes(answer, lines)
                write_stages(answer, clock)
            return answer

    def _to_volume(self, slices: Tensor, inputs: Tensor) -> Tensor:
        return slices_to_volume(slices, self.slice_axis, inputs.ndim - 2)

    def _wanted(self, count: int) -> list[bool]:
        """Whether each of so many sources is to be cleaned."""
        clean = self.denoise_sources
        wanted = [clean] * count if isinstance(clean, bool) else list(clean)
        for name, values in (("denoise_sources", wanted), ("noise_models", self.noise_models)):
            if values is not None and len(values) != count:
                raise ValueError(f"{name} has {len(values)} values for {count} sources; give one for each")
        return wanted

    def noise_in_words(self, inputs: Tensor) -> list[str]:
        """Return what cleaning would find in each source of ``[1, K, H, W, D]``, or of a picture, before it is done."""
        wanted, rows = self._wanted(inputs.shape[1]), self._noises(inputs)
        if not rows:
            return ["not cleaned, as was asked"] * len(wanted)
        slices = volume_to_slices(torch.as_tensor(inputs).as_subclass(Tensor), self.slice_axis).float()[0]
        notes = []
        for index, asked in enumerate(wanted):
            source = rows[0][index].of(slices[:, index : index + 1])
            notes.append(CleaningNote(asked, source.noise, source.share).expected())
        return notes

    def _noises(self, inputs: Tensor) -> list[list[SourceNoise]]:
        """The noise of each source of each volume, or picture; empty where nobody asks.

        A source that is not to be cleaned has noise as well, which the uncertainty tells of.
        """
        wanted = self._wanted(inputs.shape[1])
        told = "uncertainty" in self.maps
        if not (told or any(wanted)):
            return []
        given = [
            model if want or told else white_noise(0.0)
            for model, want in zip(self.noise_models or [None] * len(wanted), wanted, strict=True)
        ]
        pictures = inputs.ndim == 4
        noises = noise_of_pictures(inputs, given) if pictures else noise_of_volumes(inputs, self.slice_axis, given)
        return [[noise if want else noise.kept() for noise, want in zip(row, wanted, strict=True)] for row in noises]
