# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The fusion metrics as MONAI metrics, over batches of slices and of volumes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from monai.data import MetaTensor
from monai.metrics import CumulativeIterationMetric
from monai.metrics.utils import do_metric_reduction
from monai.utils import MetricReduction
from torch import Tensor

from monai_ddfm.metrics.contrast import average_gradient, entropy, spatial_frequency, standard_deviation
from monai_ddfm.metrics.correlation import correlation, sum_of_correlations_of_differences
from monai_ddfm.metrics.edge_transfer import edge_transfer
from monai_ddfm.metrics.images import slices_with_tissue, to_grey_levels
from monai_ddfm.metrics.mutual_information import mutual_information
from monai_ddfm.metrics.structural_similarity import structural_similarity
from monai_ddfm.metrics.visual_information import visual_information_fidelity

__all__ = [
    "AverageGradientMetric",
    "CorrelationMetric",
    "EntropyMetric",
    "FusionMetric",
    "FusionSSIMMetric",
    "MutualInformationMetric",
    "QabfMetric",
    "SCDMetric",
    "SpatialFrequencyMetric",
    "StandardDeviationMetric",
    "VIFMetric",
]

_SLICES_AT_ONCE = 16  # bounds the memory of the joint histograms and the windowed moments


class FusionMetric(CumulativeIterationMetric):
    """A fusion metric that accumulates over the cases of a cohort.

    Called with the fused images as ``y_pred`` and their sources as ``y``: slices ``[B, 1, H, W]`` and ``[B, K, H, W]``,
    or volumes ``[B, 1, H, W, D]`` and ``[B, K, H, W, D]`` (or lists of these without B). Both are mapped from
    `value_range` to whole grey levels 0..255, as an 8-bit picture holds them, since the published values are taken from
    such pictures. A volume's value is the mean over its slices that show tissue: at least 1 percent of the pixels above
    5 percent of the range in some source, or in the fused image where no sources are given. It is NaN, which MONAI's
    reductions leave out, for a volume without any such slice. Slices given as slices all count.

    Args:
        value_range: (lowest, highest) value of the images, (-1, 1) as inside the inferer or (0, 255) for pictures.
        reduction: MONAI's metric reduction over cases and sources.
        get_not_nans: whether `aggregate` also returns the number of cases that counted.
        slice_axis: spatial axis along which volumes are cut into slices, -1 for the last.
    """

    needs_sources = True
    channels: int | None = 1  # values per case; None: one per source

    def __init__(
        self,
        value_range: tuple[float, float] = (-1.0, 1.0),
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
        slice_axis: int = -1,
    ) -> None:
        super().__init__()
        self.value_range = value_range
        self.reduction = reduction
        self.get_not_nans = get_not_nans
        if not -3 <= slice_axis < 3:
            raise ValueError(f"slice_axis counts the three spatial axes, -3 to 2, got {slice_axis}")
        self.slice_axis = slice_axis

    def measure(self, fused: Tensor, sources: Tensor) -> Tensor:
        """Return the value of each slice, ``[B]`` or ``[B, K]``, from slices in grey levels 0..255."""
        raise NotImplementedError

    def _compute_tensor(self, y_pred: Tensor, y: Tensor | None = None) -> Tensor:  # type: ignore[override]
        if y is None and self.needs_sources:
            raise ValueError(f"{type(self).__name__} compares the fused image with its sources; pass them as y")
        y = y_pred if y is None else y
        if y_pred.ndim not in (4, 5) or y.ndim != y_pred.ndim or y.shape[2:] != y_pred.shape[2:]:
            raise ValueError(
                "fused images and sources must be [B, 1, H, W] and [B, K, H, W], or both with a last axis D, "
                f"got {tuple(y_pred.shape)} and {tuple(y.shape)}"
            )
        fused, sources = (x.as_tensor() if isinstance(x, MetaTensor) else x for x in (y_pred, y))
        return torch.stack([self._measure_case(f, s) for f, s in zip(fused, sources, strict=True)])

    def _measure_case(self, fused: Tensor, sources: Tensor) -> Tensor:
        """Values ``[1]`` or ``[K]`` of one slice or volume ``[1, H, W(, D)]`` and its sources ``[K, H, W(, D)]``."""
        is_volume = fused.ndim == 4
        fused, sources = (x.movedim(1 + self.slice_axis % 3, 0) if is_volume else x[None] for x in (fused, sources))
        values = []
        for f, s in zip(fused.split(_SLICES_AT_ONCE), sources.split(_SLICES_AT_ONCE), strict=True):
            f, s = to_grey_levels(f, self.value_range), to_grey_levels(s, self.value_range)
            kept = slices_with_tissue(s) if is_volume else slice(None)
            if len(f[kept]):
                values.append(self.measure(f[kept], s[kept]).reshape(len(f[kept]), -1))
        if not values:
            return torch.full((self.channels or len(sources[0]),), torch.nan, dtype=torch.float64, device=fused.device)
        return torch.cat(values).mean(dim=0)

    def aggregate(self, reduction: MetricReduction | str | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """Reduce the accumulated values over the cases, and over the sources where there is one value for each."""
        data = self.get_buffer()
        if not isinstance(data, Tensor):
            raise ValueError(f"{type(self).__name__} has nothing to aggregate: call it on fused images first")
        values, not_nans = do_metric_reduction(data, reduction or self.reduction)
        return (values, not_nans) if self.get_not_nans else values


class _FusedImageMetric(FusionMetric):
    """A metric of the fused image alone; sources, where given, only tell which slices show tissue."""

    needs_sources = False
    function: Callable[[Tensor], Tensor]

    def measure(self, fused: Tensor, sources: Tensor) -> Tensor:
        return type(self).function(fused)


class EntropyMetric(_FusedImageMetric):
    """EN, in bits: see `monai_ddfm.metrics.entropy` and, for the arguments, `FusionMetric`."""

    function = staticmethod(entropy)


class StandardDeviationMetric(_FusedImageMetric):
    """SD, in grey levels: see `monai_ddfm.metrics.standard_deviation` and, for the arguments, `FusionMetric`."""

    function = staticmethod(standard_deviation)


class SpatialFrequencyMetric(_FusedImageMetric):
    """SF, in grey levels: see `monai_ddfm.metrics.spatial_frequency` and, for the arguments, `FusionMetric`."""

    function = staticmethod(spatial_frequency)


class AverageGradientMetric(_FusedImageMetric):
    """AG, in grey levels: see `monai_ddfm.metrics.average_gradient` and, for the arguments, `FusionMetric`."""

    function = staticmethod(average_gradient)


class _SourceMetric(FusionMetric):
    """A metric of the fused image against its sources.

    Args:
        value_range: see `FusionMetric`.
        per_source: keep one value per source (with ``reduction="mean_batch"``, `aggregate` returns ``[K]``).
        reduction: see `FusionMetric`.
        get_not_nans: see `FusionMetric`.
        slice_axis: see `FusionMetric`.
    """

    function: Callable[..., Tensor]

    def __init__(
        self,
        value_range: tuple[float, float] = (-1.0, 1.0),
        per_source: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
        slice_axis: int = -1,
    ) -> None:
        super().__init__(value_range, reduction, get_not_nans, slice_axis)
        self.per_source = per_source
        self.channels = None if per_source else 1

    def measure(self, fused: Tensor, sources: Tensor) -> Tensor:
        return type(self).function(fused, sources, per_source=self.per_source)


class MutualInformationMetric(_SourceMetric):
    """MI, in nats: see `monai_ddfm.metrics.mutual_information`; `per_source` keeps the value of each source."""

    function = staticmethod(mutual_information)


class SCDMetric(_SourceMetric):
    """SCD: see `monai_ddfm.metrics.sum_of_correlations_of_differences`; `per_source` keeps each source's term."""

    function = staticmethod(sum_of_correlations_of_differences)


class CorrelationMetric(_SourceMetric):
    """CC: see `monai_ddfm.metrics.correlation`; `per_source` keeps the value of each source."""

    function = staticmethod(correlation)


class VIFMetric(_SourceMetric):
    """VIF: see `monai_ddfm.metrics.visual_information_fidelity`; `per_source` keeps the value of each source."""

    function = staticmethod(visual_information_fidelity)


class QabfMetric(_SourceMetric):
    """Qabf: see `monai_ddfm.metrics.edge_transfer`; `per_source` keeps the value of each source."""

    function = staticmethod(edge_transfer)


class FusionSSIMMetric(_SourceMetric):
    """SSIM summed over the sources: see `monai_ddfm.metrics.structural_similarity`.

    Args:
        value_range: see `FusionMetric`.
        data_range: 255, or 2 as in the published fusion tables; in grey levels, whatever `value_range` is.
        per_source: keep one value per source.
        reduction: see `FusionMetric`.
        get_not_nans: see `FusionMetric`.
        slice_axis: see `FusionMetric`.
    """

    def __init__(
        self,
        value_range: tuple[float, float] = (-1.0, 1.0),
        data_range: float = 255.0,
        per_source: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
        slice_axis: int = -1,
    ) -> None:
        super().__init__(value_range, per_source, reduction, get_not_nans, slice_axis)
        self.data_range = data_range

    def measure(self, fused: Tensor, sources: Tensor) -> Tensor:
        """Return SSIM of each slice, summed over the sources or one per source."""
        return structural_similarity(fused, sources, per_source=self.per_source, data_range=self.data_range)
