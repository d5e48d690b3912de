# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The metrics as MONAI metrics."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_ddfm import metrics
from monai_ddfm.metrics import FusionMetric

CLASSES: dict[type[FusionMetric], object] = {
    metrics.EntropyMetric: lambda f, s: metrics.entropy(f),
    metrics.StandardDeviationMetric: lambda f, s: metrics.standard_deviation(f),
    metrics.SpatialFrequencyMetric: lambda f, s: metrics.spatial_frequency(f),
    metrics.AverageGradientMetric: lambda f, s: metrics.average_gradient(f),
    metrics.MutualInformationMetric: metrics.mutual_information,
    metrics.SCDMetric: metrics.sum_of_correlations_of_differences,
    metrics.CorrelationMetric: metrics.correlation,
    metrics.VIFMetric: metrics.visual_information_fidelity,
    metrics.QabfMetric: metrics.edge_transfer,
    metrics.FusionSSIMMetric: metrics.structural_similarity,
}


def volumes(depth: int = 18) -> tuple[torch.Tensor, torch.Tensor]:
    """Two volumes of whole grey levels with an empty first and last slice, and their sources."""
    sources = torch.randint(0, 256, (2, 3, 44, 44, depth), generator=torch.Generator().manual_seed(0)).float()
    sources[..., 0] = sources[..., -1] = 0.0
    return sources.amax(1, keepdim=True), sources


@pytest.mark.parametrize("metric", CLASSES)
def test_volume_is_the_mean_of_its_slices_with_tissue(metric: type[FusionMetric]) -> None:
    fused, sources = volumes()
    values = metric(value_range=(0, 255))(fused, sources)
    assert values.shape == (2, 1)
    for value, f, s in zip(values, fused, sources, strict=True):
        slices = CLASSES[metric](f.movedim(-1, 0)[1:-1], s.movedim(-1, 0)[1:-1])
        assert value.item() == pytest.approx(slices.mean().item())


@pytest.mark.parametrize("metric", CLASSES)
def test_cohort_accumulates_in_the_range_of_the_inferer(metric: type[FusionMetric]) -> None:
    fused, sources = volumes(depth=6)
    f, s = fused[..., 2] / 127.5 - 1, sources[..., 2] / 127.5 - 1
    cohort = metric()
    for case_f, case_s in zip(f, s, strict=True):
        cohort(case_f[None], case_s[None])
    expected = CLASSES[metric](fused[..., 2], sources[..., 2]).mean()
    assert cohort.aggregate().item() == pytest.approx(expected.item())
    cohort.reset()
    cohort([MetaTensor(x) for x in f], [MetaTensor(x) for x in s])  # decollated, as engines hand it over
    assert cohort.aggregate().item() == pytest.approx(expected.item())


def test_volumes_are_cut_along_the_chosen_axis() -> None:
    fused, sources = volumes(depth=4)
    turned = metrics.VIFMetric(value_range=(0, 255), slice_axis=0)(fused.movedim(-1, 2), sources.movedim(-1, 2))
    torch.testing.assert_close(turned, metrics.VIFMetric(value_range=(0, 255))(fused, sources))
    with pytest.raises(ValueError, match="-3 to 2, got 3"):
        metrics.VIFMetric(slice_axis=3)


def test_per_source_values() -> None:
    fused, sources = volumes(depth=4)
    metric = metrics.VIFMetric(value_range=(0, 255), per_source=True, reduction="mean_batch", get_not_nans=True)
    assert metric(fused, sources).shape == (2, 3)
    values, counted = metric.aggregate()
    assert values.shape == (3,) and counted.tolist() == [2, 2, 2]


def test_published_data_range() -> None:
    fused, sources = volumes(depth=3)
    published = metrics.FusionSSIMMetric(value_range=(0, 255), data_range=2.0)(fused[..., 1], sources[..., 1])
    expected = metrics.structural_similarity(fused[..., 1], sources[..., 1], data_range=2.0)
    torch.testing.assert_close(published[:, 0], expected)


def test_empty_volume_does_not_count() -> None:
    fused, sources = volumes(depth=4)
    fused[1], sources[1] = 0.0, 0.0
    metric = metrics.QabfMetric(value_range=(0, 255))
    values = metric(fused, sources)
    assert values[1].isnan().all()
    assert metric.aggregate().item() == pytest.approx(values[0].item())


def test_metrics_of_the_fused_image_need_no_sources() -> None:
    fused, sources = volumes(depth=4)
    metric = metrics.EntropyMetric(value_range=(0, 255))
    torch.testing.assert_close(metric(fused), metric(fused, sources))
    with pytest.raises(ValueError, match="SCDMetric compares"):
        metrics.SCDMetric()(fused)


def test_wrong_shapes_and_empty_cohorts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got \(1, 1, 8, 8\) and \(1, 2, 8, 9\)"):
        metrics.SCDMetric()(torch.zeros(1, 1, 8, 8), torch.zeros(1, 2, 8, 9))
    with pytest.raises(ValueError, match="nothing to aggregate"):
        metrics.SCDMetric().aggregate()
