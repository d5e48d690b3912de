# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""From stored to measured values: the rescale of every slice, checked before a pixel is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monai_ddfm.dicom.read.slices import Slice

__all__ = ["rescale_of"]

_LARGEST_STORED = float(1 << 32)


def rescale_of(ordered: Sequence[Slice]) -> list[tuple[float, float]]:
    """Return RescaleSlope (0028,1053) and RescaleIntercept (0028,1052) of every slice, 1 and 0 where a series has none.

    PET is rescaled slice by slice, so a slice without a slope among others is as wrong as one with a slope of 0.

    Raises:
        ValueError: some slices have a slope and others none; or a slope or intercept is no number, is infinite, takes
            values out of float32, is 0, or is negative in PET. The slice is named.
    """
    without = [one for one in ordered if _is_empty(one.attribute("RescaleSlope"))]
    if without and len(without) < len(ordered):
        raise ValueError(
            f"{without[0].name} has no RescaleSlope, {len(ordered) - len(without)} other slices of its series have "
            "one: their values would not compare; export the series again"
        )
    return [_checked(one) for one in ordered]


def _checked(one: Slice) -> tuple[float, float]:
    found = {keyword: one.attribute(keyword) for keyword in ("RescaleSlope", "RescaleIntercept")}
    try:
        slope = 1.0 if _is_empty(found["RescaleSlope"]) else float(found["RescaleSlope"])
        intercept = 0.0 if _is_empty(found["RescaleIntercept"]) else float(found["RescaleIntercept"])
    except (TypeError, ValueError):
        slope = intercept = float("nan")
    positive = slope > 0 if one.attribute("Modality") == "PT" else slope != 0
    largest = abs(slope) * _LARGEST_STORED + abs(intercept)
    if not (positive and np.isfinite(slope) and largest < np.finfo(np.float32).max):
        raise ValueError(
            f"{one.name}: RescaleSlope {found['RescaleSlope']} and RescaleIntercept {found['RescaleIntercept']} are no "
            "rescale to measured values; export the series again"
        )
    return slope, intercept


def _is_empty(value: object) -> bool:
    return value is None or value == ""
