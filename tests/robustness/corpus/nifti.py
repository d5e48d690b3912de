# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""NIfTI files that are cut, changed in one place of their header, wrongly packed, or of another kind."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from tests.robustness.corpus.bad_input import BadInput, example_volume

__all__ = ["bad_nifti", "clean_nifti"]

# places in the header (NIfTI-1, nifti1.h)
_DIM, _DATATYPE, _BITPIX, _PIXDIM, _VOX_OFFSET, _SLOPE, _INTER = 40, 70, 72, 76, 108, 112, 116
_QUATERN, _SFORM, _MAGIC = 256, 280, 344


@cache
def clean_nifti() -> bytes:
    """A whole uncompressed file."""
    return example_volume().to_bytes()


def _file(content: Callable[[], bytes], name: str = "MR.nii") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content())
        return folder / name

    return make


def _with(place: int, kind: str, *values: float) -> Callable[[], bytes]:
    def content() -> bytes:
        changed = bytearray(clean_nifti())
        struct.pack_into(f"<{len(values)}{kind}", changed, place, *values)
        return bytes(changed)

    return content


def _of(voxels: Callable[[np.ndarray], np.ndarray]) -> Callable[[], bytes]:
    def content() -> bytes:
        image = example_volume()
        changed = voxels(np.asarray(image.dataobj))
        return nibabel.Nifti1Image(changed, image.affine, dtype=changed.dtype).to_bytes()

    return content


def _cut() -> Iterator[BadInput]:
    size = len(clean_nifti())
    for length in (0, 1, 4, 347, 348, 351, 352, 353, 540, size // 2, size - 1):
        yield BadInput(f"cut to {length}", _file(lambda n=length: clean_nifti()[:n]))
    packed = gzip.compress(clean_nifti(), mtime=0)
    for length in (0, 1, 9, 10, 18, 200, len(packed) // 2, len(packed) - 8, len(packed) - 4, len(packed) - 1):
        yield BadInput(f"gz cut to {length}", _file(lambda n=length: packed[:n], "MR.nii.gz"))


def _header() -> Iterator[BadInput]:
    nan, inf = float("nan"), float("inf")
    fields: list[tuple[str, int, str, Any, bool]] = [
        *((f"{n} dimensions", _DIM, "h", n, False) for n in (0, -1, 1, 8, 32767)),
        *((f"width {n}", _DIM + 2, "h", n, False) for n in (0, -1, 1, 3, 32767)),
        *((f"depth {n}", _DIM + 6, "h", n, False) for n in (0, -7, 5, 32767)),
        *((f"datatype {n}", _DATATYPE, "h", n, False) for n in (0, 1, 3, 32, 128, 1792, 2304, 999, -4)),
        *((f"bits per voxel {n}", _BITPIX, "h", n, True) for n in (0, 8, 64)),
        *((f"spacing {n}", _PIXDIM + 4, "f", n, True) for n in (0.0, -1.0, 1e30)),  # the sform counts
        *((f"spacing {n}", _PIXDIM + 4, "f", n, True) for n in (nan, inf)),
        *((f"voxels at {n}", _VOX_OFFSET, "f", n, False) for n in (-1.0, 100.0, 353.0, 1e9, nan, inf)),
        *((f"slope {n}", _SLOPE, "f", n, False) for n in (inf, 1e38)),
        *((f"slope {n}", _SLOPE, "f", n, True) for n in (0.0, nan)),  # the standard: no scaling
        *((f"intercept {n}", _INTER, "f", n, False) for n in (inf, nan)),
        *((f"sform {n}", _SFORM, "f", n, False) for n in (nan, inf, 1e30)),
        ("quaternion nan", _QUATERN, "f", nan, True),
        ("magic", _MAGIC, "i", 0, False),
        ("magic of a pair", _MAGIC, "i", 0x0031696E, True),
        ("header size", 0, "i", 349, True),
        ("header size 0", 0, "i", 0, True),
    ]
    for name, place, kind, value, harmless in fields:
        scaled = (1.0,) if place == _INTER else ()
        content = _with(place - 4 * len(scaled), kind, *scaled, value)
        yield BadInput(name, _file(content), harmless)
    yield BadInput("sform of zeros", _file(_with(_SFORM, "f", *[0.0] * 12)))
    yield BadInput("sform with two equal axes", _file(_with(_SFORM, "f", *[1.0, 1, 0, 0] * 2, 0, 0, 1, 0)))
    yield BadInput("no forms", _file(_with(252, "h", 0, 0)))
    yield BadInput("unknown forms", _file(_with(252, "h", 77, 99)))


def _voxels() -> Iterator[BadInput]:
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "all NaN": lambda v: np.full(v.shape, np.nan, np.float32),
        "one NaN": lambda v: np.where(np.arange(v.size).reshape(v.shape) == 99, np.nan, v).astype(np.float32),
        "one infinity": lambda v: np.where(np.arange(v.size).reshape(v.shape) == 99, np.inf, v).astype(np.float32),
        "constant": lambda v: np.full(v.shape, 7, np.int16),
        "all zero": np.zeros_like,
        "complex": lambda v: v.astype(np.complex64),
        "colour": lambda v: np.zeros(v.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")]),
        "four dimensions": lambda v: np.stack([v, v], axis=-1),
        "five dimensions": lambda v: np.stack([v, v, v], axis=-1)[:, :, :, None],
    }
    for name, change in changes.items():
        yield BadInput(name, _file(_of(change)))
    for kind in (np.float64, np.int32, np.uint16, np.int64):
        yield BadInput(f"as {kind.__name__}", _file(_of(lambda v, k=kind: v.astype(k))), harmless=True)


def _packed() -> Iterator[BadInput]:
    packed = gzip.compress(clean_nifti(), mtime=0)
    zeros = gzip.compress(clean_nifti()[:352] + bytes(64 << 20), 9)
    half = len(clean_nifti()) // 2
    in_two = gzip.compress(clean_nifti()[:half]) + gzip.compress(clean_nifti()[half:])
    contents = {
        "not packed": (clean_nifti(), False),
        "wrong checksum": (packed[:-8] + bytes(4) + packed[-4:], False),
        "wrong length": (packed[:-4] + bytes(4), False),
        "wrong method": (packed[:2] + b"\x07" + packed[3:], False),
        "junk behind": (packed + b"junk behind the stream", False),
        "zeros behind": (packed + bytes(512), True),  # gzip pads so
        "packed twice": (gzip.compress(packed), False),
        "in two members": (in_two, True),
        "64 MiB of zeros behind": (zeros, False),
    }
    for name, (content, harmless) in contents.items():
        yield BadInput(f"gz {name}", _file(lambda c=content: c, "MR.nii.gz"), harmless)
    for seed in range(12):
        position = int(np.random.default_rng(seed).integers(12, len(packed)))
        flipped = packed[:position] + bytes([packed[position] ^ 0x10]) + packed[position + 1 :]
        yield BadInput(f"gz byte {position} flipped", _file(lambda c=flipped: c, "MR.nii.gz"))


def _others() -> Iterator[BadInput]:
    others = {
        "text": b"this is not an image\n" * 40,
        "HTML": b"<!DOCTYPE html><html>404</html>",
        "zeros": bytes(4096),
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(1000),
        "zip": b"PK\x03\x04" + bytes(1000),
        "DICOM": bytes(128) + b"DICM" + bytes(1000),
        "packed under an unpacked name": gzip.compress(clean_nifti()),
    }
    for name, content in others.items():
        yield BadInput(f"{name} called .nii", _file(lambda c=content: c))

    def folder(place: Path) -> Path:
        (place / "MR.nii.gz").mkdir()
        return place / "MR.nii.gz"

    yield BadInput("a folder", folder)
    yield BadInput("nothing there", lambda place: place / "MR.nii.gz")


def bad_nifti() -> list[BadInput]:
    """All of them."""
    return [*_cut(), *_header(), *_voxels(), *_packed(), *_others()]
