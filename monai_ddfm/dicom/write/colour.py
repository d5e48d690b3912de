# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Writing a fused colour volume as one Multi-frame True Color Secondary Capture image with its place in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameTrueColorSecondaryCaptureImageStorage
from pydicom.valuerep import DSfloat

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.derived_header import check_sources, derive_header
from monai_ddfm.dicom.write.slice_stack import SliceStack, as_array, stack_slices
from monai_ddfm.dicom.write.source_geometry import pixel_spacing_of, slice_thickness_of
from monai_ddfm.dicom.write.stored_values import quantise
from monai_ddfm.io.atomic import atomic_file, require_free

__all__ = ["write_colour_image"]

_FRAME_GROUPS = Tag("PerFrameFunctionalGroupsSequence")


def write_colour_image(
    volume: torch.Tensor | NDArray[Any],
    affine: torch.Tensor | NDArray[Any],
    anchor: SeriesIdentity,
    sources: Sequence[SeriesIdentity],
    file: str | Path,
    derivation: Derivation | None = None,
    pseudonym: Pseudonym | None = None,
    overwrite: bool = False,
    series_number: int = 901,
    created: datetime | None = None,
) -> Path:
    """Write a fused colour volume into the anchor's study and frame of reference, one frame per slice.

    Args:
        volume: ``[3, H, W, D]``, red, green, blue in sRGB; uint8, or real numbers in [0, 1].
        affine: 4x4, voxel index to RAS mm.
        anchor: series whose patient, study and slices the image follows (any modality); among `sources`.
        sources: identities of all fused series, in the order they were fused in.
        file: the new file, written whole or not at all.
        derivation: method and settings; default `Derivation()`.
        pseudonym: take the patient's identity out and use this one; default keep it.
        overwrite: replace `file` where it exists.
        series_number: SeriesNumber of the new series.
        created: date and time of making; default now.

    Returns:
        `file`.

    Raises:
        ValueError: the anchor was not read from DICOM, the volume is not three channels of colours, or its grid is
            sheared in the plane.
        FileExistsError: `file` exists and `overwrite` is False.
        FileNotFoundError: the source files are gone; their headers are read again.
    """
    file, derivation = Path(file), derivation or Derivation()
    require_free(file, overwrite)
    check_sources(anchor, sources)
    anchor_header = read_instance(anchor.instances[0].path)
    stack = stack_slices(_as_bytes(volume), affine, anchor, pixel_spacing_of(anchor_header))
    dataset = derive_header(anchor, sources, derivation, "colour", series_number, created)
    dataset.SOPClassUID = MultiFrameTrueColorSecondaryCaptureImageStorage
    dataset.SOPInstanceUID = derivation.uid(anchor, sources, "colour", stack.grid_name)
    dataset.Modality = "OT"
    dataset.ConversionType = "WSD"  # workstation
    dataset.InstanceNumber = 1
    dataset.PatientOrientation = _patient_orientation(stack.orientation)
    _add_pixels(dataset, stack)
    _add_functional_groups(dataset, stack, slice_thickness_of(anchor_header) if stack.on_anchor else None)
    if pseudonym is not None:
        pseudonym.apply(dataset)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with atomic_file(file, overwrite) as filling:
        dataset.save_as(filling, enforce_file_format=True)
    return file


def _as_bytes(volume: torch.Tensor | NDArray[Any]) -> NDArray[np.uint8]:
    colours = as_array(volume)
    if colours.ndim != 4 or len(colours) != 3:
        raise ValueError(f"a colour volume is [3, H, W, D], got an array of shape {tuple(colours.shape)}")
    if colours.dtype == np.uint8:
        return colours
    low, high = float(colours.min()), float(colours.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):  # also when not a number
        raise ValueError(f"colours lie in [0, 1] (or are uint8), got {low:.4g} to {high:.4g}")
    return quantise(colours, 1 / 255, 0.0, np.iinfo(np.uint8))


def _add_pixels(dataset: Dataset, stack: SliceStack) -> None:
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = stack.frames.shape[:3]
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    pixels = stack.frames.tobytes()
    dataset.add_new("PixelData", "OB", pixels + b"\0" * (len(pixels) % 2))


def _add_functional_groups(dataset: Dataset, stack: SliceStack, anchor_thickness: float | None) -> None:
    """Add pixel measures and orientation for all frames, and the position of each (PS3.3 C.7.6.16.2)."""
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [DSfloat(spacing, auto_format=True) for spacing in stack.pixel_spacing]
    measures.SliceThickness = DSfloat(anchor_thickness or stack.slice_spacing, auto_format=True)
    measures.SpacingBetweenSlices = DSfloat(stack.slice_spacing, auto_format=True)
    orientation.ImageOrientationPatient = [DSfloat(cosine, auto_format=True) for cosine in stack.orientation]
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [_frame_group(place) for place in stack.positions]
    dataset.FrameIncrementPointer = _FRAME_GROUPS


def _frame_group(place: NDArray[np.float64]) -> Dataset:
    position, group = Dataset(), Dataset()
    position.ImagePositionPatient = [DSfloat(millimetres, auto_format=True) for millimetres in place]
    group.PlanePositionSequence = [position]
    return group


def _patient_orientation(orientation: Sequence[float]) -> list[str]:
    """Return the anatomical direction of the columns and of the rows, e.g. ``["L", "P"]`` (PS3.3 C.7.6.1.1.1)."""
    letters = []
    for cosines in np.reshape(orientation, (2, 3)):
        axis = int(np.abs(cosines).argmax())
        letters.append("LPH"[axis] if cosines[axis] > 0 else "RAF"[axis])
    return letters
