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
    """Cut a square crop from a random slice of a volume, in any plane that is near-isotropic.

    Half of the crops keep the pixels of the volume (unless they are coarse, as in PET); the others are resampled to
    a random pixel size, so that the network sees the same anatomy at several scales.

    Args:
        keys: volumes ``[1, H, W, D]`` in [-1, 1]; ``MetaTensor`` spacing is used, 1 mm without.
        size: pixels of a side.
        pixel_mm: smallest and largest pixel size of resampled crops, mm; also the coarsest pixel of unresampled ones.
        max_ratio: a plane is cut only where its two spacings differ by less than this factor.
        foreground: share of a crop that should be above the background; after `tries` draws any crop is taken.
        tries: draws before a crop with less foreground is accepted.
    """

    def __init__(
        self,
        keys: KeysCollection,
        size: int = 64,
        pixel_mm: Sequence[float] = (0.75, 1.5),
        max_ratio: float = 1.6,
        foreground: float = 0.3,
        tries: int = 4,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob=1.0)
        self.size = size
        self.pixel_mm = (float(pixel_mm[0]), float(pixel_mm[1]))
        self.max_ratio = max_ratio
        self.foreground = foreground
        self.tries = tries

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace every key's volume by a crop ``[1, size, size]`` in [-1, 1], a plain tensor."""
        cropped = dict(data)
        for key in self.key_iterator(cropped):
            volume = cropped[key]
            spacing = np.asarray(volume.pixdim) if isinstance(volume, MetaTensor) else np.ones(3)
            cropped[key] = self._crop(torch.as_tensor(volume)[0], spacing)
        return cropped

    def _crop(self, volume: Tensor, spacing: np.ndarray) -> Tensor:
        axes = [axis for axis in range(3) if _ratio(np.delete(spacing, axis)) <= self.max_ratio]
        axes = axes or [int(np.argmax(spacing))]
        for _ in range(self.tries):
            axis = axes[self.R.randint(len(axes))]
            image = volume.select(axis, self.R.randint(volume.shape[axis]))
            crop = self._window(image, np.delete(spacing, axis))
            if float((crop > BODY).float().mean()) >= self.foreground:
                break
        if crop.shape != (self.size, self.size):
            resampled = F.interpolate(crop[None, None], (self.size, self.size), mode="bicubic", antialias=True)
            crop = resampled[0, 0].clamp(-1.0, 1.0)
        return crop[None].as_subclass(Tensor).contiguous()

    def _window(self, image: Tensor, spacing: np.ndarray) -> Tensor:
        """Cut as much of a slice as makes ``size`` pixels, in its own pixels or in pixels of a random size."""
        finest, coarsest = self.pixel_mm
        pixel = min(float(spacing.min()), coarsest)
        if self.R.rand() < 0.5:
            pixel = math.exp(self.R.uniform(math.log(finest), math.log(coarsest)))
        wanted = [max(2, round(self.size * pixel / step)) for step in spacing]
        height, width = (min(voxels, length) for voxels, length in zip(wanted, image.shape, strict=True))
        top, left = (self.R.randint(n - m + 1) for n, m in zip(image.shape, (height, width), strict=True))
        return image[top : top + height, left : left + width]


class CropDataset(Dataset):
    """An endless dataset: item number n is the same crop whenever, wherever and in whatever order it is asked for.

    So a training that was stopped goes on with exactly the crops it would have seen.

    Args:
        volumes: dictionaries with the volume under ``image``, as a `monai.data.CacheDataset` gives them.
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
        cropped = self.transform({"image": self.volumes[min(chosen, len(self.volumes) - 1)]["image"]})
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
