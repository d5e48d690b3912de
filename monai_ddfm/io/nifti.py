# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Reading a NIfTI file to its last byte: whole, undamaged, and of the size that its header says."""

from __future__ import annotations

import gzip
import math
import warnings
from pathlib import Path
from typing import BinaryIO, cast

import nibabel as nib
import numpy as np
from isal import igzip
from isal.igzip_lib import IsalError
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from monai_ddfm.io.memory import require_memory
from monai_ddfm.io.nifti_header import fault_of_header

__all__ = ["read_nifti"]

_HEADER_BYTES = 540  # of NIfTI-2, the longer one
_SLACK = 1 << 20  # bytes after the voxels that are let pass
_FLOAT_COPIES = 3 * 4  # bytes per voxel that the fusion takes at the least
_EMPTY_RATIO = 800  # deflate's limit is 1032; what comes near it is one value, repeated
_LARGE = 1 << 28
_SAME_PLACE = 0.5  # of a voxel


def read_nifti(path: str | Path) -> nib.Nifti1Image:
    """Read a ``.nii`` or ``.nii.gz`` file.

    A compressed stream is read to its end, where its checksum stands: without that, a flipped bit gives wrong voxels.
    Warns where the header's two forms put the image in different places, or where it has none.

    Raises:
        ValueError: damaged, truncated, no NIfTI file, or more or fewer bytes than its header says.
        MemoryError: it needs more memory than is free; nothing was read.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: a folder, expected a NIfTI file; give the file in it, or rename a folder of DICOM")
    packed = path.name.lower().endswith(".gz")
    try:
        with cast(BinaryIO, igzip.open(path) if packed else path.open("rb")) as stream:
            beginning = stream.read(_HEADER_BYTES)
            kind = _kind(beginning, path)
            header = kind.header_class(beginning[: kind.header_class.sizeof_hdr], check=False)
            size = _checked_size(header, path, packed)
            content = _rest(stream, beginning, size, path) if packed else None
            _require_no_more(stream, size, path, packed)
    except (gzip.BadGzipFile, IsalError, EOFError) as error:  # type: ignore[misc] # its stub calls the class an object
        raise _refusal(path, f"damaged: {error}") from error
    try:
        image = kind.from_bytes(content) if content is not None else kind.from_filename(path)
    except Exception as error:  # nibabel raises whatever the header leads to
        raise _refusal(path, f"its header is wrong: {error}") from error
    _tell_of_forms(image, path)
    return image


def _kind(beginning: bytes, path: Path) -> type[nib.Nifti1Image]:
    for kind in (nib.Nifti1Image, nib.Nifti2Image):
        if kind.header_class.may_contain_header(beginning):
            return kind
    raise _refusal(path, "it does not begin as a NIfTI file")


def _refusal(path: Path, reason: str) -> ValueError:
    return ValueError(
        f"{path}: cannot be read ({reason}); the file may be truncated or of another kind: copy or export it again"
    )


def _checked_size(header: nib.Nifti1Header, path: Path, packed: bool) -> int:
    """Return how many bytes the header speaks of, once it is sure that the file may hold them and memory, too."""
    if (fault := fault_of_header(header)) is not None:
        raise _refusal(path, fault)
    shape = header.get_data_shape()
    voxels = math.prod(map(int, shape))
    size = int(header.get_data_offset()) + voxels * header.get_data_dtype().itemsize
    there = path.stat().st_size
    if not packed and size > there:
        raise _refusal(path, f"{there} of the {size} bytes that its header speaks of are there")
    if packed and size > _LARGE and size > _EMPTY_RATIO * there:
        raise _refusal(path, f"{there} compressed bytes for {size / 2**30:.1f} GiB can hold nothing but one value")
    require_memory(size + voxels * _FLOAT_COPIES, f"reading {path}, {' x '.join(map(str, shape))} voxels,")
    return size


def _rest(stream: BinaryIO, beginning: bytes, size: int, path: Path) -> bytes:
    """Read to the end of the stream, so that its checksum is compared."""
    content = beginning + stream.read(max(0, size - len(beginning)))
    if len(content) < size:
        raise _refusal(path, f"{len(content)} of the {size} bytes that its header speaks of are there")
    return content


def _require_no_more(stream: BinaryIO, size: int, path: Path, packed: bool) -> None:
    """Refuse a file with more voxels than its header speaks of, of whose sides one is then wrong; zeros are padding."""
    if not packed:
        stream.seek(size)
    surplus = stream.read(_SLACK)
    if len(surplus) == _SLACK or surplus.strip(b"\0"):
        raise _refusal(path, f"it holds more than the {size} bytes that its header speaks of")


def _tell_of_forms(image: nib.Nifti1Image, path: Path) -> None:
    """Warn where sform and qform contradict each other, or where neither is there (the image is then laid at 0)."""
    forms = {name: _form(image, name) for name in ("sform", "qform")}
    if forms["sform"] is None and forms["qform"] is None:
        warnings.warn(f"{path}: neither sform nor qform is set: where it lies in the patient is a guess", stacklevel=2)
    if forms["sform"] is None or forms["qform"] is None:
        return
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array([*image.shape[:3], 1, 1][:3]) - 1)
    apart = np.linalg.norm(apply_affine(forms["sform"], corners) - apply_affine(forms["qform"], corners), axis=1).max()
    if apart > _SAME_PLACE * np.linalg.norm(forms["sform"][:3, :3], axis=0).min():
        warnings.warn(
            f"{path}: sform and qform put it up to {apart:.1f} mm apart; the sform is used, make sure that it is the "
            "right one",
            stacklevel=2,
        )


def _form(image: nib.Nifti1Image, name: str) -> NDArray[np.float64] | None:
    try:
        return getattr(image, f"get_{name}")(coded=True)[0]
    except (ValueError, np.linalg.LinAlgError):  # a quaternion that is none
        return None
