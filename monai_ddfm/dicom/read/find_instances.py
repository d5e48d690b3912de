# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Finding the DICOM instances in a folder, a DICOMDIR, a zip or a list of files."""

from __future__ import annotations

import logging
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import FileDataset
from pydicom.uid import UID, MediaStorageDirectoryStorage

from monai_ddfm.dicom.instance_file import ZIP_SEPARATOR, open_instance, read_instance

__all__ = ["Instance", "find_instances", "is_dicom_source"]

logger = logging.getLogger(__name__)

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
PREAMBLE_BYTES = 128


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


def _paths(source: str | os.PathLike[str]) -> Iterator[str]:
    """Walk one folder (recursively), DICOMDIR, zip or file."""
    path = Path(source)
    if not path.exists():
        if ZIP_SEPARATOR in str(source):
            yield str(source)
            return
        raise FileNotFoundError(f"{path} does not exist: give a folder, a DICOMDIR, a zip or DICOM files")
    if path.is_dir():
        yield from (str(file) for file in sorted(path.rglob("*")) if file.is_file())
    elif path.name.upper() == "DICOMDIR":
        yield from _dicomdir_paths(path)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = sorted(member.filename for member in archive.infolist() if not member.is_dir())
        yield from (f"{path}{ZIP_SEPARATOR}{member}" for member in members)
    else:
        yield str(path)


def _dicomdir_paths(dicomdir: Path) -> Iterator[str]:
    records = read_instance(dicomdir).get("DirectoryRecordSequence") or []
    # ReferencedFileID is one name, or the names of the folders and of the file
    names = [record.ReferencedFileID for record in records if record.get("ReferencedFileID")]
    paths = [dicomdir.parent.joinpath(*([name] if isinstance(name, str) else name)) for name in names]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{dicomdir} lists {len(paths)} files, {len(missing)} of them are not there; copy the whole medium: "
            f"{', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}"
        )
    yield from (str(path) for path in sorted(paths))


def _has_dicom_prefix(path: str) -> bool:
    with open_instance(path) as opened:
        return opened.read(PREAMBLE_BYTES + 4)[PREAMBLE_BYTES:] == b"DICM"


def is_dicom_source(source: Source) -> bool:
    """Say whether a source may hold DICOM: a folder, zip or DICOMDIR, or files that begin as DICOM files do."""
    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    for one in sources:
        path = Path(one)
        if path.is_dir() or path.name.upper() == "DICOMDIR" or ZIP_SEPARATOR in str(one):
            continue
        if path.suffix.lower() in (*DICOM_SUFFIXES, ".zip"):
            continue
        if not path.is_file() or not _has_dicom_prefix(str(path)):
            return False
    return bool(sources)


def _damage(header: FileDataset) -> str | None:
    """Say what a readable header lacks that every instance must have, None when nothing."""
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        if not header.get(keyword):
            return f"it has no {keyword}"
    if "Image Storage" in UID(header.SOPClassUID).name and "Rows" not in header:
        return f"it ends before its image attributes, although it is a {UID(header.SOPClassUID).name}"
    return None


def find_instances(source: Source) -> list[Instance]:
    """Read the headers of all DICOM files in a source; other files are passed over.

    Args:
        source: a folder (searched with its subfolders), a DICOMDIR, a zip, one file, or a list of any of these.

    Returns:
        the instances in path order; a file that occurs twice (same SOPInstanceUID) once.

    Raises:
        FileNotFoundError: the source does not exist, or files that a DICOMDIR lists are missing.
        ValueError: files that should be DICOM (by suffix or prefix) cannot be read, each named with the reason; or
            there is no DICOM file at all.
    """
    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    instances: dict[str, Instance] = {}
    damaged: dict[str, str] = {}
    for path in (path for one in sources for path in _paths(one)):
        expected = _has_dicom_prefix(path)
        if not expected and not path.lower().endswith(DICOM_SUFFIXES):
            continue
        try:
            header = read_instance(path)
            if header.get("SOPClassUID") == MediaStorageDirectoryStorage or "DirectoryRecordSequence" in header:
                continue
            problem = _damage(header)
        except Exception as error:  # pydicom raises whatever the broken bytes lead to
            problem = f"{type(error).__name__}: {error}"
        if problem is not None:
            damaged[path] = problem
        elif (uid := str(header.SOPInstanceUID)) in instances:
            logger.warning("%s is a second copy of %s, passed over", path, instances[uid].path)
        else:
            instances[uid] = Instance(path, header)
    if damaged:
        listed = "\n".join(f"  {path}: {problem}" for path, problem in damaged.items())
        raise ValueError(
            f"{len(damaged)} DICOM file(s) are truncated or corrupt; fetch them again or remove them, "
            f"the rest is not used without them:\n{listed}"
        )
    if not instances:
        raise ValueError(f"no DICOM file in {', '.join(map(str, sources))}")
    return list(instances.values())
