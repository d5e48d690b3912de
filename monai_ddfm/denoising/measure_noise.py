# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How noisy sources are, measured on the grid they came on and carried in their meta."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from torch import Tensor

from monai_ddfm.denoising.estimate_noise_model import estimate_noise_model
from monai_ddfm.denoising.noise_meta import NOISE, noise_of, write_noise
from monai_ddfm.denoising.noise_model import NoiseModel, white_noise
from monai_ddfm.transforms.modality import Modality, modality_of

__all__ = [
    "GatherNoiseD",
    "GatherNoiseDict",
    "GatherNoised",
    "MeasureNoise",
    "MeasureNoiseD",
    "MeasureNoiseDict",
    "MeasureNoised",
    "given_noise",
]


def given_noise(value: float | Mapping[str, Any], spacing: tuple[float, float] = (1.0, 1.0)) -> NoiseModel:
    """Return the noise that a user gives: a standard deviation in the image's own units, or a whole model.

    Args:
        value: a number (white noise), or what `NoiseModel.as_json` says.
        spacing: of the voxels, ``(H, W)`` in mm.

    Raises:
        ValueError: a negative number, or a description that lacks something.
    """
    if isinstance(value, Mapping):
        try:
            return NoiseModel.of_json(value)
        except KeyError as missing:
            raise ValueError(
                f"noise: found a description without {missing}; give a standard deviation in the source's own units, "
                "or frequencies (cycles per mm), power and spacing as NoiseModel.as_json has them"
            ) from None
    if value < 0:
        raise ValueError(f"noise: found {value}, expected a standard deviation of 0 or more in the source's own units")
    return white_noise(value, spacing)


class MeasureNoise(Transform):
    """Measure the noise of an image in its own units and note it in ``meta["noise"]``; see `estimate_noise_model`.

    To be done before an image is resampled or cut off at a window. `MatchGrids` and `NormalizeModality` carry it on.

    Args:
        modality: MR, CT, PT or NM, or a name that says it.
        given: the noise, if it is known; see `given_noise`.
        device: that measures, if it has the memory; None: where the image is.
    """

    def __init__(
        self,
        modality: str | Modality = Modality.MR,
        given: float | Mapping[str, Any] | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        self.device = device
        self.modality = modality if isinstance(modality, Modality) else modality_of(modality)
        self.given = given
        if given is not None:
            given_noise(given)

    def __call__(self, img: MetaTensor) -> MetaTensor:
        """Return ``img`` ``[1, H, W, D]`` with its noise in its meta."""
        spacing = [float(step) for step in img.affine[:3, :3].double().norm(dim=0)]
        if self.given is not None:
            noise = given_noise(self.given, (spacing[0], spacing[1]))
        else:
            body, affine = _without_empty_border(img)
            noise = self._measured(body, spacing[: img.ndim - 1], affine)
        noted = img.clone()
        write_noise(noted, noise)
        return noted

    def _measured(self, body: Tensor, spacing: Sequence[float], affine: Tensor) -> NoiseModel:
        """Measure on the device, or where its memory is short, as beside a fusion, on the CPU."""
        measure = partial(estimate_noise_model, spacing=spacing, modality=self.modality, affine=affine)
        try:
            return measure(body.to(self.device or body.device))
        except torch.OutOfMemoryError:  # a GPU's alone
            return measure(body.cpu())


def _without_empty_border(img: MetaTensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut the constant border off ``[C, *spatial]``: how much was padded must not change what is measured."""
    plain, affine = img.as_subclass(torch.Tensor), img.affine.double().clone()
    least = plain.min()
    for axis in range(1, plain.ndim):
        others = [other for other in range(plain.ndim) if other != axis]
        places = (plain.amax(dim=others) > least).nonzero().flatten()
        if len(places):
            first, last = int(places[0]), int(places[-1])
            plain = plain.narrow(axis, first, last - first + 1)
            affine[:3, 3] += first * affine[:3, axis - 1]
    return plain, affine


class MeasureNoised(MapTransform):
    """Dictionary version of `MeasureNoise`.

    Args:
        keys: images.
        modality: ``{key: modality}``; a key without one is read by its name.
        given: ``{key: noise}``, where it is known.
        device: that measures; None: where the images are.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        modality: Mapping[str, str] | None = None,
        given: Mapping[str, float | Mapping[str, Any]] | None = None,
        device: str | torch.device | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.measure = {
            key: MeasureNoise((modality or {}).get(str(key), str(key)), (given or {}).get(str(key)), device)
            for key in self.keys
        }

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Measure every key's image."""
        measured = dict(data)
        for key in self.key_iterator(measured):
            measured[key] = self.measure[key](measured[key])
        return measured


class GatherNoised(MapTransform):
    """Note the noise of sources in the meta of the image that holds them as channels, for `DDFMInferer`.

    Args:
        keys: the sources.
        name: the image of their channels.
    """

    def __init__(self, keys: KeysCollection, name: str) -> None:
        super().__init__(keys)
        self.name = name

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the meta of ``data[name]``."""
        gathered = dict(data)
        image = gathered[self.name]
        image = image.clone() if isinstance(image, MetaTensor) else MetaTensor(torch.as_tensor(image))
        image.meta.pop(NOISE, None)
        write_noise(image, [noise_of(gathered[key]) for key in self.keys])
        gathered[self.name] = image
        return gathered


MeasureNoiseD = MeasureNoiseDict = MeasureNoised
GatherNoiseD = GatherNoiseDict = GatherNoised
