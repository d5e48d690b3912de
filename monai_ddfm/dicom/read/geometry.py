# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Where a stack of slices lies: its affine, and how far it is from a regular grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monai_ddfm.dicom.read.slices import Slice

__all__ = ["StackGeometry", "check_in_line", "stack_affine", "stack_geometry"]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
EVEN_TOLERANCE = 0.02  # of the spacing
DRIFT_TOLERANCE = 0.5  # of a pixel, over the whole stack


@dataclass(frozen=True)
class StackGeometry:
    """Positions of sorted slices in the stack's own axes (mm).

    Attributes:
        axes: ``[3, 3]``, rows are unit vectors (LPS): along a row, along a column, normal.
        in_plane: ``[N, 2]`` first pixel of each slice along a row and along a column.
        depths: ``[N]`` position of each slice along the normal, ascending.
        pixel_spacing: mm between columns (along a row), mm between rows.
        thickness: what the header says of a single slice's extent, used when there is only one.
    """

    axes: NDArray[np.float64]
    in_plane: NDArray[np.float64]
    depths: NDArray[np.float64]
    pixel_spacing: tuple[float, float]
    thickness: float

    @property
    def tilt_degrees(self) -> float:
        """Angle between the slices' normal and the line through their first pixels."""
        across = float(np.linalg.norm(self.in_plane[-1] - self.in_plane[0]))
        return float(np.degrees(np.arctan2(across, self.depths[-1] - self.depths[0]))) if len(self.depths) > 1 else 0.0

    @property
    def is_straight(self) -> bool:
        """Whether the slices lie over one another, to half a pixel over the whole stack."""
        drift = np.abs(self.in_plane - self.in_plane[0]).max(axis=0)
        return bool(np.all(drift <= DRIFT_TOLERANCE * np.array(self.pixel_spacing)))

    @property
    def is_even(self) -> bool:
        """Whether the slices are equally far apart, to two hundredths of the spacing."""
        even = np.linspace(self.depths[0], self.depths[-1], len(self.depths))
        return bool(np.all(np.abs(self.depths - even) <= EVEN_TOLERANCE * self.spacing))

    @property
    def spacing(self) -> float:
        """Mean distance of neighbouring slices (mm); the slice thickness when there is one slice only."""
        count = len(self.depths)
        return float((self.depths[-1] - self.depths[0]) / (count - 1)) if count > 1 else self.thickness

    @property
    def fine_spacing(self) -> float:
        """The spacing of the finer part of an uneven stack: the lower quartile of its steps (mm)."""
        return float(np.quantile(np.diff(self.depths), 0.25, method="higher"))


def stack_geometry(ordered: Sequence[Slice]) -> StackGeometry:
    """Describe the positions of slices that `sort_slices` has put in order."""
    first = ordered[0]
    row, column = first.orientation
    column = column - row * (row @ column)  # the header's decimals leave the two not quite orthogonal
    axes = np.stack([row / np.linalg.norm(row), column / np.linalg.norm(column), np.zeros(3)])
    axes[2] = np.cross(axes[0], axes[1])
    positions = np.stack([one.position for one in ordered]) @ axes.T
    thickness = float(first.attribute("SpacingBetweenSlices") or first.attribute("SliceThickness") or 1.0)
    row_step, column_step = first.pixel_spacing
    return StackGeometry(axes, positions[:, :2], positions[:, 2], (column_step, row_step), abs(thickness))


def check_in_line(ordered: Sequence[Slice], geometry: StackGeometry) -> None:
    """Refuse a stack whose first pixels do not lie on one straight line.

    A tilted gantry shifts every slice against its neighbour by the same step per millimetre. Anything else is a slice
    whose position is wrong, or a patient who was moved between two parts of the stack. The line is Theil and Sen's, by
    the median over slices half a stack apart, which a single stray slice does not bend.

    Raises:
        ValueError: a slice lies more than half a pixel beside the line; the furthest is named.
    """
    if len(ordered) < 3:
        return
    apart = len(ordered) // 2
    rises = geometry.depths[apart:] - geometry.depths[:-apart]
    slope = np.median((geometry.in_plane[apart:] - geometry.in_plane[:-apart]) / rises[:, None], axis=0)
    beside = geometry.in_plane - geometry.depths[:, None] * slope
    beside = np.abs(beside - np.median(beside, axis=0))
    allowed = DRIFT_TOLERANCE * np.array(geometry.pixel_spacing)
    furthest = int((beside / allowed).max(axis=1).argmax())
    if (beside[furthest] > allowed).any():
        raise ValueError(
            f"{ordered[furthest].name} lies {np.linalg.norm(beside[furthest]):.2f} mm beside the line through "
            "the other slices, within its plane: its ImagePositionPatient is wrong, or the series is no single stack; "
            "separate its parts, or export it again"
        )


def stack_affine(geometry: StackGeometry) -> NDArray[np.float64]:
    """Return the affine ``[4, 4]`` of the volume ``[columns, rows, slices]``: voxel index to mm in RAS.

    DICOM's equation C.7.6.2.1-1 with the slice as third index, turned from LPS to RAS, as NIfTI, nibabel and MONAI
    have it. For a straight and even stack.
    """
    affine = np.eye(4)
    spacing = (*geometry.pixel_spacing, geometry.spacing)
    affine[:3, :3] = geometry.axes.T * spacing
    affine[:3, 3] = np.array([*geometry.in_plane[0], geometry.depths[0]]) @ geometry.axes
    return LPS_TO_RAS @ affine
