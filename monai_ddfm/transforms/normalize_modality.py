# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""From scanner units to [-1, 1], each modality in its own way."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import convert_to_tensor, ensure_tuple_rep

from monai_ddfm.denoising.noise_meta import noise_of, write_noise
from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import file_of, is_picture
from monai_ddfm.transforms.modality import Modality, modality_of

__all__ = [
    "GREY_LEVELS",
    "INTENSITY_RANGE",
    "NormalizeModality",
    "NormalizeModalityD",
    "NormalizeModalityDict",
    "NormalizeModalityd",
    "intensity_window",
]

GREY_LEVELS = (0.0, 255.0)  # of PNG and JPEG pictures, as `grey_picture` reads them
INTENSITY_RANGE = "intensity_range"  # key of MetaTensor.meta: the (low, high) in scanner units that became -1 and 1
_SMALLEST_RANGE = 1e-30  # below it, float32 knows no scale from scanner units to [-1, 1]


def intensity_window(
    img: torch.Tensor,
    modality: Modality,
    ct_window: Sequence[float] = (-160.0, 240.0),
    mr_percentiles: Sequence[float] = (0.5, 99.5),
    uptake_percentile: float = 99.9,
) -> tuple[float, float]:
    """Return the (low, high) values, in scanner units, that become -1 and 1.

    CT: the window in HU. MR: percentiles of the volume. PET and SPECT: zero to a robust maximum. Background is not
    counted: of MR the lowest value, which air, masks and padding hold, counts once; of PET and SPECT only uptake.
    """
    if modality is Modality.CT:
        low, high = ct_window
        return float(low), float(high)
    voxels = img.detach().cpu().numpy()
    if modality is Modality.MR:
        lowest = voxels.min()
        low, high = np.percentile(np.append(voxels[voxels > lowest], lowest), mr_percentiles)
        return float(low), float(high)
    uptake = voxels[voxels > 0]
    return 0.0, float(np.percentile(uptake, uptake_percentile)) if uptake.size else 0.0


class NormalizeModality(ArgumentRepr, Transform):
    """Scale an image to [-1, 1] by its modality and note how, so that `RestoreIntensity` can undo it.

    A picture's grey levels 0 to 255 become -1 to 1, whatever it shows: it was windowed when it was made.

    Args:
        modality: MR, CT, PT (PET) or NM (SPECT), or any name that `modality_of` understands.
        ct_window: HU that become -1 and 1.
        mr_percentiles: percentiles of the volume that become -1 and 1; its background is not counted.
        uptake_percentile: percentile of the uptake of PET/SPECT that becomes 1; zero becomes -1.
        window: (low, high) in scanner units; overrules all of the above.
        clip: end at -1 and 1; else values beyond the window go beyond, and none is lost.

    Raises:
        ValueError: a window or percentiles that do not rise.
    """

    def __init__(
        self,
        modality: str | Modality = Modality.MR,
        ct_window: Sequence[float] = (-160.0, 240.0),
        mr_percentiles: Sequence[float] = (0.5, 99.5),
        uptake_percentile: float = 99.9,
        window: Sequence[float] | None = None,
        clip: bool = True,
    ) -> None:
        for name, limits in (("ct_window", ct_window), ("mr_percentiles", mr_percentiles), ("window", window)):
            if limits is not None and (len(limits) != 2 or not limits[0] < limits[1]):
                raise ValueError(f"{name} must be (low, high) with low below high, got {list(limits)}")
        self.modality = modality if isinstance(modality, Modality) else modality_of(modality)
        self.ct_window = ct_window
        self.mr_percentiles = mr_percentiles
        self.uptake_percentile = uptake_percentile
        self.window = window
        self.clip = clip

    def __call__(self, img: torch.Tensor, name: str = "image") -> torch.Tensor:
        """Normalise ``[C, *spatial]``; ``meta`` gains ``intensity_range`` and ``modality``.

        `name` stands in messages for an image that has no file.

        Raises:
            ValueError: the image has nothing in the window, e.g. a CT whose voxels are not HU.
        """
        img = convert_to_tensor(img, track_meta=True, dtype=torch.float32)
        low, high = self.window or (GREY_LEVELS if is_picture(img) else self._window_of(img))
        smallest, largest = float(img.min()), float(img.max())
        if high <= low:  # nearly all background: the few voxels that differ decide
            low, high = low if self.modality.functional else min(low, smallest), largest
        if high - low < _SMALLEST_RANGE or largest <= low or smallest >= high:
            raise ValueError(
                f"{file_of(img, name)}: values from {smallest:g} to {largest:g} leave nothing between {low:g} and "
                f"{high:g}, the window of a {self.modality.value} image; check the units (CT in HU) or give another "
                "window"
            )
        scaled = MetaTensor((img - low).mul_(2.0 / (high - low)).sub_(1.0))
        if self.clip:
            scaled.clamp_(-1.0, 1.0)
        scaled.meta[INTENSITY_RANGE] = (float(low), float(high))
        scaled.meta["modality"] = self.modality.value
        noise = noise_of(scaled)
        if noise is not None:
            factor = 2.0 / (float(high) - float(low))
            write_noise(scaled, noise.scaled(factor, -1.0 - factor * float(low)))
        return scaled

    def _window_of(self, img: torch.Tensor) -> tuple[float, float]:
        return intensity_window(img, self.modality, self.ct_window, self.mr_percentiles, self.uptake_percentile)


class NormalizeModalityd(ArgumentRepr, MapTransform):
    """Dictionary version of `NormalizeModality`.

    Args:
        keys: images to normalise.
        modality: one modality for all keys, one each, or ``{key: modality}``; a key without one is read by its name.
        ct_window: HU of CT images that become -1 and 1.
        mr_percentiles: percentiles of MR volumes that become -1 and 1.
        uptake_percentile: percentile of PET/SPECT that becomes 1.
        windows: windows of single keys in scanner units, ``{"CT": [-100, 900]}``.
        clip: see `NormalizeModality`.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        modality: str | Sequence[str] | Mapping[str, str] | None = None,
        ct_window: Sequence[float] = (-160.0, 240.0),
        mr_percentiles: Sequence[float] = (0.5, 99.5),
        uptake_percentile: float = 99.9,
        windows: Mapping[str, Sequence[float]] | None = None,
        clip: bool = True,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        names = [str(key) for key in self.keys]
        if isinstance(modality, Mapping):
            names = [modality.get(name, name) for name in names]
        elif modality is not None:
            names = list(ensure_tuple_rep(modality, len(names)))
        self.normalize = {
            key: NormalizeModality(
                name, ct_window, mr_percentiles, uptake_percentile, (windows or {}).get(str(key)), clip
            )
            for key, name in zip(self.keys, names, strict=True)
        }

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Normalise every key's image."""
        normalised = dict(data)
        for key in self.key_iterator(normalised):
            normalised[key] = self.normalize[key](normalised[key], name=str(key))
        return normalised


NormalizeModalityD = NormalizeModalityDict = NormalizeModalityd
