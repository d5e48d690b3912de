# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""DICOM Spatial Registration objects (PS3.3 A.39): how frames of reference lie in one another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import SpatialRegistrationStorage

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.io.affine_file import LPS_TO_RAS
from monai_ddfm.io.existing import require_existing

__all__ = ["SpatialRegistration", "read_spatial_registration"]

_TYPES = ("RIGID", "RIGID_SCALE", "AFFINE")


@dataclass(frozen=True)
class _Registered:
    """One item of the RegistrationSequence: what it is about, and its matrix into the registered frame (RAS, mm)."""

    frame: str
    images: frozenset[str]
    matrix: NDArray[np.float64]


@dataclass(frozen=True)
class SpatialRegistration:
    """What a Spatial Registration object says.

    Attributes:
        path: its file.
        frame: the FrameOfReferenceUID that everything is registered to.
        items: of the RegistrationSequence.
    """

    path: str
    frame: str
    items: tuple[_Registered, ...]

    def between(self, source: SeriesIdentity, anchor: SeriesIdentity) -> NDArray[np.float64]:
        """Return the matrix ``[4, 4]`` (mm, RAS) that takes points of the source's space to the anchor's.

        It does not matter which of the two frames the object is registered to.

        Raises:
            ValueError: the object does not know one of the series.
        """
        return np.linalg.inv(self._into_frame(anchor)) @ self._into_frame(source)

    def _into_frame(self, series: SeriesIdentity) -> NDArray[np.float64]:
        """By the images that an item names; else by the frame of reference, which all images of a series share."""
        instances = {instance.sop_instance_uid for instance in series.instances}
        by_images = [item for item in self.items if item.images & instances]
        by_frame = [item for item in self.items if item.frame == series.frame_of_reference_uid and not item.images]
        loosely = [item for item in self.items if item.frame == series.frame_of_reference_uid]
        if found := by_images or by_frame:
            return found[0].matrix
        if series.frame_of_reference_uid == self.frame:
            return np.eye(4)
        if len(loosely) == 1:  # it names other images of that frame
            return loosely[0].matrix
        known = ", ".join(sorted({self.frame, *(item.frame for item in self.items)}))
        raise ValueError(
            f"{self.path}: says nothing of {series.modality} {series.series_instance_uid} in the frame of reference "
            f"{series.frame_of_reference_uid or '(none)'}; it registers the frames {known}: choose the object made for "
            "these series"
        )


def read_spatial_registration(path: str | Path) -> SpatialRegistration:
    """Read a Spatial Registration object.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no DICOM, another object (a Deformable Spatial Registration among them), or a matrix that is none.
    """
    require_existing(path)
    try:
        header = read_instance(path)
    except (InvalidDicomError, OSError) as error:
        raise ValueError(f"{path}: cannot be read as DICOM ({error})") from None
    if header.get("SOPClassUID") != SpatialRegistrationStorage:
        kind = getattr(header.get("SOPClassUID"), "name", "no SOP class")
        raise ValueError(f"{path}: is {kind}, expected a Spatial Registration (rigid or affine)")
    items = tuple(_registered(item, path) for item in header.get("RegistrationSequence") or [])
    return SpatialRegistration(str(path), str(header.get("FrameOfReferenceUID", "")), items)


def _registered(item: Dataset, path: str | Path) -> _Registered:
    """The matrices of an item are applied one after the other, in the order they stand in (PS3.3 C.20.2)."""
    whole = np.eye(4)
    for registration in item.get("MatrixRegistrationSequence") or []:
        for step in registration.get("MatrixSequence") or []:
            kind, values = (
                step.get("FrameOfReferenceTransformationMatrixType"),
                step.get("FrameOfReferenceTransformationMatrix"),
            )
            if kind not in _TYPES or values is None or len(values) != 16:
                raise ValueError(f"{path}: a matrix of type {kind}, expected 16 numbers of type {', '.join(_TYPES)}")
            matrix = np.array(values, dtype=np.float64).reshape(4, 4)
            if not np.allclose(matrix[3], [0, 0, 0, 1]) or abs(np.linalg.det(matrix[:3, :3])) < 1e-6:
                raise ValueError(f"{path}: the matrix {np.round(matrix, 4).tolist()} is no invertible affine one")
            whole = matrix @ whole
    images = frozenset(str(image.ReferencedSOPInstanceUID) for image in item.get("ReferencedImageSequence") or [])
    return _Registered(str(item.get("FrameOfReferenceUID", "")), images, LPS_TO_RAS @ whole @ LPS_TO_RAS)
