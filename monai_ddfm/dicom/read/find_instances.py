# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Finding the DICOM instances in a folder, a DICOMDIR, a zip or a list of files."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import UID, MediaStorageDirectoryStorage

from monai_ddfm.dicom.instance_file import (
    PREAMBLE_BYTES,
    ZIP_SEPARATOR,
    begins_as_dicom,
    open_instance,
    read_instance,
)
from monai_ddfm.dicom.read.same_image import is_same_image
from monai_ddfm.dicom.read.source_paths import is_zip_name, source_paths

__all__ = ["Instance", "Source", "find_instances", "is_dicom_source"]

logger = logging.getLogger(__name__)

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_NUMBERS = (  # that the reader asks for
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "NumberOfFrames",
    "PixelPaddingValue",
    "PixelRepresentation",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "SamplesPerPixel",
)
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")


@dataclass(frozen=True)
class Instance:
    """The header of one DICOM file (no pixel data) and where it lies.

    Attributes:
        path: a file, or ``archive.zip!/member``, as `read_instance` takes it.
        header: its attributes, without the pixel data.
    """

    path: str
    header: FileDataset

    @property
    def is_image(self) -> bool:
        """Whether the instance is an image (an RT structure set, a report, a presentation state is not)."""
        return "Rows" in self.header and "Columns" in self.header


def _begins_as_dicom(path: str) -> bool:
    with open_instance(path) as opened:
        return begins_as_dicom(opened.read(PREAMBLE_BYTES + 4))


def is_dicom_source(source: Source) -> bool:
    """Say whether a source may hold DICOM: a folder, zip or DICOMDIR, or files that begin as DICOM files do."""
    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    for one in sources:
        path = Path(one)
        if path.is_dir() or path.name.upper() == "DICOMDIR" or ZIP_SEPARATOR in str(one):
            continue
        if path.suffix.lower() in DICOM_SUFFIXES or is_zip_name(path):
            continue
        if not path.is_file() or not _begins_as_dicom(str(path)):
            return False
    return bool(sources)


def _damage(header: FileDataset) -> str | None:
    """Say what a readable header lacks that every instance must have, None when nothing."""
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        if not header.get(keyword):
            return f"it has no {keyword}"
    if ("Rows" in header) != ("Columns" in header):
        return f"it has no {'Columns' if 'Rows' in header else 'Rows'}"
    for keyword in _NUMBERS:
        try:
            np.asarray(header.get(keyword) or 0, dtype=float)
        except (ValueError, TypeError) as error:
            return f"its {keyword} is no number ({error})"
    if "NumberOfFrames" in header and (problem := _damage_within(header)):
        return problem
    if "Image Storage" in UID(header.SOPClassUID).name and "Rows" not in header:
        return f"it ends before its image attributes, although it is a {UID(header.SOPClassUID).name}"
    return None


def _damage_within(header: FileDataset) -> str | None:
    """Say which number in the functional groups of a multi-frame header is none, None when all are."""
    for element in header.iterall():  # decodes each
        if element.VR in ("DS", "IS") and element.value:
            try:
                np.asarray(element.value, dtype=float)
            except (ValueError, TypeError) as error:
                return f"its {element.keyword or element.tag} is no number ({error})"
    return None


class _Found:
    """What a walk over files has come upon."""

    def __init__(self) -> None:
        self.instances: list[Instance] = []
        self.damaged: dict[str, str] = {}
        self.others: list[str] = []  # no DICOM
        self.namesakes: list[str] = []  # images with another image's UID
        self._first_of: dict[str, Instance] = {}

    def look_at(self, path: str) -> None:
        """Read the header of one file, if it is DICOM."""
        try:
            if not _begins_as_dicom(path) and not path.lower().endswith(DICOM_SUFFIXES):
                self.others.append(path)
                return
            header = read_instance(path)
            if header.get("SOPClassUID") == MediaStorageDirectoryStorage or "DirectoryRecordSequence" in header:
                return
            problem = _damage(header)
        except MemoryError:
            raise
        except Exception as error:  # pydicom raises whatever the broken bytes lead to
            problem = f"{type(error).__name__}: {error}"
        if problem is not None:
            self.damaged[path] = problem
            return
        first = self._first_of.setdefault(str(header.SOPInstanceUID), Instance(path, header))
        if first.path != path:
            if is_same_image(first.path, path):
                logger.warning("%s is a second copy of %s, passed over", path, first.path)
                return
            self.namesakes.append(path)
        self.instances.append(Instance(path, header))


def find_instances(source: Source) -> list[Instance]:
    """Read the headers of all DICOM files in a source; other files are passed over, which is said once.

    Args:
        source: a folder (searched with its subfolders), a DICOMDIR, a zip, one file, or a list of any of these.

    Returns:
        the instances in path order; a file that occurs twice (same SOPInstanceUID, place and pixels) once.

    Raises:
        FileNotFoundError: the source does not exist, or files that a DICOMDIR lists are missing.
        ValueError: files that should be DICOM (by suffix or beginning) cannot be read, each named with the reason;
            a damaged zip; or there is no DICOM file at all.
        MemoryError: a file unpacks to more than memory is free.
    """
    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    found = _Found()
    for path in (path for one in sources for path in source_paths(one)):
        found.look_at(path)
    if found.damaged:
        listed = "\n".join(f"  {path}: {problem}" for path, problem in found.damaged.items())
        raise ValueError(
            f"{len(found.damaged)} DICOM file(s) are truncated or corrupt; fetch them again or remove them, "
            f"the rest is not used without them:\n{listed}"
        )
    if not found.instances:
        raise ValueError(f"no DICOM file in {', '.join(map(str, sources))}")
    if found.others:
        logger.info("%d file(s) are no DICOM and passed over, e.g. %s", len(found.others), found.others[0])
    if found.namesakes:
        logger.warning(
            "%d image(s) have the SOPInstanceUID of another image in another place or with other pixels, e.g. %s; they "
            "are used, but whatever refers to them by UID cannot tell them apart",
            len(found.namesakes),
            found.namesakes[0],
        )
    return found.instances
