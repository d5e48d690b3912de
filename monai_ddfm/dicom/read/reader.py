# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Reading a DICOM series as a volume, for `monai.transforms.LoadImaged` or on its own."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from monai.config import PathLike
from monai.data import ImageReader, MetaTensor
from monai.utils import ImageMetaKey, MetaKeys, SpaceKeys
from numpy.typing import NDArray

from monai_ddfm.dicom.identity import IDENTITY_KEY, InstanceIdentity, SeriesIdentity
from monai_ddfm.dicom.read.enhanced_pet import enhanced_suv_factor
from monai_ddfm.dicom.read.find_instances import Source, find_instances, is_dicom_source
from monai_ddfm.dicom.read.geometry import StackGeometry, check_in_line, stack_affine, stack_geometry
from monai_ddfm.dicom.read.pixels import read_pixels
from monai_ddfm.dicom.read.regular_grid import to_regular_grid
from monai_ddfm.dicom.read.series import Series, choose_series, group_series
from monai_ddfm.dicom.read.slices import Slice, slices_of
from monai_ddfm.dicom.read.sorting import gaps_between, select_slices, sort_slices
from monai_ddfm.dicom.read.suv import suv_body_weight_factor
from monai_ddfm.io.endings import IMAGE_ENDINGS

__all__ = ["DDFMDicomReader", "parse_choice", "read_series"]

logger = logging.getLogger(__name__)


class DDFMDicomReader(ImageReader):
    """Read one series from a folder, a DICOMDIR, a zip or a list of files, for ``LoadImaged(reader=...)``.

    The array is ``[columns, rows, slices]`` float32 (MONAI's and nibabel's order) in the modality's own values: HU, SUV
    or activity, scanner units. The metadata hold ``affine`` (RAS, mm), ``modality``, ``units`` and, under ``"dicom"``,
    the `SeriesIdentity` as JSON text.

    Files that are no DICOM are left to the loader's other readers, so that one `LoadImaged` reads DICOM and NIfTI
    alike. Everything else is refused in `get_data` rather than in `read`, because `LoadImage` answers an error in
    `read` by trying the next reader, which would load what is refused here.

    Args:
        series_uid: SeriesInstanceUID of the series to read.
        description: text that its SeriesDescription holds, in any case.
        modality: its Modality ("MR", "CT", "PT", "NM"; "PET", "MRI" and "SPECT" are understood).
        select: attribute values of the slices to read, where a series holds several per position, e.g.
            ``{"EchoTime": 30}``.
        allow_gaps: interpolate over missing slices instead of refusing the series.
        suv: convert PET to SUV (body weight) where the header allows it, else warn and keep the file's values.
        series_number: its SeriesNumber.
        likely_modality: the Modality that decides where several series fit the rest.
    """

    def __init__(
        self,
        series_uid: str | None = None,
        description: str | None = None,
        modality: str | None = None,
        select: Mapping[str, Any] | None = None,
        allow_gaps: bool = False,
        suv: bool = True,
        series_number: int | None = None,
        likely_modality: str | None = None,
    ) -> None:
        super().__init__()
        self.series_uid = series_uid
        self.description = description
        self.modality = modality
        self.select = dict(select or {})
        self.allow_gaps = allow_gaps
        self.suv = suv
        self.series_number = series_number
        self.likely_modality = likely_modality

    def choosing(self, text: str | None, likely_modality: str | None = None) -> DDFMDicomReader:
        """Return this reader with a choice in words (see `parse_choice`) added to its own."""
        chosen = copy(self)
        for name, value in ({} if text is None else parse_choice(text)).items():
            setattr(chosen, name, value)
        chosen.likely_modality = likely_modality
        return chosen

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Say whether the source may hold DICOM; the files' beginning counts, not their suffix."""
        return is_dicom_source(_as_source(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Source:
        """Accept a source, which `get_data` then reads.

        Raises:
            ValueError: the source is no DICOM, so that the loader turns to its other readers.
        """
        source = _as_source(data)
        if not is_dicom_source(source):
            raise ValueError(
                f"{source}: no DICOM file, folder, DICOMDIR or zip; the names of NIfTI files and of pictures end in "
                f"{', '.join(IMAGE_ENDINGS)}"
            )
        return source

    def get_data(self, img: Source) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Read the series.

        Args:
            img: what `read` returned.

        Returns:
            the volume ``[columns, rows, slices]`` and its metadata.

        Raises:
            FileNotFoundError: the source is not there.
            ValueError: it holds no, several or damaged series, or one that is no volume; the message says which.
            ImportError: its compression needs a package that is not installed; the message says which.
        """
        series = choose_series(
            group_series(find_instances(img)),
            self.series_uid,
            self.description,
            self.modality,
            self.series_number,
            self.likely_modality,
        )
        slices = [one for instance in series.instances if instance.is_image for one in slices_of(instance)]
        ordered = sort_slices(select_slices(slices, self.select))
        gaps = gaps_between(ordered)
        if gaps and not self.allow_gaps:
            raise ValueError(
                f"slices are missing in {series}:\n  "
                + "\n  ".join(gaps)
                + "\nfetch them, or set allow_gaps to interpolate over the gaps"
            )
        geometry = stack_geometry(ordered)
        check_in_line(ordered, geometry)
        volume = read_pixels(ordered)
        regular = geometry.is_straight and geometry.is_even
        if not regular:
            volume, geometry = _resample(volume, geometry, series.uid, gaps)
        modality = series.attribute("Modality")
        units = _units(ordered, modality)
        if modality == "PT" and self.suv:
            volume, units = _to_suv(volume, units, ordered)
        affine = stack_affine(geometry)
        identity = SeriesIdentity(
            patient_id=series.attribute("PatientID"),
            study_instance_uid=series.attribute("StudyInstanceUID"),
            series_instance_uid=series.uid,
            frame_of_reference_uid=_frame_of_reference(series),
            modality=modality,
            series_description=series.attribute("SeriesDescription"),
            instances=tuple(_instance_identity(one) for one in ordered),
            resampled=not regular,
        )
        return volume, {
            MetaKeys.AFFINE: affine,
            MetaKeys.ORIGINAL_AFFINE: affine.copy(),
            MetaKeys.SPACE: SpaceKeys.RAS,
            MetaKeys.SPATIAL_SHAPE: np.array(volume.shape),
            MetaKeys.ORIGINAL_CHANNEL_DIM: float("nan"),  # MONAI's way to say "no channel"
            "modality": modality,
            "units": units,
            IDENTITY_KEY: identity.to_json(),
        }


def read_series(source: Source, **choice: Any) -> MetaTensor:
    """Read one series as a volume.

    Args:
        source: a folder, a DICOMDIR, a zip, or files.
        choice: the arguments of `DDFMDicomReader`.

    Returns:
        ``[1, columns, rows, slices]`` with the affine (RAS, mm) and the reader's metadata.

    Raises:
        FileNotFoundError, ValueError, ImportError: as `DDFMDicomReader.get_data`.
    """
    volume, meta = DDFMDicomReader(**choice).get_data(source)
    meta[MetaKeys.ORIGINAL_CHANNEL_DIM] = 0
    meta[ImageMetaKey.FILENAME_OR_OBJ] = str(source if isinstance(source, (str, os.PathLike)) else source[0])
    return MetaTensor(torch.from_numpy(volume)[None], meta=meta)


def parse_choice(text: str) -> dict[str, Any]:
    """Return what a person means by a choice of series, as arguments of `DDFMDicomReader`.

    ``1.2.840.113...`` is a SeriesInstanceUID, ``5`` a SeriesNumber, ``EchoTime=30`` or ``EchoTime=30,FlipAngle=8``
    what the slices to read have, anything else a part of the SeriesDescription.
    """
    if re.fullmatch(r"\d+(\.\d+)+", text):
        return {"series_uid": text}
    if text.isdecimal():
        return {"series_number": int(text)}
    if re.fullmatch(r"([A-Z][A-Za-z]+=[^=,]+)(,[A-Z][A-Za-z]+=[^=,]+)*", text):
        return {"select": dict(pair.split("=") for pair in text.split(","))}
    return {"description": text}


def _as_source(data: Any) -> Source:
    """Undo the tuple that `LoadImage` puts a single path into."""
    if isinstance(data, (list, tuple)):
        return str(data[0]) if len(data) == 1 else [str(one) for one in data]
    return str(data)


def _frame_of_reference(series: Series) -> str:
    """The series' frame of reference; "", which is unknown, where every instance has one of its own."""
    uids = {str(one.header.get("FrameOfReferenceUID") or "") for one in series.instances}
    return uids.pop() if len(uids) == 1 else ""


def _instance_identity(one: Slice) -> InstanceIdentity:
    header = one.instance.header
    x, y, z = map(float, one.position)
    (rx, ry, rz), (cx, cy, cz) = one.orientation.tolist()
    return InstanceIdentity(
        sop_class_uid=str(header.SOPClassUID),
        sop_instance_uid=str(header.SOPInstanceUID),
        path=one.instance.path,
        frame_number=one.frame_number,
        image_position=(x, y, z),
        image_orientation=(rx, ry, rz, cx, cy, cz),
    )


def _resample(
    volume: NDArray[np.float32], geometry: StackGeometry, series_uid: str, gaps: Sequence[str]
) -> tuple[NDArray[np.float32], StackGeometry]:
    """Resample to a regular grid, and say so in the log."""
    steps = np.diff(geometry.depths)
    resampled, regular = to_regular_grid(volume, geometry)
    logger.warning(
        "series %s: %d slices (tilt %.2f degrees, steps %.2f to %.2f mm) resampled to a regular grid of %s voxels, "
        "slice spacing %.2f mm%s",
        series_uid,
        len(geometry.depths),
        geometry.tilt_degrees,
        steps.min(),
        steps.max(),
        " x ".join(map(str, resampled.shape)),
        regular.spacing,
        f", interpolated over gaps: {'; '.join(gaps)}" if gaps else "",
    )
    return resampled, regular


def _units(ordered: Sequence[Slice], modality: str) -> str:
    """Return the unit of the rescaled values, "" when the header says none.

    Raises:
        ValueError: the slices are in different units.
    """
    stated = {str(one.attribute("Units") or one.attribute("RescaleType") or "") for one in ordered}
    if len(stated) > 1:
        raise ValueError(
            f"the slices of {ordered[0].name}'s series are in different units: {', '.join(sorted(stated))}"
        )
    unit = stated.pop()
    # PS3.3 C.8.2.1: a CT's output unit is HU unless RescaleType says otherwise
    return "HU" if modality == "CT" and unit in ("", "US") else unit


def _to_suv(volume: NDArray[np.float32], units: str, ordered: Sequence[Slice]) -> tuple[NDArray[np.float32], str]:
    """Convert PET to SUVbw, or warn and leave it."""
    acquired_first = min(
        ordered, key=lambda one: (str(one.attribute("AcquisitionDate")), str(one.attribute("AcquisitionTime")))
    )
    try:
        if acquired_first.attribute("RescaleSlope") is None:
            raise ValueError("RescaleSlope is missing: the stored values are no activity")
        header = acquired_first.instance.header
        is_enhanced = "PerFrameFunctionalGroupsSequence" in header and "Units" not in header
        suv = enhanced_suv_factor(header, units) if is_enhanced else suv_body_weight_factor(header)
    except ValueError as error:
        warnings.warn(
            f"{ordered[0].name}: no SUV ({error}); the PET keeps its own values"
            f"{f' in {units}' if units else ''}, so windows given in SUV do not fit",
            stacklevel=2,
        )
        return volume, units
    logger.info("PET in SUVbw: %s", suv.reason)
    return volume * np.float32(suv.factor), "SUVbw"
