# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Small DICOM series written to disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    generate_uid,
)

SOP_CLASS = {"MR": MRImageStorage, "CT": CTImageStorage, "PT": PositronEmissionTomographyImageStorage}
STUDY, FRAME = "1.2.3.4", "1.2.3.9"

MakeSeries = Callable[..., list[Path]]


def classic_instance(k: int, modality: str = "MR", rows: int = 6, columns: int = 5, **attributes: Any) -> FileDataset:
    """One slice, 2 mm above the one before, whose pixels say where they are."""
    dataset = FileDataset("", {}, preamble=b"\0" * 128, file_meta=FileMetaDataset())
    dataset.SOPClassUID = SOP_CLASS.get(modality, MRImageStorage)
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY, f"{STUDY}.1", FRAME
    dataset.StudyID, dataset.SeriesNumber, dataset.StudyDate, dataset.StudyTime = "1", 1, "20200102", "100000"
    dataset.PatientID, dataset.PatientName, dataset.Modality = "P1", "A^B", modality
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.InstanceNumber = k + 1
    dataset.ImagePositionPatient = [-10.0, -20.0, 2.0 * k]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [1.5, 1.25], 2.0
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = rows, columns, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    row, column = np.mgrid[:rows, :columns]
    dataset.PixelData = (100 * k + 10 * row + column).astype("<u2").tobytes()
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


@pytest.fixture
def make_series(tmp_path: Path) -> MakeSeries:
    """Return a function that writes a series: ``make_series(folder, count, each=[{...}, ...], **attributes)``."""

    def make(
        folder: str = "series", count: int = 4, each: Sequence[dict[str, Any]] | None = None, **attributes: Any
    ) -> list[Path]:
        target = tmp_path / folder
        target.mkdir(parents=True, exist_ok=True)
        paths = []
        for k in range(len(each) if each is not None else count):
            own = {**attributes, **(each[k] if each is not None else {})}
            path = target / f"{k:03d}.dcm"
            classic_instance(k, **own).save_as(path)
            paths.append(path)
        return paths

    return make


@pytest.fixture
def make_nuclear_medicine(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a reconstructed SPECT, one instance whose first slice lies at z = 7 mm."""

    def make(slices: int = 3, spacing: float = 4.0, **attributes: Any) -> Path:
        detector = Dataset()
        detector.ImagePositionPatient, detector.ImageOrientationPatient = [0, 0, 7], [1, 0, 0, 0, 1, 0]
        dataset = classic_instance(0, "NM", SOPClassUID=NuclearMedicineImageStorage)
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        dataset.DetectorInformationSequence = [detector]
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
        dataset.NumberOfFrames, dataset.NumberOfSlices, dataset.SpacingBetweenSlices = slices, slices, spacing
        dataset.SliceVector, dataset.FrameIncrementPointer = list(range(1, slices + 1)), 0x00540080
        k, row, column = np.mgrid[:slices, : dataset.Rows, : dataset.Columns]
        dataset.PixelData = (100 * k + 10 * row + column).astype("<u2").tobytes()
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.save_as(tmp_path / "nm.dcm")
        return tmp_path / "nm.dcm"

    return make


def enhanced_groups(count: int, step: float = 2.5) -> tuple[Dataset, list[Dataset]]:
    """The shared functional groups and those of `count` frames, `step` mm apart along z."""
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1.5, 1.25], step
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    frames = []
    for k in range(count):
        frame, position = Dataset(), Dataset()
        position.ImagePositionPatient = [-10.0, -20.0, step * k]
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    return shared, frames


@pytest.fixture
def make_enhanced(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an enhanced MR of some frames: ``make_enhanced(count, change, **attributes)``.

    `change` is called with the shared and the per-frame functional groups before they are written.
    """

    def make(count: int = 3, change: Callable[[Dataset, list[Dataset]], None] | None = None, **attributes: Any) -> Path:
        shared, frames = enhanced_groups(count)
        if change is not None:
            change(shared, frames)
        dataset = classic_instance(0, "MR")
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.PixelSpacing
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
        dataset.NumberOfFrames = count
        dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], frames
        k, row, column = np.mgrid[:count, : dataset.Rows, : dataset.Columns]
        dataset.PixelData = (100 * k + 10 * row + column).astype("<u2").tobytes()
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.save_as(tmp_path / "enhanced.dcm")
        return tmp_path / "enhanced.dcm"

    return make
