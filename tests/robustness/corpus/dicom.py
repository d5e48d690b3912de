# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""DICOM series that are wrong in one attribute, cut, mixed up, or packed to do harm."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from monai_ddfm.bundle import BUNDLE_ROOT
from tests.robustness.corpus.bad_input import BadInput

__all__ = ["bad_dicom", "write_series"]

SLICES = 5
_ONE = 2  # the slice that is spoiled where one is


@cache
def _series() -> list[bytes]:
    """The first slices of the shipped PET as files, explicit VR little endian."""
    files = sorted((BUNDLE_ROOT / "example" / "dicom_sts_013" / "PET").glob("*.dcm"), key=_height)[:SLICES]
    return [_bytes(pydicom.dcmread(file)) for file in files]


def _height(file: Path) -> float:
    return float(pydicom.dcmread(file, stop_before_pixels=True).ImagePositionPatient[2])


def _bytes(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(buffer, implicit_vr=False, little_endian=True)
    return buffer.getvalue()


def write_series(folder: Path) -> Path:
    """Write the series into a folder of its own; returns it."""
    target = folder / "PET"
    target.mkdir()
    for k, content in enumerate(_series()):
        (target / f"{k}.dcm").write_bytes(content)
    return target


def _attribute(keyword: str, value: object, everywhere: bool) -> Callable[[Path], Path]:
    """Takes an attribute away (None), sets its number, or puts a text in its place, whatever it should be."""

    def make(folder: Path) -> Path:
        target = write_series(folder)
        for k in range(SLICES) if everywhere else [_ONE]:
            file = target / f"{k}.dcm"
            file.write_bytes(_spoiled(file.read_bytes(), keyword, value))
        return target

    return make


def _spoiled(content: bytes, keyword: str, value: object) -> bytes:
    """The file with the bytes of one attribute replaced; explicit VR little endian."""
    tag = Tag(keyword)
    vr = "OW" if keyword == "PixelData" else dictionary_VR(tag)
    place = content.rfind(struct.pack("<HH", tag.group, tag.element) + vr.encode()[:1])
    assert place > 0, keyword
    long = vr in ("OW", "UN")
    (size,) = struct.unpack_from("<I" if long else "<H", content, place + (8 if long else 6))
    begin = place + (12 if long else 8)
    if value is None:
        return content[:place] + content[begin + size :]
    new = (
        struct.pack("<H", value)
        if isinstance(value, int)
        else value
        if isinstance(value, bytes)
        else str(value).encode("latin1")
    )
    new += b" " * (len(new) % 2)
    length = struct.pack("<I" if long else "<H", len(new))
    return content[: begin - len(length)] + length + new + content[begin + size :]


# keyword, value (None: gone; a text: whatever bytes), whether it is harmless
_ATTRIBUTES: list[tuple[str, object, bool]] = [
    ("ImagePositionPatient", None, False),
    ("ImagePositionPatient", "", False),
    ("ImagePositionPatient", "1\\2", False),
    ("ImagePositionPatient", "a\\b\\c", False),
    ("ImagePositionPatient", "nan\\0\\0", False),
    ("ImagePositionPatient", "1e300\\0\\0", False),
    ("ImageOrientationPatient", None, False),
    ("ImageOrientationPatient", "0\\0\\0\\0\\0\\0", False),
    ("ImageOrientationPatient", "1\\0\\0\\1\\0\\0", False),
    ("ImageOrientationPatient", "2\\0\\0\\0\\2\\0", False),
    ("ImageOrientationPatient", "1\\0\\0\\0\\1", False),
    ("ImageOrientationPatient", "inf\\0\\0\\0\\1\\0", False),
    ("PixelSpacing", None, False),
    ("PixelSpacing", "0\\0", False),
    ("PixelSpacing", "-1\\-1", False),
    ("PixelSpacing", "4", False),
    ("PixelSpacing", "x\\y", False),
    ("PixelSpacing", "1e9\\1e9", False),
    ("Rows", None, False),
    ("Rows", 0, False),
    ("Rows", 65535, False),
    ("Rows", 1, False),
    ("Columns", None, False),
    ("Columns", 0, False),
    ("Columns", 65535, False),
    ("BitsAllocated", None, False),
    ("BitsAllocated", 0, False),
    ("BitsAllocated", 7, False),
    ("BitsAllocated", 32, False),
    ("BitsAllocated", 8, False),
    ("BitsStored", 0, False),
    ("BitsStored", 17, False),
    ("BitsStored", 8, False),
    ("PixelRepresentation", None, False),
    ("PixelRepresentation", 2, False),
    ("SamplesPerPixel", None, False),
    ("SamplesPerPixel", 0, False),
    ("SamplesPerPixel", 3, False),
    ("PhotometricInterpretation", None, False),
    ("PhotometricInterpretation", "RGB", False),
    ("PhotometricInterpretation", "PALETTE COLOR", False),
    ("PhotometricInterpretation", "", False),
    ("RescaleSlope", "0", False),
    ("RescaleSlope", "-1", False),
    ("RescaleSlope", "nan", False),
    ("RescaleSlope", "abc", False),
    ("RescaleSlope", "1e39", False),
    ("RescaleIntercept", "inf", False),
    ("RescaleIntercept", "x", False),
    ("PixelData", None, False),
    ("PixelData", b"", False),
    ("PixelData", b"\x01\x02" * 50, False),
    ("SOPClassUID", None, False),
    ("SOPInstanceUID", None, False),
    ("StudyInstanceUID", None, False),
    ("SeriesInstanceUID", None, False),
    ("SeriesInstanceUID", "1.2.3", False),
    ("PatientID", "Somebody", False),
    ("FrameOfReferenceUID", "1.2.3", False),
]  # fmt: skip
_HARMLESS_ANYWHERE: list[tuple[str, object]] = [
    ("InstanceNumber", None),
    ("InstanceNumber", "x"),
    ("SliceThickness", None),
    ("SliceThickness", "0"),
    ("SeriesDescription", "x" * 200),
    ("HighBit", 3),
    ("StudyDate", "yesterday"),
    ("PatientBirthDate", "99999999"),
    ("Manufacturer", "\xff\xfe"),
]


def _attributes() -> Iterator[BadInput]:
    for keyword, value, harmless in _ATTRIBUTES:
        named = f"{keyword} {'gone' if value is None else repr(value)[:30]}"
        names = "1.2.3" if value == "1.2.3" else "2.dcm"
        yield BadInput(f"one slice: {named}", _attribute(keyword, value, False), harmless, names)
    for keyword, value in _HARMLESS_ANYWHERE:
        named = f"{keyword} {'gone' if value is None else repr(value)[:30]}"
        yield BadInput(f"all slices: {named}", _attribute(keyword, value, True), harmless=True)


def _with_file(name: str, content: bytes, harmless: bool) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        target = write_series(folder)
        (target / name).write_bytes(content)
        return target

    return make


def _files() -> Iterator[BadInput]:
    whole = _series()[_ONE]
    for length in (0, 1, 127, 131, 132, 140, 300, 800, 1500, len(whole) // 2, len(whole) - 1):
        yield BadInput(f"one slice cut to {length}", _with_file("2.dcm", whole[:length], False), names="2.dcm")
    for name, content in {
        "text": b"hello\n" * 99,
        "zeros": bytes(5000),
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(99),
    }.items():
        yield BadInput(f"{name} called .dcm", _with_file("2.dcm", content, False), names="2.dcm")
    for name in ("README.txt", "Thumbs.db", "._1.dcm", ".DS_Store", "notes"):
        yield BadInput(f"{name} among the slices", _with_file(name, b"nothing to see\n" * 20, True), harmless=True)
    yield BadInput("the same slice twice", _with_file("7.dcm", whole, True), harmless=True)
    dataset = pydicom.dcmread(io.BytesIO(whole))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    yield BadInput("two slices at one place", _with_file("7.dcm", _bytes(dataset), False), names="2.dcm")
    yield BadInput("one slice gone", lambda folder: _without(folder, [1]), names="missing")
    yield BadInput("a folder without files", lambda folder: _without(folder, range(SLICES)))
    yield BadInput("nothing there", lambda folder: folder / "PET")
    for syntax in ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.5", "1.2.3.4"):
        content = _spoiled(whole, "TransferSyntaxUID", syntax + "\0" * (len(syntax) % 2))
        (length,) = struct.unpack_from("<I", content, 140)  # of the meta information
        content = content[:140] + struct.pack("<I", length + len(content) - len(whole)) + content[144:]
        yield BadInput(f"transfer syntax {syntax} is untrue", _with_file("2.dcm", content, False), names="2.dcm")


def _without(folder: Path, gone: range | list[int]) -> Path:
    target = write_series(folder)
    for k in gone:
        (target / f"{k}.dcm").unlink()
    return target


def _zips() -> Iterator[BadInput]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for k, content in enumerate(_series()):
            archive.writestr(f"{k}.dcm", content)
    whole = buffer.getvalue()
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.dcm", _series()[0] + bytes(70 << 20))
    outside = io.BytesIO()
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("../../outside.dcm", b"no DICOM")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    encrypted = bytearray(whole)
    for place in range(len(whole) - 4):
        if whole[place : place + 4] == b"PK\x01\x02":
            encrypted[place + 8] |= 1
        if whole[place : place + 4] == b"PK\x03\x04":
            encrypted[place + 6] |= 1
    contents = {
        "cut in the middle": whole[: len(whole) // 2],
        "without its last byte": whole[:-1],
        "empty": b"",
        "of nothing": zipfile_of_nothing(),
        "with one damaged member": bytes(flipped),
        "encrypted": bytes(encrypted),
        "whose member leads outside": outside.getvalue(),
        "that is a text": b"hello",
    }
    for name, content in contents.items():
        yield BadInput(f"a zip {name}", lambda folder, c=content: _zip(folder, c))
    yield BadInput("a zip of 70 MiB of zeros behind the pixels", lambda folder: _zip(folder, bomb.getvalue()))
    yield BadInput("a whole zip", lambda folder: _zip(folder, whole), harmless=True)


def zipfile_of_nothing() -> bytes:
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    return buffer.getvalue()


def _zip(folder: Path, content: bytes) -> Path:
    (folder / "PET.zip").write_bytes(content)
    return folder / "PET.zip"


def bad_dicom() -> list[BadInput]:
    """All of them."""
    return [*_attributes(), *_files(), *_zips()]
