# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Opening one DICOM instance, on disk or inside a zip."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import pydicom
from pydicom.dataset import FileDataset
from pydicom.filereader import read_partial
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from monai_ddfm.io.memory import require_memory

__all__ = ["PREAMBLE_BYTES", "ZIP_SEPARATOR", "begins_as_dicom", "open_instance", "read_instance", "size_of"]

ZIP_SEPARATOR = "!/"
BUFFER_BYTES = 1 << 16
PREAMBLE_BYTES = 128
DEFERRED_BYTES = 1 << 28  # no attribute of a header is larger
_FIRST_VALUES = (b"UI", b"UL", b"CS", b"SH", b"LO", b"DA", b"OB")
_LONGEST_FIRST_VALUE = 256
_META_BYTES = 2048
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # float, double and integer; a tag 0 is padding behind the dataset


def _split(reference: str) -> tuple[str, str] | None:
    """The zip and the member of a reference, None for a file of its own."""
    if ZIP_SEPARATOR not in reference or Path(reference).exists():
        return None
    archive, member = reference.split(ZIP_SEPARATOR, 1)
    return archive, member


def open_instance(path: str | Path) -> BinaryIO:
    """Open the bytes of an instance, to be closed by the caller.

    Args:
        path: a file, or ``archive.zip!/name/inside.dcm`` for a member of a zip.

    Raises:
        FileNotFoundError: the file, the zip or its member does not exist.
    """
    inside = _split(str(path))
    if inside is None:
        return Path(path).open("rb")
    archive, member = inside
    try:
        with zipfile.ZipFile(archive) as opened:
            # the member stays readable after its archive is closed; a header takes only its first bytes
            return io.BufferedReader(cast(io.RawIOBase, opened.open(member)), BUFFER_BYTES)
    except KeyError as error:
        raise FileNotFoundError(f"{archive} has no member {member}") from error


def size_of(path: str | Path) -> int:
    """Return the number of bytes of an instance, unpacked."""
    inside = _split(str(path))
    if inside is None:
        return Path(path).stat().st_size
    with zipfile.ZipFile(inside[0]) as opened:
        return opened.getinfo(inside[1]).file_size


def begins_as_dicom(beginning: bytes) -> bool:
    """Say whether a file's first bytes are DICOM's: 128 bytes and DICM, or, as old files have it, a dataset at once."""
    return beginning[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == b"DICM" or _begins_with_dataset(beginning)


def _begins_with_dataset(beginning: bytes) -> bool:
    """Whether the first bytes are an attribute of group 0002 or 0008 in little endian, as sorted datasets begin."""
    if len(beginning) < 8:
        return False
    group, element, length = struct.unpack("<HHI", beginning[:8])
    if group not in (0x0002, 0x0008) or element > 0x0018:
        return False
    return beginning[4:6] in _FIRST_VALUES or (length <= _LONGEST_FIRST_VALUE and length % 2 == 0)


def read_instance(path: str | Path, stop_before_pixels: bool = True) -> FileDataset:
    """Read the dataset of an instance; by default the header only.

    A file without preamble and meta information (before DICOM of 1993, or stripped) is read as what it says itself:
    little endian, with or without value representations.

    Args:
        path: as for `open_instance` (and as `InstanceIdentity.path` has it).
        stop_before_pixels: leave the pixel data out.

    Raises:
        FileNotFoundError: the file, the zip or its member does not exist.
        MemoryError: it is larger, unpacked, than memory is free.
        pydicom.errors.InvalidDicomError: the bytes are no DICOM file.
    """
    with open_instance(path) as opened:
        beginning = opened.read(_META_BYTES)
        opened.seek(0)
        _check_unpacked_size(path, beginning, stop_before_pixels)
        content = opened if stop_before_pixels else io.BytesIO(opened.read())
        dataset = read_partial(
            content,
            lambda tag, vr, length: tag == 0 or (stop_before_pixels and tag in _PIXELS),
            defer_size=DEFERRED_BYTES if stop_before_pixels else None,
            force=_begins_with_dataset(beginning),
        )
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit = dataset.original_encoding[0]
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return dataset


def _check_unpacked_size(path: str | Path, beginning: bytes, stop_before_pixels: bool) -> None:
    """Refuse what unpacks to more than memory holds: a whole file, or a deflated dataset, which is unpacked at once."""
    if not stop_before_pixels:
        require_memory(size_of(path), f"reading {path}")
    if str(DeflatedExplicitVRLittleEndian).encode() in beginning:
        require_memory(_inflated_size(path), f"unpacking {path}")


def _inflated_size(path: str | Path) -> int:
    """Count what a deflated dataset unpacks to, keeping none of it."""
    with open_instance(path) as opened:
        pydicom.filereader.read_preamble(opened, False)
        pydicom.filereader._read_file_meta_info(opened)
        stream, count = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while not stream.eof and (packed := opened.read(BUFFER_BYTES)):
            while packed and not stream.eof:  # what follows the stream's end is padding
                count += len(stream.decompress(packed, 1 << 24))
                packed = stream.unconsumed_tail
    return count
