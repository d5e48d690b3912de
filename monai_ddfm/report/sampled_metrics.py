# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The usual metrics of a fusion, on some of its slices: quick enough for every run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from monai_ddfm.metrics import (
    EntropyMetric,
    FusionSSIMMetric,
    MutualInformationMetric,
    QabfMetric,
    SCDMetric,
    StandardDeviationMetric,
    VIFMetric,
)
from monai_ddfm.metrics.visual_information import SMALLEST_SIDE

__all__ = ["sampled_metrics"]

_METRICS = {
    "EN": EntropyMetric,
    "SD": StandardDeviationMetric,
    "MI": MutualInformationMetric,
    "SCD": SCDMetric,
    "VIF": VIFMetric,
    "Qabf": QabfMetric,
    "SSIM": FusionSSIMMetric,
}


_PIXELS = 2**20
"""In all slices that are measured: 16 of 256 x 256, 4 of 512 x 512; so they take a tenth of a fusion's time at most."""


def sampled_metrics(fused: Tensor, sources: Tensor, slices: int = 16) -> dict[str, Any]:
    """Return the metrics of a fusion as the mean over slices with tissue, spread evenly over the volume.

    Metrics against a source are summed over the sources. `evaluate` measures all slices.

    Args:
        fused: ``[1, H, W, D]`` in [-1, 1].
        sources: ``[K, H, W, D]``, as they were given, before any cleaning.
        slices: at most; fewer of large slices, so that they take little beside the fusion, but no fewer than 4.

    Returns:
        ``{"note": what was measured, "values": {metric: value}}``; no values for slices too small to be measured.
    """
    height, width, depth = fused.shape[1:]
    if min(height, width) < SMALLEST_SIDE:
        return {"note": f"slices of {height} x {width} are too small for them", "values": {}}
    slices = max(4, min(slices, _PIXELS // (height * width)))
    places = torch.linspace(0, depth - 1, min(slices, depth)).round().long()
    pair = [image.detach().as_subclass(Tensor).float()[..., places] for image in (fused, sources)]
    values = {}
    for name, metric in _METRICS.items():
        measured = metric()(pair[0][None], pair[1][None])
        values[name] = round(float(torch.as_tensor(measured).sum()), 5)
    known = {name: value for name, value in values.items() if value == value}  # NaN: no slice shows tissue
    return {"note": f"On {len(places)} of {depth} slices, against the sources as they were given.", "values": known}
