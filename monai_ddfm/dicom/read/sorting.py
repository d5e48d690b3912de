# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Putting slices in order along the volume: by position, without gaps and duplicates."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_ddfm.dicom.read.slices import Slice

__all__ = ["gaps_between", "select_slices", "sort_slices"]

logger = logging.getLogger(__name__)

SAME_POSITION_MM = 0.01
SAME_DIRECTION = 1e-3
GAP_FACTOR = 1.5

# What two slices at one position may differ in, most telling first
DISTINGUISHING = (
    "EchoTime",
    "EffectiveEchoTime",
    "EchoNumbers",
    "DiffusionBValue",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "TemporalPositionTimeOffset",
    "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "InversionTime",
    "FlipAngle",
    "FrameReferenceTime",
    "ActualFrameDuration",
    "EnergyWindowVector",
    "DetectorVector",
    "TimeSlotVector",
    "RRIntervalVector",
    "ConvolutionKernel",
    "StackID",
    "ImageType",
    "FrameType",
    "AcquisitionNumber",
    "AcquisitionTime",
    "FrameAcquisitionDateTime",
    "ContentTime",
    "InstanceNumber",
)


def _text(value: Any) -> str:
    """Write a value so that 30, "30" and "30.0" are the same."""
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return "\\".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def select_slices(slices: Sequence[Slice], select: Mapping[str, Any]) -> list[Slice]:
    """Keep the slices whose attributes have the given values, e.g. ``{"EchoTime": 30}``.

    Raises:
        ValueError: no slice has the value; the message lists the values there are.
    """
    for keyword, value in select.items():
        kept = [one for one in slices if _text(one.attribute(keyword)) == _text(value)]
        if not kept:
            found = sorted({_text(one.attribute(keyword)) for one in slices})
            raise ValueError(f"no slice has {keyword} = {value}; found {', '.join(found)}")
        slices = kept
    return list(slices)


def sort_slices(slices: Sequence[Slice]) -> list[Slice]:
    """Sort slices by position along their common normal, ascending; instance numbers are not asked.

    Raises:
        ValueError: the slices differ in orientation, size or pixel spacing, or several lie at one position; the
            message lists what differs.
    """
    _check_alike(slices)
    normal = slices[0].normal
    ordered = sorted(slices, key=lambda one: float(one.position @ normal))
    depths = np.array([one.position @ normal for one in ordered])
    repeated = np.diff(depths) < SAME_POSITION_MM
    if repeated.any():
        _refuse_duplicates(ordered, depths, int(np.flatnonzero(repeated)[0]))
    return ordered


def _check_alike(slices: Sequence[Slice]) -> None:
    first = slices[0]
    for one in slices:
        if not np.allclose(one.orientation, first.orientation, atol=SAME_DIRECTION):
            what = f"orientation {one.orientation.round(4).tolist()}, not {first.orientation.round(4).tolist()}"
        elif not np.allclose(one.pixel_spacing, first.pixel_spacing, rtol=1e-3):
            what = f"pixel spacing {one.pixel_spacing}, not {first.pixel_spacing}"
        elif any(one.attribute(side) != first.attribute(side) for side in ("Rows", "Columns")):
            what = f"{one.attribute('Rows')} x {one.attribute('Columns')} pixels, not {first.attribute('Rows')} x "
            what += f"{first.attribute('Columns')}"
        else:
            continue
        raise ValueError(
            f"the series is not one stack of slices: {one.name} has {what} as {first.name}; "
            "separate them, or pick one part with select"
        )


def _refuse_duplicates(ordered: Sequence[Slice], depths: NDArray[np.float64], k: int) -> None:
    """Raise with what differs between the slices at one position, and how to pick one set of them."""
    together = [one for one, depth in zip(ordered, depths, strict=True) if abs(depth - depths[k]) < SAME_POSITION_MM]
    places = 1 + int(np.sum(np.diff(depths) >= SAME_POSITION_MM))
    differing = {}
    for keyword in DISTINGUISHING:
        here = {_text(one.attribute(keyword)) for one in together}
        if len(here) > 1:
            differing[keyword] = sorted({_text(one.attribute(keyword)) for one in ordered})
    listed = "\n".join(
        f"  {keyword}: {', '.join(values[:12])}{', ...' if len(values) > 12 else ''}"
        for keyword, values in differing.items()
    )
    names = ", ".join(one.name for one in together[:4])
    raise ValueError(
        f"{len(ordered)} slices lie at {places} positions, e.g. {len(together)} at {depths[k]:.2f} mm ({names}); "
        f"they differ in:\n{listed or '  none of the attributes known to tell slices apart'}\n"
        f"pick one set with select, e.g. select={{'{next(iter(differing), 'InstanceNumber')}': ...}}"
    )


def gaps_between(ordered: Sequence[Slice]) -> list[str]:
    """Describe every gap: a step larger than 1.5 times the usual one that the slices' own thickness does not explain.

    A step is explained when a neighbouring step is the same and it equals the SliceThickness or SpacingBetweenSlices
    on one of its sides: a stack acquired in parts of different thickness has no gap.
    """
    depths = np.array([one.position @ ordered[0].normal for one in ordered])
    steps = np.diff(depths)
    if len(steps) == 0:
        return []
    usual = float(np.quantile(steps, 0.5, method="lower"))
    described = []
    for k in map(int, np.flatnonzero(steps > GAP_FACTOR * usual)):
        neighbours = [steps[j] for j in (k - 1, k + 1) if 0 <= j < len(steps)]
        repeats = any(abs(step - steps[k]) < 0.05 * steps[k] for step in neighbours)
        stated = [
            float(one.attribute(keyword) or 0)
            for one in (ordered[k], ordered[k + 1])
            for keyword in ("SliceThickness", "SpacingBetweenSlices")
        ]
        if repeats and any(abs(value - steps[k]) < 0.05 * steps[k] for value in stated):
            continue
        described.append(
            f"{steps[k]:.2f} mm between {ordered[k].name} and {ordered[k + 1].name} (usual: {usual:.2f} mm, "
            f"about {round(steps[k] / usual) - 1} slice(s) missing)"
        )
    return described
