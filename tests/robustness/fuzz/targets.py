# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What is fuzzed: bytes become a file, and the file a volume or one of the project's own refusals."""

from __future__ import annotations

import gzip
import struct
import sys
import tempfile
import traceback
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from monai.data import MetaTensor

import monai_ddfm
from monai_ddfm.errors import reason_of
from monai_ddfm.transforms import CheckGeometryd, CheckVolumed, ReadSource
from tests.robustness.fuzz.seeds import medium

__all__ = ["TARGETS", "Finding", "Target", "meet"]

PACKAGE = str(Path(monai_ddfm.__file__).parent)
FORESEEN = (ValueError, OSError, MemoryError, ImportError)
_PNG, _GZIP = b"\x89PNG\r\n\x1a\n", b"\x1f\x8b"


class Finding(AssertionError):  # noqa: N818 # it is no error of the program that finds it
    """An input that was met by neither a volume nor a refusal."""


@dataclass(frozen=True)
class Target:
    """A door that takes any bytes.

    Attributes:
        name: of the file that the bytes become; its ending says which reader is meant.
        wrap: what the file holds, made from the bytes; None takes them as they are.
        mend: puts the checksums of mutated bytes right, so that what lies behind them is reached; None where none are.
        beside: files by name that lie in its folder, which it may list.
    """

    name: str
    wrap: Callable[[bytes], bytes] | None = None
    mend: Callable[[bytes], bytes] | None = None
    beside: Callable[[], Mapping[str, bytes]] = dict

    def write(self, content: bytes, folder: Path) -> Path:
        """Write the file, and what lies beside it."""
        for name, other in self.beside().items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(other)
        path = folder / self.name
        path.write_bytes(content if self.wrap is None else self.wrap(content))
        return path


def meet(path: Path) -> str:
    """Read a file as a fusion does; says what became of it.

    Raises:
        Finding: a library's error, a refusal that does not name the file, a volume of nothing or without place, or a
            file that was touched outside the folder of `path`.
    """
    outside: list[str] = []
    _watched.append((path.parent, outside))
    try:
        volume = _checked({"source": ReadSource()(path)})["source"]
    except Exception as error:
        _watched.clear()  # a traceback opens the sources that it quotes
        reason = reason_of(error)
        frames = traceback.extract_tb(reason.__traceback__)
        if not isinstance(reason, FORESEEN) or (frames and not frames[-1].filename.startswith(PACKAGE)):
            raise Finding(f"not a refusal of ours: {type(reason).__name__}: {reason}") from error
        if path.name not in str(reason):
            raise Finding(f"does not name {path.name}: {type(reason).__name__}: {reason}") from error
        return "refused"
    finally:
        _watched.clear()
        if outside:
            raise Finding(f"opened {outside[0]}")
    if volume.ndim < 3 or not volume.numel() or not np.isfinite(volume.affine.numpy()).all():
        raise Finding(f"read as {tuple(volume.shape)} at {volume.affine.tolist()}")
    return "read"


def _checked(data: dict[str, MetaTensor]) -> dict[str, MetaTensor]:
    return CheckGeometryd(["source"])(CheckVolumed(["source"])(data))


_watched: list[tuple[Path, list[str]]] = []
_TEMPORARY = f"{tempfile.gettempdir()}/{tempfile.gettempprefix()}"  # what libraries make for themselves
_INSTALLED = {str(path) for prefix in (sys.prefix, sys.base_prefix) for path in (prefix, Path(prefix).resolve())}
_LIBRARIES = (*_INSTALLED, PACKAGE, _TEMPORARY, "/dev", "/proc", "/sys", "/usr", "/etc")


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Note files that are opened outside the folder that is read."""
    if event != "open" or not _watched or not isinstance(arguments[0], (str, bytes)):
        return
    opened = Path(arguments[0].decode(errors="replace") if isinstance(arguments[0], bytes) else arguments[0])
    folder, outside = _watched[-1]
    place = opened.resolve() if opened.is_absolute() else (Path.cwd() / opened).resolve()
    if folder.resolve() not in (place, *place.parents) and not str(place).startswith(_LIBRARIES):
        outside.append(str(place))


sys.addaudithook(_watch)


def _png_checksums(content: bytes) -> bytes:
    """The chunks of a PNG, each with the checksum of what it holds now."""
    if not content.startswith(_PNG):
        return content
    place, parts = len(_PNG), [_PNG]
    while place + 8 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        end = min(place + 8 + length, len(content))
        body = content[place + 4 : end]
        parts += [content[place : place + 4], body, struct.pack(">I", zlib.crc32(body))]
        place = end + 4
    return b"".join(parts)


def _packed(content: bytes) -> bytes:
    return content if content.startswith(_GZIP) else gzip.compress(content, 1, mtime=0)


TARGETS = {
    "nifti": Target("scan.nii"),
    "nifti_gz": Target("scan.nii.gz", wrap=_packed),
    "dicom": Target("scan.dcm"),
    "dicomdir": Target("DICOMDIR", beside=medium),
    "zip": Target("scans.zip"),
    "picture": Target("picture.png", mend=_png_checksums),
}
