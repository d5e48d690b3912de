# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Opening one DICOM instance, on disk or inside a zip."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import pydicom
from pydicom.dataset import FileDataset

__all__ = ["ZIP_SEPARATOR", "open_instance", "read_instance"]

ZIP_SEPARATOR = "!/"
BUFFER_BYTES = 1 << 16


def open_instance(path: str | Path) -> BinaryIO:
    """Open the bytes of an instance, to be closed by the caller.

    Args:
        path: a file, or ``archive.zip!/name/inside.dcm`` for a member of a zip.

    Raises:
        FileNotFoundError: the file, the zip or its member does not exist.
    """
    reference = str(path)
    if ZIP_SEPARATOR in reference and not Path(reference).exists():
        archive, member = reference.split(ZIP_SEPARATOR, 1)
        try:
            with zipfile.ZipFile(archive) as opened:
                # the member stays readable after its archive is closed; a header takes only its first bytes
                return io.BufferedReader(cast(io.RawIOBase, opened.open(member)), BUFFER_BYTES)
        except KeyError as error:
            raise FileNotFoundError(f"{archive} has no member {member}") from error
    return Path(reference).open("rb")


def read_instance(path: str | Path, stop_before_pixels: bool = True) -> FileDataset:
    """Read the dataset of an instance; by default the header only.

    Args:
        path: as for `open_instance` (and as `InstanceIdentity.path` has it).
        stop_before_pixels: leave the pixel data out.

    Raises:
        FileNotFoundError: the file, the zip or its member does not exist.
        pydicom.errors.InvalidDicomError: the bytes are no DICOM file.
    """
    with open_instance(path) as opened:
        content = opened if stop_before_pixels else io.BytesIO(opened.read())
        return pydicom.dcmread(content, stop_before_pixels=stop_before_pixels)
