# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Ways of cleaning a noisy source, by name, for noise.py.

BM3D and BM4D are yardsticks, run where the python packages ``bm3d`` and ``bm4d`` are installed; their licence is for
non-commercial use, so they are no dependency of the project.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch
from monai.data import MetaTensor
from skimage.restoration import denoise_nl_means
from torch import Tensor

from monai_ddfm.bundle import BUNDLE_ROOT, WEIGHTS
from monai_ddfm.denoising.clean_sources import NoisySource as Noisy
from monai_ddfm.denoising.clean_sources import ask_prior, clean_sources
from monai_ddfm.denoising.noise_model import NoiseModel
from monai_ddfm.inferers.source_noise import noise_of_volumes
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.priors.convert import open_prior

__all__ = ["CLEANERS", "NoisySource", "shipped_prior"]

_SLICES = 8  # that the network sees at once


class NoisySource(NamedTuple):
    """A noisy volume and what is known of its noise.

    Attributes:
        volume: ``[D, H, W]`` in [-1, 1] and beyond.
        chosen: the slices that are measured.
        std: true standard deviation.
        power: true power spectrum ``[H, W]``, None where noise is not stationary.
        estimated: the noise as measured on the noisy volume.
        affine: row, column and slice to world.
    """

    volume: Tensor
    chosen: list[int]
    std: float
    power: Tensor | None
    estimated: NoiseModel
    affine: Tensor

    @property
    def slices(self) -> Tensor:
        """The chosen slices ``[n, 1, H, W]``."""
        return self.volume[self.chosen][:, None]


Cleaner = Callable[[NoisySource], Tensor | None]  # the chosen slices [n, 1, H, W] without noise; None: cannot be done


@cache
def shipped_prior() -> DiffusionPrior:
    """The bundle's prior."""
    return open_prior(BUNDLE_ROOT / WEIGHTS).eval()


def _one_evaluation_true(source: NoisySource) -> Tensor:
    """The prior at the timestep of the true standard deviation (Tweedie's formula): what white noise asks for."""
    return ask_prior(shipped_prior(), source.slices, torch.full((len(source.chosen),), source.std))


def _as_measured(source: NoisySource, indices: list[int]) -> Noisy:
    """Some slices with their measured noise, its dependence on brightness and place too, to be cleaned at any level."""
    volume = MetaTensor(source.volume.movedim(0, -1)[None, None], affine=source.affine)
    ((noise,),) = noise_of_volumes(volume, -1, [source.estimated])
    return noise.cut(indices, lambda local: local).of(source.volume[indices][:, None])._replace(threshold=(0.0, 1e-6))


def _splitting_estimated(source: NoisySource) -> Tensor:
    """What a fusion does with pictures and thick slices: half-quadratic splitting with the measured noise."""
    return clean_sources([_as_measured(source, source.chosen)], partial(ask_prior, shipped_prior()))[0]


def _splitting_volume(source: NoisySource) -> Tensor:
    """What a fusion does with nearly cubic voxels: the same on the whole volume, the three planes taking turns."""

    def predict(images: Tensor, sigma: Tensor) -> Tensor:
        parts = zip(images.split(_SLICES), sigma.split(_SLICES), strict=True)
        return torch.cat([ask_prior(shipped_prior(), part, levels) for part, levels in parts])

    noisy = _as_measured(source, list(range(len(source.volume))))
    return clean_sources([noisy], predict, planes=(0, 2, 3))[0][source.chosen]


def _non_local_means(source: NoisySource) -> Tensor:
    """Patches of 5 x 5 within 13 x 13, filtered at 0.8 times the true standard deviation."""
    settings = {"patch_size": 5, "patch_distance": 6, "h": 0.8 * source.std, "sigma": source.std, "fast_mode": True}
    return torch.stack([torch.from_numpy(denoise_nl_means(x[0].numpy(), **settings))[None] for x in source.slices])


def _give_old_names() -> None:
    """The yardsticks ask for a name that numpy 2.4 no longer has."""
    if not hasattr(np, "trapz"):
        np.trapz = np.trapezoid


def _bm3d(source: NoisySource, power: Tensor | None) -> Tensor | None:
    if power is None or importlib.util.find_spec("bm3d") is None:
        return None
    _give_old_names()
    from bm3d import bm3d

    height, width = power.shape
    psd = (power * (height * width)).numpy()  # the package's power is that of the unnormalised transform
    cleaned = [torch.from_numpy(bm3d(x[0].numpy().astype(float), psd[..., None])) for x in source.slices]
    return torch.stack(cleaned)[:, None].float()


def _bm3d_white(source: NoisySource) -> Tensor | None:
    return _bm3d(source, torch.full(tuple(source.volume.shape[-2:]), source.std**2))


def _bm3d_spectrum(source: NoisySource) -> Tensor | None:
    return _bm3d(source, source.power)


def _bm3d_estimated(source: NoisySource) -> Tensor | None:
    if source.estimated.std == 0.0:
        return source.slices
    return _bm3d(source, source.estimated.spectrum(source.volume.shape[-2:]))


def _bm4d(source: NoisySource, power: Tensor | None) -> Tensor | None:
    """On a slab of the volume around each chosen slice; noise is independent between slices."""
    if power is None or importlib.util.find_spec("bm4d") is None:
        return None
    _give_old_names()
    from bm4d import bm4d

    cleaned = []
    for index in source.chosen:
        first, last = max(0, index - 8), min(len(source.volume), index + 9)
        slab = source.volume[first:last].double().numpy()
        psd = (power * slab.size).expand(slab.shape).contiguous().double().numpy()
        cleaned.append(torch.from_numpy(bm4d(slab, psd))[index - first])
    return torch.stack(cleaned)[:, None].float()


def _bm4d_white(source: NoisySource) -> Tensor | None:
    return _bm4d(source, torch.full(tuple(source.volume.shape[-2:]), source.std**2))


def _bm4d_spectrum(source: NoisySource) -> Tensor | None:
    return _bm4d(source, source.power)


CLEANERS: dict[str, Cleaner] = {
    "noisy": lambda source: source.slices,
    "one evaluation, true std": _one_evaluation_true,
    "splitting, estimated spectrum": _splitting_estimated,
    "splitting in three planes, estimated spectrum": _splitting_volume,
    "non-local means, true std": _non_local_means,
    "BM3D, true std": _bm3d_white,
    "BM3D, true spectrum": _bm3d_spectrum,
    "BM3D, estimated spectrum": _bm3d_estimated,
    "BM4D, true std": _bm4d_white,
    "BM4D, true spectrum": _bm4d_spectrum,
}
"""By the name that the table has: add another way here."""
