# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Pixel spacing and slice thickness of a source, classic or multi-frame."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

__all__ = ["pixel_spacing_of", "slice_thickness_of"]


def pixel_spacing_of(header: Dataset) -> tuple[float, float] | None:
    """Return the distance between rows and between columns in mm; None when the header does not say."""
    for place in _places(header):
        if place.get("PixelSpacing"):
            rows, columns = place.PixelSpacing
            return float(rows), float(columns)
    return None


def slice_thickness_of(header: Dataset) -> float | None:
    """Return SliceThickness in mm; None when the header does not say or says 0."""
    for place in _places(header):
        if place.get("SliceThickness"):
            return float(place.SliceThickness)
    return None


def _places(header: Dataset) -> Iterator[Dataset]:
    """Yield where the attributes stand: the instance itself, or its Pixel Measures (PS3.3 C.7.6.16.2.1)."""
    yield header
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in (header.get(groups) or [])[:1]:
            yield from group.get("PixelMeasuresSequence") or []
