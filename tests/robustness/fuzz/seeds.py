# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Whole files of every kind, small, that mutation begins with."""

from __future__ import annotations

import gzip
import io
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.fileset import FileSet
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from tests.dicom.layouts import LAYOUTS, Stack

__all__ = ["PIXELS", "STACK", "medium", "seeds_of"]

STACK = Stack(np.zeros(3), np.eye(3)[0], np.eye(3)[1], 2 * np.eye(3)[2], (2.0, 2.0))
PIXELS = np.arange(4 * 6 * 5, dtype=np.uint16).reshape(4, 6, 5)


def seeds_of(target: str) -> list[bytes]:
    """Return whole files for a target of `TARGETS`."""
    return list(_KINDS[target]())


def _nifti() -> Iterator[bytes]:
    for dtype in (np.int16, np.float32, np.uint8, np.float64):
        yield nibabel.Nifti1Image(PIXELS.astype(dtype), np.diag([2.0, 2.0, 2.0, 1.0])).to_bytes()
    yield nibabel.Nifti2Image(PIXELS.astype(np.float32), np.eye(4)).to_bytes()
    big = nibabel.Nifti1Header(endianness=">")
    big.set_data_dtype(np.int16)
    yield nibabel.Nifti1Image(PIXELS.astype(">i2"), np.eye(4), header=big).to_bytes()
    scaled = nibabel.Nifti1Image(PIXELS.astype(np.int16), np.eye(4))
    scaled.header.set_slope_inter(2.0, -5.0)
    yield scaled.to_bytes()


def _nifti_gz() -> Iterator[bytes]:
    yield from _nifti()
    yield gzip.compress(next(_nifti()), mtime=0)


def _dicom() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        for kind, write in LAYOUTS.items():
            file = min(write(Path(folder, kind), STACK, PIXELS).iterdir())
            yield file.read_bytes()
        for syntax in (ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless):
            dataset, buffer = dcmread(Path(folder, "classic MR", "000.dcm")), io.BytesIO()
            if syntax == RLELossless:
                dataset.compress(RLELossless)
            else:
                dataset.file_meta.TransferSyntaxUID = syntax
            dataset.save_as(buffer, enforce_file_format=True)
            yield buffer.getvalue()
        yield Path(folder, "classic MR", "000.dcm").read_bytes()[132:]  # without preamble


@cache
def medium() -> dict[str, bytes]:
    """The files of a medium by their place on it: DICOMDIR and the images that it lists."""
    with tempfile.TemporaryDirectory() as folder:
        files, root = FileSet(), Path(folder, "medium")
        for file in LAYOUTS["classic MR"](Path(folder, "series"), STACK, PIXELS).iterdir():
            files.add(file)
        files.write(root)
        return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def _dicomdir() -> Iterator[bytes]:
    yield medium()["DICOMDIR"]


def _zip() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        files = sorted(LAYOUTS["classic MR"](Path(folder, "series"), STACK, PIXELS[:2]).iterdir())
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", method) as archive:
                for file in files:
                    archive.write(file, f"series/{file.name}")
                archive.writestr("readme.txt", "no image")
            yield buffer.getvalue()


def _picture() -> Iterator[bytes]:
    grey = np.arange(12 * 9, dtype=np.uint8).reshape(12, 9)
    colour = np.stack([grey, grey[::-1], grey + 7], axis=-1)
    for picture in (
        Image.fromarray(grey),
        Image.fromarray(colour),
        Image.fromarray(grey.astype(np.uint16) * 257),
        Image.fromarray(colour).convert("P"),
        Image.fromarray(colour).convert("RGBA"),
        Image.fromarray(grey > 50),
    ):
        for form in ("PNG", "JPEG"):
            buffer = io.BytesIO()
            if form == "JPEG" and picture.mode not in ("L", "RGB"):
                continue
            exif = Image.Exif()
            exif[0x0112] = 6  # orientation
            picture.save(buffer, form, **({"exif": exif} if picture.mode == "L" else {}))
            yield buffer.getvalue()


_KINDS = {
    "nifti": _nifti,
    "nifti_gz": _nifti_gz,
    "dicom": _dicom,
    "dicomdir": _dicomdir,
    "zip": _zip,
    "picture": _picture,
}
