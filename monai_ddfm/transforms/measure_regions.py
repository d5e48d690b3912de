# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Regions in numbers: what a mask or a label map holds, of every source in its own units and of the fusion."""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import file_of
from monai_ddfm.transforms.match_grids import MatchGrids, same_grid

__all__ = ["MeasureRegions", "MeasureRegionsD", "MeasureRegionsDict", "MeasureRegionsd"]

_logger = logging.getLogger(__name__)
_PEAK_VOLUME = 1000.0  # mm3: SUVpeak is the largest mean over a sphere of 1 cm3 (PERCIST, Wahl et al. 2009)


class MeasureRegions(ArgumentRepr, Transform):
    """Measure regions: voxels, volume, mean, standard deviation, smallest, largest, peak and percentiles.

    Every image is measured on its own grid, so that its largest value is one of its own. Where a region is drawn on
    another grid, an image's voxel belongs to the label that its centre lies in. The peak is the largest mean over a
    sphere of 1 cm3 whose centre lies in the region.

    Args:
        percentiles: of the values in a region.
        labels: names of labels, ``{name: number}``; all numbers above zero, by themselves, when None.
        units: unit of an image by its name, where its meta does not say it, e.g. ``{"CT": "HU"}``.

    Raises:
        ValueError: a percentile outside 0 to 100, or a label of zero, which is background.
    """

    def __init__(
        self,
        percentiles: Sequence[float] = (5, 25, 50, 75, 95),
        labels: Mapping[str, int] | None = None,
        units: Mapping[str, str] | None = None,
    ) -> None:
        if any(not 0 <= p <= 100 for p in percentiles):
            raise ValueError(f"percentiles must be from 0 to 100, got {list(percentiles)}")
        if labels is not None and any(number <= 0 for number in labels.values()):
            raise ValueError(f"labels must be above 0, which is background, got {dict(labels)}")
        self.percentiles = list(percentiles)
        self.labels = labels
        self.units = dict(units or {})

    def __call__(  # type: ignore[override]
        self,
        regions: MetaTensor,
        images: Mapping[str, MetaTensor],
        provenance: MetaTensor | None = None,
        sources: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """Return a row for each region and image.

        Args:
            regions: whole numbers ``[1, H, W, D]``, 0 is background.
            images: ``[1, H, W, D]`` by name, each in its own units and on its own grid.
            provenance: share of each source ``[K, H, W, D]``; gives ``share_<source>`` in rows named ``provenance``.
            sources: names of its channels.

        Raises:
            ValueError: regions that are no label map, without voxels, or none of a label that was named.
        """
        numbers = self._numbers(regions)
        if provenance is not None and len(sources) != len(provenance):
            raise ValueError(
                f"{file_of(provenance)}: shares of {len(provenance)} sources, {len(sources)} named; give as many names"
            )
        rows = []
        for image_name, image in images.items():
            on_grid = _on_grid_of(image, regions)
            for name, number in numbers.items():
                row = {"region": name, "label": number, "image": image_name, "unit": self._unit(image_name, image)}
                rows.append({**row, **self._measured(on_grid == number, image), "volume_ml": _volume(regions, number)})
        if provenance is None:
            return rows
        on_grid = _on_grid_of(provenance, regions)
        for name, number in numbers.items():
            inside = on_grid == number
            shares = {f"share_{source}": _mean(_array(provenance, k)[inside]) for k, source in enumerate(sources)}
            rows.append({"region": name, "label": number, "image": "provenance", **shares})
        return rows

    def _numbers(self, regions: MetaTensor) -> dict[str, int]:
        values = _array(regions)
        if regions.shape[0] != 1 or not np.array_equal(values, np.round(values)) or values.min() < 0:
            raise ValueError(
                f"{file_of(regions)}: not a label map: expected one channel of whole numbers from 0, found "
                f"{regions.shape[0]} channels of {values.min():g} to {values.max():g}"
            )
        present = [int(number) for number in np.unique(values) if number > 0]
        if not present:
            raise ValueError(f"{file_of(regions)}: every voxel is 0, there is no region; draw one, or check the export")
        wanted = {str(number): number for number in present} if self.labels is None else dict(self.labels)
        if missing := [f"{name} ({number})" for name, number in wanted.items() if number not in present]:
            raise ValueError(
                f"{file_of(regions)}: no voxel has the label {', '.join(missing)}; there are "
                f"{', '.join(map(str, present))}"
            )
        return wanted

    def _unit(self, name: str, image: MetaTensor) -> str:
        return str(image.meta.get("units") or self.units.get(name, ""))

    def _measured(self, inside: np.ndarray, image: MetaTensor) -> dict[str, Any]:
        values = _array(image)[inside].astype(np.float64)
        names = [f"p{percentile:g}" for percentile in self.percentiles]
        if not values.size:
            empty = dict.fromkeys(["mean", "std", "min", "max", "peak", *names])
            return {"voxels": 0, **empty}
        statistics = {"mean": values.mean(), "std": values.std(), "min": values.min(), "max": values.max()}
        peak = _peak(_array(image).astype(np.float64), inside, _spacing(image))
        quantiles = dict(zip(names, np.percentile(values, self.percentiles), strict=True))
        return {"voxels": values.size, **{k: float(v) for k, v in {**statistics, "peak": peak, **quantiles}.items()}}


def _array(image: torch.Tensor, channel: int = 0) -> np.ndarray:
    return image[channel].detach().cpu().as_subclass(torch.Tensor).numpy()


def _spacing(image: MetaTensor) -> np.ndarray:
    return image.affine[:3, :3].double().norm(dim=0).numpy()


def _volume(regions: MetaTensor, number: int) -> float:
    """Of a region as it was drawn, in ml."""
    voxel = abs(float(torch.linalg.det(regions.affine[:3, :3].double())))
    return float((_array(regions) == number).sum()) * voxel / 1000.0


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size else None


def _on_grid_of(image: MetaTensor, regions: MetaTensor) -> np.ndarray:
    """The label of each of the image's voxels; voxels outside the label map's field of view are background."""
    if same_grid(regions, image):
        return _array(regions)
    _logger.info("%s: is on another grid than %s and was resampled by label", file_of(regions), file_of(image))
    return _array(MatchGrids("nearest")(MetaTensor(regions.float(), meta=regions.meta), image)).round()


def _peak(values: np.ndarray, inside: np.ndarray, spacing: np.ndarray) -> float:
    """Largest mean over a sphere of 1 cm3 centred in the region; of the sphere's part that lies in the image."""
    radius = (_PEAK_VOLUME * 3 / (4 * math.pi)) ** (1 / 3)
    half = np.floor(radius / spacing).astype(int)
    box = tuple(
        slice(max(0, int(places.min()) - h), int(places.max()) + 1 + h)
        for places, h in zip(inside.nonzero(), half, strict=True)
    )
    offsets = np.meshgrid(*(np.arange(-h, h + 1) * s for h, s in zip(half, spacing, strict=True)), indexing="ij")
    sphere = (sum(offset**2 for offset in offsets) <= radius**2).astype(np.float64)
    total, count = (_sum_over(sphere, image) for image in (values[box], np.ones_like(values[box])))
    return float((total / count.round())[inside[box]].max())


def _sum_over(sphere: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Sum over the sphere around every voxel, nothing outside the image; by FFT, as spheres hold many voxels."""
    size = [n + m - 1 for n, m in zip(image.shape, sphere.shape, strict=True)]
    spectrum = np.fft.rfftn(image, size) * np.fft.rfftn(sphere, size)
    middle = tuple(slice(m // 2, m // 2 + n) for n, m in zip(image.shape, sphere.shape, strict=True))
    return np.fft.irfftn(spectrum, size)[middle]


class MeasureRegionsd(ArgumentRepr, MapTransform):
    """Dictionary version of `MeasureRegions`.

    Args:
        keys: images to measure: the sources and the fusion.
        regions: key of the label map.
        output_key: key of the rows.
        provenance: key of the shares; left out where a case lacks it.
        sources: names of its channels.
        percentiles, labels, units: see `MeasureRegions`.
        allow_missing_keys: skip images that a case lacks; a case without any gets no rows.
    """

    def __init__(
        self,
        keys: KeysCollection,
        regions: str = "regions",
        output_key: str = "measured",
        provenance: str | None = "provenance",
        sources: Sequence[str] = (),
        percentiles: Sequence[float] = (5, 25, 50, 75, 95),
        labels: Mapping[str, int] | None = None,
        units: Mapping[str, str] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.regions, self.output_key = regions, output_key
        self.provenance, self.sources = provenance, list(sources)
        self.measure = MeasureRegions(percentiles, labels, units)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the rows."""
        images = {str(key): data[key] for key in self.key_iterator(dict(data))}
        if not images:
            return dict(data)
        shares = data.get(self.provenance) if self.provenance is not None else None
        return {**data, self.output_key: self.measure(data[self.regions], images, shares, self.sources)}


MeasureRegionsD = MeasureRegionsDict = MeasureRegionsd
