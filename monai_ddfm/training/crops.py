# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Random two-dimensional crops of volumes, each a function of the seed and its number alone."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler

from monai_ddfm.foreground import BODY

__all__ = ["CropDataset", "CropSampler", "RandPlaneCropd"]


class RandPlaneCropd(RandomizableTransform, MapTransform):
    """Cut a square crop from a random slice of a volume, on the grid it came on or on another.

    A share of the crops keeps the grid of the volume as it is, in any plane, with coarse and anisotropic pixels: so a
    source looks before it is resampled. Of the others half keep the volume's finest pixels (coarse axes resampled to
    them, as onto an anchor's grid); the rest are resampled to a random pixel size, so that the network sees the same
    anatomy at several scales, some of these along one axis more coarsely, as thick slices are.

    Args:
        keys: volumes ``[1, H, W, D]`` in [-1, 1]; ``MetaTensor`` spacing is used, 1 mm without.
        size: pixels of a side; a slice that is smaller is mirrored at its edges, as for inference.
        pixel_mm: smallest and largest pixel size of resampled crops, mm; also the coarsest pixel of crops that keep
            the finest pixels of a volume.
        max_ratio: a plane is resampled only where its two spacings differ by less than this factor.
        native_share: share of the crops that keep the volume's grid.
        thick_share: share of the crops of a random pixel size that are coarser along one axis.
        thick_ratio: smallest and largest ratio of their two pixel sizes.
        interpolation: modes of `torch.nn.functional.interpolate`, one of which is drawn for each resampled crop.
        foreground: share of a crop that should be above the background; after `tries` draws any crop is taken.
        tries: draws before a crop with less foreground is accepted.

    Raises:
        ValueError: a range that does not rise from above zero, a share outside [0, 1] or no or an unknown mode.
    """

    def __init__(
        self,
        keys: KeysCollection,
        size: int = 64,
        pixel_mm: Sequence[float] = (0.75, 1.5),
        max_ratio: float = 1.6,
        native_share: float = 0.0,
        thick_share: float = 0.0,
        thick_ratio: Sequence[float] = (2.0, 5.0),
        interpolation: Sequence[str] = ("bicubic",),
        foreground: float = 0.3,
        tries: int = 4,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob=1.0)
        for name, limits in (("pixel_mm", pixel_mm), ("thick_ratio", thick_ratio)):
            if len(limits) != 2 or not 0.0 < limits[0] <= limits[1]:
                raise ValueError(f"{name} must be (smallest, largest), rising from above zero, got {list(limits)}")
        for name, share in (("native_share", native_share), ("thick_share", thick_share)):
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} must be in [0, 1], got {share}")
        if not interpolation or not set(interpolation) <= {"bilinear", "bicubic"}:
            raise ValueError(f"interpolation must name bilinear, bicubic or both, got {list(interpolation)}")
        self.size = size
        self.pixel_mm = (float(pixel_mm[0]), float(pixel_mm[1]))
        self.max_ratio = max_ratio
        self.native_share = native_share
        self.thick_share = thick_share
        self.thick_ratio = (float(thick_ratio[0]), float(thick_ratio[1]))
        self.interpolation = tuple(interpolation)
        self.foreground = foreground
        self.tries = tries

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace every key's volume by a crop ``[1, size, size]`` in [-1, 1], a plain tensor."""
        cropped = dict(data)
        for key in self.key_iterator(cropped):
            volume = cropped[key]
            spacing = np.asarray(volume.pixdim) if isinstance(volume, MetaTensor) else np.ones(3)
            cropped[key] = self._crop(torch.as_tensor(volume).as_subclass(Tensor)[0], spacing)
        return cropped

    def _crop(self, volume: Tensor, spacing: np.ndarray) -> Tensor:
        axes = [axis for axis in range(3) if _ratio(np.delete(spacing, axis)) <= self.max_ratio]
        axes = axes or [int(np.argmax(spacing))]
        native = self._happens(self.native_share)
        if native:
            axes = [0, 1, 2]
        for _ in range(self.tries):
            axis = axes[self.R.randint(len(axes))]
            image = volume.select(axis, self.R.randint(volume.shape[axis]))
            steps = np.delete(spacing, axis)
            crop = self._window(image, np.ones(2) if native else self._pixels(steps) / steps)
            if float((crop > BODY).float().mean()) >= self.foreground:
                break
        if native:
            crop = self._mirrored(crop)
        elif crop.shape != (self.size, self.size):
            mode = self.interpolation[self.R.randint(len(self.interpolation)) if len(self.interpolation) > 1 else 0]
            resampled = F.interpolate(crop[None, None], (self.size, self.size), mode=mode, antialias=True)
            crop = resampled[0, 0].clamp(-1.0, 1.0)
        return crop[None].contiguous()

    def _pixels(self, spacing: np.ndarray) -> np.ndarray:
        """Draw the pixel size (mm) of a resampled crop along both axes of a slice of pixels of `spacing` mm."""
        finest, coarsest = self.pixel_mm
        if self.R.rand() >= 0.5:
            return np.full(2, min(float(spacing.min()), coarsest))
        pixels = np.full(2, math.exp(self.R.uniform(math.log(finest), math.log(coarsest))))
        if self._happens(self.thick_share):
            pixels[self.R.randint(2)] *= self.R.uniform(*self.thick_ratio)
        return pixels

    def _window(self, image: Tensor, zoom: np.ndarray) -> Tensor:
        """Cut as much of a slice as makes ``size`` pixels, each as large as `zoom` of its pixels."""
        wanted = [max(2, round(self.size * factor)) for factor in zoom]
        height, width = (min(voxels, length) for voxels, length in zip(wanted, image.shape, strict=True))
        top, left = (self.R.randint(n - m + 1) for n, m in zip(image.shape, (height, width), strict=True))
        return image[top : top + height, left : left + width]

    def _mirrored(self, image: Tensor) -> Tensor:
        """Continue a slice that is smaller than a crop by its mirror images, from a random place on."""
        places = [
            _reflected(np.arange(self.size) - self.R.randint(self.size - n + 1), n) if n < self.size else np.arange(n)
            for n in image.shape
        ]
        return image[torch.as_tensor(places[0])][:, torch.as_tensor(places[1])]

    def _happens(self, share: float) -> bool:
        """Draw only where there is a choice, so that a share of zero leaves all other draws as they were."""
        return share > 0.0 and bool(self.R.rand() < share)


class CropDataset(Dataset):
    """An endless dataset: item number n is the same crop whenever, wherever and in whatever order it is asked for.

    So a training that was stopped goes on with exactly the crops it would have seen.

    Args:
        volumes: dictionaries with the volume under ``image`` and, for transforms that ask for it, its ``modality``, as
            a `monai.data.CacheDataset` gives them.
        transform: random transforms from volume to crop (a `monai.transforms.Compose`).
        seed: of volumes and crops.
        weights: how often each volume is drawn, relative to the others; all alike by default.

    Raises:
        ValueError: no volumes, or not one weight for each.
    """

    def __init__(
        self, volumes: Sequence[Mapping], transform: Any, seed: int = 0, weights: Sequence[float] | None = None
    ) -> None:
        shares = np.ones(len(volumes)) if weights is None else np.asarray(weights, dtype=float)
        if len(volumes) == 0 or len(shares) != len(volumes):
            raise ValueError(f"needs one weight for each volume, got {len(volumes)} volumes and {len(shares)} weights")
        self.volumes = volumes
        self.transform = transform
        self.seed = seed
        self.cumulative = np.cumsum(shares / shares.sum())

    def __len__(self) -> int:
        return len(self.volumes)

    def __getitem__(self, number: int) -> dict[str, Any]:
        generator = np.random.default_rng([self.seed, number])
        chosen = int(np.searchsorted(self.cumulative, generator.random(), side="right"))
        self.transform.set_random_state(seed=int(generator.integers(2**31)))
        volume = self.volumes[min(chosen, len(self.volumes) - 1)]
        cropped = self.transform({key: volume[key] for key in ("image", "modality") if key in volume})
        return {"image": torch.as_tensor(cropped["image"]).as_subclass(Tensor), "number": number}


class CropSampler(DistributedSampler):
    """Number the crops of an epoch; every process of a distributed training takes its share.

    A `DistributedSampler`, because MONAI's trainers tell those which epoch it is.

    Args:
        dataset: a `CropDataset`.
        crops_per_epoch: crops of an epoch, over all processes.
        num_replicas: number of processes.
        rank: this process, 0 to ``num_replicas - 1``.
    """

    def __init__(self, dataset: CropDataset, crops_per_epoch: int, num_replicas: int = 1, rank: int = 0) -> None:
        super().__init__(dataset, num_replicas=num_replicas, rank=rank, shuffle=False)
        self.crops_per_epoch = crops_per_epoch

    def __len__(self) -> int:
        return self.crops_per_epoch // self.num_replicas

    def __iter__(self) -> Iterator[int]:
        first = self.epoch * self.crops_per_epoch + self.rank
        return iter(range(first, first + len(self) * self.num_replicas, self.num_replicas))


def _ratio(spacings: np.ndarray) -> float:
    return float(spacings.max() / spacings.min())


def _reflected(places: np.ndarray, length: int) -> np.ndarray:
    """Fold indices beyond 0 and ``length - 1`` back, the edge itself not repeated."""
    period = max(2 * (length - 1), 1)
    folded = np.abs(places) % period
    return np.minimum(folded, period - folded) if length > 1 else np.zeros_like(places)
