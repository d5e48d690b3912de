# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The noise of a source, measured on the source itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from monai_ddfm.blocks import on_one_thread
from monai_ddfm.denoising.block_spectra import BlockSpectra, block_spectra
from monai_ddfm.denoising.local_noise import LocalNoise, local_noise
from monai_ddfm.denoising.noise_doubts import doubt_before, doubt_of
from monai_ddfm.denoising.noise_floor import floor_of_pictures, settled_floor, surely_noise
from monai_ddfm.denoising.noise_kind import noise_kind
from monai_ddfm.denoising.noise_model import NoiseModel, white_noise
from monai_ddfm.denoising.spectrum_family import spectrum_of_family
from monai_ddfm.denoising.tissue_blocks import TissueBlocks, tissue_blocks, tissue_mask, void_mask
from monai_ddfm.denoising.white_level import white_level
from monai_ddfm.transforms.modality import Modality

__all__ = ["estimate_noise_model"]

_SIZES = (32, 16)  # voxels of a block's side: large ones tell low frequencies apart
_BLOCKS_ACROSS = 2  # of the larger size, that a slice must hold
_NOTHING = 1e-3  # of the image's own standard deviation
_FEWEST = 12  # blocks, below which nothing is told
_LAGS = (2, 3, 4)  # slices apart, where neighbours no longer share their noise
_CORRELATED = 1.2  # times more noise between such slices than between neighbours: theirs is correlated
_STILL_GROWING = 1.15  # from one lag to the next: anatomy


def estimate_noise_model(
    volume: Tensor,
    spacing: Sequence[float] | None = None,
    modality: str | Modality = Modality.MR,
    affine: Tensor | None = None,
) -> NoiseModel:
    """Measure the noise of a volume on the grid it came on, best before its values are cut off at a window.

    Noise is told from anatomy by neighbouring slices: the difference of two slices keeps noise that is independent
    between them, and of anatomy only what changes. What is left of that grows with the anatomy of a block, which the
    mean of both slices shows, and is extrapolated to none (`noise_floor`). Slices further apart tell how far the noise
    of neighbours is correlated. All is done in rings of the power spectra of overlapping blocks of tissue; air is left
    out: it is filled, cut off or Rician. In a picture alone its high frequencies tell, or, where texture hides them,
    its finest wavelet band how strong noise would be if it were white (`white_level`).

    Args:
        volume: ``[1, H, W, D]``, or a picture ``[1, H, W]``, in any units, on any device: blocks are cut and
            transformed there, what follows is little and done on the CPU.
        spacing: of the voxels in mm, ``(H, W)`` or ``(H, W, D)``; None: 1, frequencies are then per voxel.
        modality: MR, CT, PT or NM. In PT and NM noise that grows with brightness is looked for, in MR and CT noise that
            changes with place.
        affine: voxel (row, column, slice) to world ``[4, 4]``, in which `NoiseModel.place` is told; None: by spacing.

    Returns:
        the noise in the units of `volume`; without power, and with a warning in words, where none can be measured.

    Raises:
        ValueError: `volume` is no volume and no picture of one channel.
    """
    if volume.ndim not in (3, 4) or volume.shape[0] != 1:
        raise ValueError(f"volume must be [1, H, W] or [1, H, W, D], got {tuple(volume.shape)}")
    slices = volume.detach().as_subclass(Tensor)[0].float()
    slices = slices.movedim(-1, 0).contiguous() if slices.ndim == 3 else slices[None]
    steps = (1.0, 1.0, 1.0) if spacing is None else tuple(float(step) for step in (*spacing, 1.0)[:3])
    in_plane = (steps[0], steps[1])
    none = white_noise(0.0, in_plane)
    why = doubt_before(slices, _SIZES[-1])
    if why is not None:
        return replace(none, warning=why)
    functional = Modality(modality).functional
    tissue = tissue_mask(slices, functional)
    usable = tissue & ~void_mask(slices)
    size = _SIZES[0] if min(slices.shape[1:]) >= _BLOCKS_ACROSS * _SIZES[0] else _SIZES[1]
    spectra = block_spectra(size, round(steps[0] / steps[1], 3))
    blocks = tissue_blocks(slices, usable, int(len(slices) > 1), spectra)
    if len(blocks.power) < _FEWEST:
        return replace(none, warning="too little tissue, or too much of it cut off, to tell noise from anatomy")
    local = LocalNoise()
    if len(slices) == 1:
        floor = floor_of_pictures(blocks, spectra)
    else:
        floor = settled_floor(blocks, spectra)
        place = torch.diag(torch.tensor([*steps, 1.0])) if affine is None else affine
        local = local_noise(blocks, floor, spectra, functional, place)
        floor = settled_floor(local.evened(blocks), spectra) * local.mean_variance(slices, tissue)
    correlated = Modality(modality) is not Modality.MR  # whose slices are encoded apart
    correlation = _correlation(slices, usable, blocks, local, spectra) if correlated and len(slices) > 2 else 0.0
    family = spectrum_of_family(floor, spectra) if len(slices) > 1 else None
    power = (spectra.unsmeared(floor) if family is None else family) / (1.0 - correlation)
    pixel = (steps[0] * steps[1]) ** 0.5
    model = NoiseModel(
        frequencies=tuple((spectra.radii / pixel).tolist()),
        power=tuple((power * pixel**2).tolist()),
        spacing=in_plane,
        gain=local.gain,
        place=local.place,
        between_slices=correlation,
        alone=len(slices) == 1,
        measured=len(slices) > 1,
    )
    # texture hides the spectrum, not the finest band
    if model.alone and model.std < _NOTHING * float(on_one_thread(slices.std, slices.device)):
        model = replace(white_noise(white_level(slices[0].cpu()), in_plane), alone=True)
    if not math.isfinite(model.std):  # blocks that are all alike: nothing to divide by
        return replace(none, warning="tissue is too even to tell noise from anatomy")
    why, believable = doubt_of(model, slices)
    return replace(model if believable else none, kind=noise_kind(model) if believable else "none", warning=why)


def _correlation(
    slices: Tensor, usable: Tensor, neighbours: TissueBlocks, local: LocalNoise, spectra: BlockSpectra
) -> float:
    """Correlation of the noise of neighbouring slices, from how much more noise slices further apart differ by.

    The difference of slices L apart has the noise (1 - ρ_L) N. It stops growing where ρ_L is 0; anatomy does not stop.
    All frequencies count alike, since those that hold the most power hold the most anatomy too.
    """
    neighbours = local.evened(neighbours)
    near = settled_floor(neighbours, spectra)
    growth = [1.0]
    for lag in _LAGS:
        blocks = tissue_blocks(slices, usable, lag, spectra) if len(slices) > lag else None
        if blocks is None or len(blocks.power) < _FEWEST:
            break
        blocks = local.evened(blocks)
        far = settled_floor(blocks, spectra)
        sure = surely_noise(neighbours, near) & surely_noise(blocks, far)
        if not sure.any():
            break
        share = spectra.weights[sure]
        growth.append(float((share * far[sure] / near[sure]).sum() / share.sum()))
    while len(growth) > 2 and growth[-1] > _STILL_GROWING * growth[-2]:
        growth.pop()
    far_over_near = min(growth[-2:]) if len(growth) > 2 else 1.0
    return 1.0 - 1.0 / far_over_near if far_over_near > _CORRELATED else 0.0
