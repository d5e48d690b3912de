# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""One volume in every layout that scanners write it in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    NuclearMedicineImageStorage,
)

from tests.dicom.conftest import classic_instance
from tests.dicom.csa_header import csa_header

__all__ = ["LAYOUTS", "Stack"]

Pixels = NDArray[np.uint16]  # [slices, rows, columns]


@dataclass(frozen=True)
class Stack:
    """Where the pixels of a volume lie, LPS in mm.

    Attributes:
        first: centre of the first pixel of the first slice.
        row: direction of increasing columns.
        column: direction of increasing rows.
        step: from a slice to the next.
        spacing: between rows, between columns.
    """

    first: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    step: NDArray[np.float64]
    spacing: tuple[float, float]

    def position(self, k: int) -> NDArray[np.float64]:
        """The centre of the first pixel of slice `k`."""
        return self.first + k * self.step

    def places(self, count: int, rows: int, columns: int) -> NDArray[np.float64]:
        """The centres of all pixels ``[slices, rows, columns, 3]``."""
        k, j, i = np.meshgrid(np.arange(count), np.arange(rows), np.arange(columns), indexing="ij")
        across = j[..., None] * self.spacing[0] * self.column + i[..., None] * self.spacing[1] * self.row
        return self.first + k[..., None] * self.step + across


def _decimals(values: Sequence[float] | NDArray[np.float64], digits: int = 8) -> list[str]:
    """Decimal strings of at most 16 characters."""
    return [f"{value:.{digits}f}" for value in values]


def _instance(stack: Stack, pixels: NDArray[np.uint16], modality: str, k: int = 0, **attributes: Any) -> FileDataset:
    """An image of `pixels`, whose place is that of slice `k`."""
    rows, columns = pixels.shape[-2:]
    dataset = classic_instance(k, modality, rows, columns, **attributes)
    dataset.PixelSpacing, dataset.SliceThickness = _decimals(stack.spacing), f"{np.linalg.norm(stack.step):.8f}"
    dataset.ImagePositionPatient = _decimals(stack.position(k))
    dataset.ImageOrientationPatient = _decimals([*stack.row, *stack.column])
    dataset.PixelData = pixels.astype("<u2").tobytes()
    return dataset


def _classic(modality: str, **attributes: Any) -> Callable[[Path, Stack, Pixels], Path]:
    def write(folder: Path, stack: Stack, pixels: Pixels) -> Path:
        folder.mkdir()
        for k, image in enumerate(pixels):
            _instance(stack, image, modality, k, **attributes).save_as(folder / f"{k:03d}.dcm")
        return folder

    return write


def _enhanced(sop_class: str, modality: str) -> Callable[[Path, Stack, Pixels], Path]:
    def write(folder: Path, stack: Stack, pixels: Pixels) -> Path:
        folder.mkdir()
        dataset = _instance(stack, pixels, modality, SOPClassUID=sop_class, NumberOfFrames=len(pixels))
        shared, measures, orientation = Dataset(), Dataset(), Dataset()
        measures.PixelSpacing, measures.SliceThickness = dataset.PixelSpacing, dataset.SliceThickness
        orientation.ImageOrientationPatient = dataset.ImageOrientationPatient
        shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
        frames = []
        for k in range(len(pixels)):
            frame, place, rescale = Dataset(), Dataset(), Dataset()
            place.ImagePositionPatient = _decimals(stack.position(k))
            rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = 1, 0, "US"
            frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [place], [rescale]
            frames.append(frame)
        dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], frames
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.PixelSpacing
        dataset.save_as(folder / "enhanced.dcm")
        return folder

    return write


def _mosaic(tell: Callable[[Dataset, Stack, int], None]) -> Callable[[Path, Stack, Pixels], Path]:
    def write(folder: Path, stack: Stack, pixels: Pixels) -> Path:
        folder.mkdir()
        count, rows, columns = pixels.shape
        side = math.ceil(math.sqrt(count))
        tiles = np.zeros((side * rows, side * columns), np.uint16)
        for k, image in enumerate(pixels):
            tiles[k // side * rows :][:rows, k % side * columns :][:, :columns] = image
        dataset = _instance(stack, tiles, "MR")
        # the position is that of an image of the mosaic's size with the slice's centre
        beyond = stack.row * columns * stack.spacing[1] + stack.column * rows * stack.spacing[0]
        dataset.ImagePositionPatient = _decimals(stack.first - (side - 1) / 2 * beyond)
        dataset.SpacingBetweenSlices = f"{np.linalg.norm(stack.step):.8f}"
        tell(dataset, stack, count)
        dataset.save_as(folder / "mosaic.dcm")
        return folder

    return write


def _tell_siemens(dataset: Dataset, stack: Stack, count: int) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    normal = stack.step / np.linalg.norm(stack.step)
    content = {"NumberOfImagesInMosaic": [count], "SliceNormalVector": normal}
    dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", csa_header(content))


def _tell_united_imaging(dataset: Dataset, stack: Stack, count: int) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "VFRAME"]
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x50, "DS", str(count))
    items = []
    for k in range(count):
        item = Dataset()
        item.ImagePositionPatient = _decimals(stack.position(k))
        items.append(item)
    block.add_new(0x51, "SQ", items)


def _nuclear_medicine(folder: Path, stack: Stack, pixels: Pixels) -> Path:
    folder.mkdir()
    count = len(pixels)
    dataset = _instance(
        stack, pixels, "NM", SOPClassUID=NuclearMedicineImageStorage, NumberOfFrames=count, NumberOfSlices=count
    )
    detector = Dataset()
    detector.ImagePositionPatient = dataset.ImagePositionPatient
    detector.ImageOrientationPatient = dataset.ImageOrientationPatient
    del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
    dataset.DetectorInformationSequence = [detector]
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    dataset.SpacingBetweenSlices = f"{np.linalg.norm(stack.step):.8f}"
    dataset.SliceVector, dataset.FrameIncrementPointer = list(range(1, count + 1)), 0x00540080
    dataset.save_as(folder / "nm.dcm")
    return folder


LAYOUTS: dict[str, Callable[[Path, Stack, Pixels], Path]] = {
    "classic MR": _classic("MR"),
    "classic CT": _classic("CT", RescaleSlope=1, RescaleIntercept=0),
    "classic PET": _classic("PT", RescaleSlope=1, RescaleIntercept=0, Units="NONE"),
    "enhanced MR": _enhanced(EnhancedMRImageStorage, "MR"),
    "enhanced CT": _enhanced(EnhancedCTImageStorage, "CT"),
    "enhanced PET": _enhanced(EnhancedPETImageStorage, "PT"),
    "Siemens mosaic": _mosaic(_tell_siemens),
    "United Imaging mosaic": _mosaic(_tell_united_imaging),
    "NM multi-frame": _nuclear_medicine,
}
"""Each writes a volume into a new folder and returns it. A tilted gantry is a `Stack.step` across its slices."""
