# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Writing a fused grey volume as a derived series, one file per slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, NuclearMedicineImageStorage
from pydicom.valuerep import DSfloat

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.write.classic_objects import CLASSIC_OBJECTS
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.derived_header import check_sources, derive_header
from monai_ddfm.dicom.write.nuclear_medicine import complete_nuclear_medicine
from monai_ddfm.dicom.write.slice_stack import SliceStack, as_array, stack_slices
from monai_ddfm.dicom.write.source_geometry import pixel_spacing_of, slice_thickness_of
from monai_ddfm.dicom.write.source_references import encode_sequences
from monai_ddfm.dicom.write.stored_values import StoredValues, store_values
from monai_ddfm.io.atomic import atomic_folder, require_free

__all__ = ["SOFT_TISSUE_HU", "write_grey_series"]

NUCLEAR = "NM"
SOFT_TISSUE_HU = (-160.0, 240.0)  # centre 40, width 400, as radiologists have it


def write_grey_series(
    volume: torch.Tensor | NDArray[Any],
    affine: torch.Tensor | NDArray[Any],
    anchor: SeriesIdentity,
    sources: Sequence[SeriesIdentity],
    folder: str | Path,
    derivation: Derivation | None = None,
    window: tuple[float, float] | None = None,
    pseudonym: Pseudonym | None = None,
    overwrite: bool = False,
    series_number: int = 900,
    created: datetime | None = None,
    soft_tissue: bool = False,
) -> list[Path]:
    """Write a fused volume as a series of the anchor's study, frame of reference and kind of image object.

    Args:
        volume: ``[1, H, W, D]``, finite numbers in any unit.
        affine: 4x4, voxel index to RAS mm.
        anchor: series that the new one lies in; it must be among `sources`.
        sources: identities of all fused series, in the order they were fused in.
        folder: the new series' folder, filled whole or not at all.
        derivation: method and settings; default `Derivation()`.
        window: (black, white) in the volume's unit, as the preview shows it; default its least and greatest value.
        pseudonym: take the patient's identity out and use this one; default keep it.
        overwrite: replace `folder` where it exists.
        series_number: SeriesNumber of the new series.
        created: date and time of making; default now.
        soft_tissue: the values are Hounsfield units by and large: offer the usual window of soft tissue first, and
            `window`, which also holds bone, second.

    Returns:
        the files in slice order; one file of all slices for NM.

    Raises:
        ValueError: the anchor was not read from DICOM or has no MR, CT, PET or NM object, the volume is not one
            channel of finite numbers, its grid is sheared in the plane, or the window is empty.
        FileExistsError: `folder` exists and `overwrite` is False.
        FileNotFoundError: the source files are gone; their headers are read again.
    """
    folder, derivation = Path(folder), derivation or Derivation()
    require_free(folder, overwrite)
    check_sources(anchor, sources)
    if anchor.modality not in (*CLASSIC_OBJECTS, NUCLEAR):
        raise ValueError(
            f"a grey series needs an anchor of modality {', '.join((*CLASSIC_OBJECTS, NUCLEAR))}, got "
            f"{anchor.modality or 'none'}; choose another anchor, or write NIfTI"
        )
    if len(volume) != 1:
        raise ValueError(f"a grey volume has one channel, got {len(volume)}; write colour with write_colour_image")
    anchor_header = read_instance(anchor.instances[0].path)
    stored = store_values(as_array(volume), anchor.modality)
    stack = stack_slices(stored.pixels, affine, anchor, pixel_spacing_of(anchor_header))
    dataset = derive_header(anchor, sources, derivation, "grey", series_number, created)
    dataset.Modality = anchor.modality
    is_nuclear = anchor.modality == NUCLEAR
    dataset.SOPClassUID = NuclearMedicineImageStorage if is_nuclear else CLASSIC_OBJECTS[anchor.modality].sop_class_uid
    _add_pixel_description(dataset, stack, stored)
    _add_plane(dataset, stack, slice_thickness_of(anchor_header) if stack.on_anchor else None)
    if is_nuclear:
        complete_nuclear_medicine(dataset, stored, stack)
        stack = replace(stack, frames=stack.frames[None])  # all slices in one instance
    else:
        CLASSIC_OBJECTS[anchor.modality].complete(dataset, stored)
    _add_windows(dataset, stored, [SOFT_TISSUE_HU, window] if soft_tissue and window != SOFT_TISSUE_HU else [window])
    uids = [derivation.uid(anchor, sources, "grey", stack.grid_name, str(k)) for k in range(len(stack.frames))]
    if pseudonym is not None:
        pseudonym.apply(dataset)
        uids = [pseudonym.uid(uid) for uid in uids]
    with atomic_folder(folder, overwrite) as filling:
        names = [f"{k + 1:04d}.dcm" for k in range(len(uids))]
        _write_slices(dataset, stack, uids, [filling / name for name in names])
    return [folder / name for name in names]


def _add_pixel_description(dataset: Dataset, stack: SliceStack, stored: StoredValues) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stack.frames.shape[1:3]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(stored.signed)


def _add_plane(dataset: Dataset, stack: SliceStack, anchor_thickness: float | None) -> None:
    dataset.PixelSpacing = [DSfloat(spacing, auto_format=True) for spacing in stack.pixel_spacing]
    dataset.ImageOrientationPatient = [DSfloat(cosine, auto_format=True) for cosine in stack.orientation]
    dataset.SliceThickness = DSfloat(anchor_thickness or stack.slice_spacing, auto_format=True)
    if dataset.Modality != "PT":
        dataset.SpacingBetweenSlices = DSfloat(stack.slice_spacing, auto_format=True)
    else:
        dataset.NumberOfSlices = len(stack.frames)


def _add_windows(dataset: Dataset, stored: StoredValues, windows: Sequence[tuple[float, float] | None]) -> None:
    """Add windows in output units: after the rescale, or stored values for MR and NM. The first is shown."""
    least, greatest = int(stored.pixels.min()), int(stored.pixels.max())  # as numbers that do not wrap around
    whole = (
        least * stored.slope + stored.intercept,
        max(greatest, least + 1) * stored.slope + stored.intercept,
    )
    ends = [window or whole for window in windows]
    for low, high in ends:
        if not low < high:
            raise ValueError(f"a window is (black, white) with black below white, got {(low, high)}")
    if dataset.Modality in ("MR", NUCLEAR):
        ends = [
            ((low - stored.intercept) / stored.slope, (high - stored.intercept) / stored.slope) for low, high in ends
        ]
    dataset.WindowCenter = [DSfloat(float(low + high) / 2, auto_format=True) for low, high in ends]
    dataset.WindowWidth = [DSfloat(float(high - low), auto_format=True) for low, high in ends]
    # LINEAR would shift the window by half a unit, which is all of a window from 0 to 1 (PS3.3 C.11.2.1.3)
    dataset.VOILUTFunction = "LINEAR_EXACT"
    names = ["Soft tissue" if window == SOFT_TISSUE_HU else "Fused image" for window in windows]
    dataset.WindowCenterWidthExplanation = names


def _write_slices(dataset: Dataset, stack: SliceStack, uids: Sequence[UID], files: Sequence[Path]) -> None:
    encode_sequences(dataset)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    little_endian = stack.frames.astype(stack.frames.dtype.newbyteorder("<"), copy=False)
    for k, (uid, file) in enumerate(zip(uids, files, strict=True)):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.InstanceNumber = k + 1
        if dataset.Modality != NUCLEAR:
            dataset.ImagePositionPatient = [DSfloat(number, auto_format=True) for number in stack.positions[k]]
        if dataset.Modality == "PT":
            dataset.ImageIndex = k + 1
        dataset.add_new("PixelData", "OW", little_endian[k].tobytes())
        dataset.save_as(file, enforce_file_format=True)
