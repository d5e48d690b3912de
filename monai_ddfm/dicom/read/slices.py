# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""One slice of a series: a classic instance, or one frame of a multi-frame instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from monai_ddfm.dicom.read.enhanced_pet import real_world_values
from monai_ddfm.dicom.read.find_instances import Instance
from monai_ddfm.dicom.read.mosaic import is_mosaic, tile_positions, tiles_of

__all__ = ["Slice", "slices_of"]

ORIENTATION_TOLERANCE = 1e-3
SPACING_MM = (1e-3, 100.0)  # what is believed: from a light microscope's pixel to a hand's breadth
FURTHEST_MM = 1e5


@dataclass(frozen=True)
class Slice:
    """Where one slice lies and what describes it.

    Attributes:
        instance: the file it comes from.
        frame_number: number of the frame in a multi-frame instance, from 1; None for a classic instance.
        functional_groups: the frame's own attributes, flattened (multi-frame only).
        position: ImagePositionPatient, centre of the first pixel, mm, LPS.
        orientation: ImageOrientationPatient ``[2, 3]``: direction of increasing columns, of increasing rows.
        pixel_spacing: mm between rows, mm between columns.
        tile: number of the tile in a mosaic, from 1; None for any other image.
    """

    instance: Instance
    frame_number: int | None
    functional_groups: dict[str, Any]
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    pixel_spacing: tuple[float, float]
    tile: int | None = None

    def attribute(self, keyword: str) -> Any:
        """Return an attribute of the slice: the frame's own, else the instance's, else None."""
        value = self.functional_groups.get(keyword)
        return self.instance.header.get(keyword) if value is None else value

    @property
    def name(self) -> str:
        """What to call the slice in a message."""
        frame = "" if self.frame_number is None else f" frame {self.frame_number}"
        return f"{self.instance.path}{frame}{'' if self.tile is None else f' tile {self.tile}'}"

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector across the slice, LPS."""
        return np.cross(self.orientation[0], self.orientation[1])


def slices_of(instance: Instance) -> list[Slice]:
    """Return the slices of one image instance: one for a classic instance, one per frame for a multi-frame one.

    Raises:
        ValueError: position, orientation or pixel spacing are missing or senseless, so that the image is no part of a
            volume.
    """
    header = instance.header
    frames = int(header.get("NumberOfFrames") or 1)
    if "PerFrameFunctionalGroupsSequence" in header:
        return _enhanced_slices(instance, frames)
    if frames > 1:
        if header.get("Modality") == "NM":
            return _nuclear_medicine_slices(instance, frames)
        raise ValueError(
            f"{instance.path} has {frames} frames without functional groups ({header.SOPClassUID.name}): "
            "where they lie in the patient is not known"
        )
    groups = _detector_information(header) if "ImagePositionPatient" not in header else {}
    one = _slice(instance, None, groups)
    return _mosaic_slices(one) if is_mosaic(header) else [one]


def _slice(instance: Instance, frame_number: int | None, groups: dict[str, Any]) -> Slice:
    values = {}
    for keyword, length in (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2)):
        value = groups.get(keyword) or instance.header.get(keyword)
        if value is None or np.size(value) != length or not np.all(np.isfinite(np.asarray(value, dtype=float))):
            frame = "" if frame_number is None else f" frame {frame_number}"
            raise ValueError(
                f"{instance.path}{frame} has no usable {keyword} (found {value}): "
                f"an image of kind {instance.header.SOPClassUID.name} that is no part of a volume"
            )
        values[keyword] = np.asarray(value, dtype=np.float64)
    orientation = values["ImageOrientationPatient"].reshape(2, 3)
    if not np.allclose(orientation @ orientation.T, np.eye(2), atol=ORIENTATION_TOLERANCE):
        raise ValueError(f"{instance.path}: ImageOrientationPatient {orientation.tolist()} is not orthonormal")
    low, high = SPACING_MM
    if not np.all((values["PixelSpacing"] >= low) & (values["PixelSpacing"] <= high)):
        raise ValueError(
            f"{instance.path}: PixelSpacing {values['PixelSpacing'].tolist()} is no distance between pixels, expected "
            f"{low:g} to {high:g} mm; export the series again"
        )
    if np.abs(values["ImagePositionPatient"]).max() > FURTHEST_MM:
        raise ValueError(
            f"{instance.path}: ImagePositionPatient {values['ImagePositionPatient'].tolist()} is further than "
            f"{FURTHEST_MM:g} mm from the origin; export the series again"
        )
    spacing = (float(values["PixelSpacing"][0]), float(values["PixelSpacing"][1]))
    return Slice(instance, frame_number, groups, values["ImagePositionPatient"], orientation, spacing)


def _mosaic_slices(whole: Slice) -> list[Slice]:
    """Tiles of a mosaic; `Slice.tile` counts them."""
    header, path = whole.instance.header, whole.instance.path
    _, side = tiles_of(header, path)
    size = {"Rows": int(header.Rows) // side, "Columns": int(header.Columns) // side}
    positions = tile_positions(header, path, whole.position, whole.orientation, whole.pixel_spacing)
    return [
        Slice(whole.instance, None, size, position, whole.orientation, whole.pixel_spacing, k + 1)
        for k, position in enumerate(positions)
    ]


def _enhanced_slices(instance: Instance, frames: int) -> list[Slice]:
    """Frames of an enhanced (or legacy converted) image, PS3.3 C.7.6.16: shared groups, then the frame's own."""
    header = instance.header
    shared = _flat(header.get("SharedFunctionalGroupsSequence") or [])
    per_frame = header.PerFrameFunctionalGroupsSequence
    if len(per_frame) != frames:
        raise ValueError(f"{instance.path} has {frames} frames, but functional groups for {len(per_frame)}")
    slices = []
    for k, group in enumerate(per_frame):
        values = {**shared, **_flat([group])}
        if header.get("Modality") == "PT":  # whose units stand with the mapping to real-world values
            values.update(real_world_values([group, *(header.get("SharedFunctionalGroupsSequence") or [])]))
        slices.append(_slice(instance, k + 1, values))
    return slices


def _flat(groups: Sequence[Dataset]) -> dict[str, Any]:
    """Collect the attributes of the standard's functional groups, ``{keyword: value}``.

    A private sequence is left out: Philips puts a whole classic header into one, whose plane position is another.
    """
    return {
        element.keyword: element.value
        for group in groups
        for sequence in group
        if sequence.VR == "SQ" and not sequence.tag.is_private
        for item in sequence.value
        for element in item
        if element.VR != "SQ" and element.keyword
    }


def _detector_information(header: Dataset) -> dict[str, Any]:
    """Position and orientation of an NM image, which stand in its first detector (PS3.3 C.8.4.11)."""
    detectors = header.get("DetectorInformationSequence") or []
    if not detectors:
        return {}
    keywords = ("ImagePositionPatient", "ImageOrientationPatient")
    return {keyword: detectors[0].get(keyword) for keyword in keywords}


def _nuclear_medicine_slices(instance: Instance, frames: int) -> list[Slice]:
    """Frames of a reconstructed NM tomogram: one position, slices stacked along the normal (PS3.3 C.8.4.15)."""
    header = instance.header
    kind = [str(value).upper() for value in header.get("ImageType") or []]
    if "RECON TOMO" not in kind and "RECON GATED TOMO" not in kind:
        raise ValueError(
            f"{instance.path} is a nuclear medicine image of type {'/'.join(kind)}: "
            "only RECON TOMO (reconstructed slices) is a volume"
        )
    spacing = header.get("SpacingBetweenSlices") or header.get("SliceThickness")
    if not spacing:
        raise ValueError(f"{instance.path} has neither SpacingBetweenSlices nor SliceThickness")
    first = _slice(instance, 1, _detector_information(header))
    # SliceVector numbers the slice of each frame from 1; FrameIncrementPointer names what else the frames step through
    slice_vector = header.get("SliceVector") or list(range(1, frames + 1))
    vectors = _frame_vectors(header, frames)
    return [
        Slice(
            instance,
            k + 1,
            {**first.functional_groups, **{keyword: vector[k] for keyword, vector in vectors.items()}},
            first.position + float(spacing) * (int(slice_vector[k]) - 1) * first.normal,
            first.orientation,
            first.pixel_spacing,
        )
        for k in range(frames)
    ]


def _frame_vectors(header: Dataset, frames: int) -> dict[str, list[int]]:
    """Return what each NM frame belongs to (energy window, detector, time slot, ...), one list per vector."""
    pointer = header.get("FrameIncrementPointer")
    tags = pointer if isinstance(pointer, MultiValue) else [pointer] if pointer is not None else []
    vectors = {header[Tag(tag)].keyword: list(np.atleast_1d(header[Tag(tag)].value)) for tag in tags if tag in header}
    return {keyword: values for keyword, values in vectors.items() if len(values) == frames and "Slice" not in keyword}
