# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Correlation of the fused image with the sources, and SCD, the sum of the correlations of differences."""

from __future__ import annotations

from torch import Tensor

from monai_ddfm.metrics.images import check_images

__all__ = ["correlation", "sum_of_correlations_of_differences"]


def _pearson(a: Tensor, b: Tensor) -> Tensor:
    """Pearson correlation over the pixels of ``[B, K, H, W]``; 0 where one image is constant: it tells nothing."""
    a, b = a.flatten(2), b.flatten(2)
    a, b = a - a.mean(dim=2, keepdim=True), b - b.mean(dim=2, keepdim=True)
    power = (a**2).sum(dim=2) * (b**2).sum(dim=2)
    return (a * b).sum(dim=2) / power.sqrt().where(power > 0, 1.0)


def correlation(fused: Tensor, sources: Tensor, per_source: bool = False) -> Tensor:
    """CC: Pearson correlation of the fused image with each source, mean over the sources.

    Args:
        fused: fused images ``[B, 1, H, W]`` in grey levels 0..255.
        sources: sources ``[B, K, H, W]`` in grey levels 0..255.
        per_source: return the value of each source instead of their mean.

    Returns:
        ``[B]``, or ``[B, K]`` with `per_source`.
    """
    fused, sources = check_images(fused, sources)
    values = _pearson(sources, fused.expand_as(sources))
    return values if per_source else values.mean(dim=1)


def sum_of_correlations_of_differences(fused: Tensor, sources: Tensor, per_source: bool = False) -> Tensor:
    """SCD: correlation of each source with what is left of the fused image without the other sources.

    For two sources a, b this is r(a, f - b) + r(b, f - a) (Aslantas and Bendes 2015). For K sources the others are
    added up, so that the sum of all sources scores K, as the sum of two scores 2. Copying one source leaves nothing
    for the other: its term is 0.

    Shapes as in `correlation`; without `per_source` the terms are summed.
    """
    fused, sources = check_images(fused, sources)
    others = sources.sum(dim=1, keepdim=True) - sources
    values = _pearson(sources, fused - others)
    return values if per_source else values.sum(dim=1)
