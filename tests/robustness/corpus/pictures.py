# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""PNG and JPEG pictures that are cut, damaged, oddly made, of another kind, or packed to do harm."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from tests.robustness.corpus.bad_input import BadInput, example_volume

__all__ = ["bad_pictures", "clean_picture", "encoded"]

_SIGNATURE = 8
_HEADER_ENDS = 33
_ORIENTATION = 0x0112
_SIXTY_FOUR_MIB = zlib.compress(bytes(64 << 20), 9)


@cache
def clean_picture() -> Image.Image:
    """The shipped MR, coarsely: squares of 8 x 8 pixels in 16 levels, which JPEG keeps and 4 bits hold."""
    coarse = np.asarray(example_volume().dataobj)[::4, :40:4, 2].astype(float)
    levels = np.rint(15 * coarse / coarse.max()).astype(np.uint8) * 17
    return Image.fromarray(np.kron(levels, np.ones((8, 8), np.uint8)))


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture as a file's bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": 100} if kind in ("JPEG", "MPO") else {}), **options)
    return buffer.getvalue()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(
    rows: bytes,
    *extra: bytes,
    depth: int = 8,
    colour: int = 0,
    woven: bool = False,
    size: tuple[int, int] | None = None,
) -> bytes:
    """A PNG by hand: its packed rows, and further chunks before them."""
    header = struct.pack(">IIBBBBB", *(size or clean_picture().size), depth, colour, 0, 0, woven)
    return encoded(clean_picture())[:_SIGNATURE] + b"".join(
        [_chunk(b"IHDR", header), *extra, _chunk(b"IDAT", rows), _chunk(b"IEND", b"")]
    )


def _rows(bits: int = 8) -> bytes:
    levels = np.asarray(clean_picture())
    packed = levels if bits == 8 else (levels[:, ::2] // 17 << 4) | levels[:, 1::2] // 17
    return b"".join(b"\0" + row.tobytes() for row in packed)


def _with(kind: bytes, content: bytes) -> bytes:
    return _png(zlib.compress(_rows()), _chunk(kind, content))


def _flipped(content: bytes, place: int, bits: int = 0x10) -> bytes:
    return content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :]


def _damaged_png() -> Iterator[tuple[str, bytes, bool]]:
    whole, packed = encoded(clean_picture()), zlib.compress(_rows())
    idat = whole.index(b"IDAT")
    for length in (0, 1, 8, 20, _HEADER_ENDS, idat + 4, len(whole) // 2, 3 * len(whole) // 4):
        yield f"cut to {length}", whole[:length], False
    yield "without its end mark", whole[:-12], True
    yield "header with a wrong checksum", whole[:29] + bytes(4) + whole[33:], False
    yield "pixels with a wrong chunk checksum", whole[:-16] + bytes(4) + whole[-12:], True  # the stream has its own
    yield "pixels with a wrong stream checksum", _png(packed[:-4] + bytes(4)), False
    stored = zlib.compress(_rows(), 0)  # any of its bytes may be any level
    yield "one stored pixel flipped", _png(_flipped(stored, 500)), False
    for part in (0.2, 0.5, 0.8):
        yield f"a bit flipped at {part}", _flipped(whole, idat + int(part * (len(whole) - idat))), False
    yield "a chunk that claims 2 GiB", whole[:33] + struct.pack(">I4s", 2**31 - 1, b"teXt") + whole[33:], False
    yield "no pixels", whole[:33] + whole[-12:], False
    yield "palette gone", _png(packed, colour=3), False
    yield "palette too short", _png(packed, _chunk(b"PLTE", bytes(range(99))), colour=3), False


def _sizes() -> Iterator[tuple[str, bytes, bool]]:
    packed, (width, height) = zlib.compress(_rows()), clean_picture().size
    for name, size in {
        "no width": (0, height),
        "no height": (width, 0),
        "one column more": (width + 1, height),
        "one column less": (width - 1, height),
        "one row more": (width, height + 1),
        "negative width": (2**32 - 1, height),
        "100000 x 100000": (100000, 100000),
        "the largest size": (2**31 - 1, 2**31 - 1),
    }.items():
        yield f"header of {name}", _png(packed, size=size), False
    rows = zlib.compressobj(1)
    black = b"".join(rows.compress(bytes(13001)) for _ in range(13000)) + rows.flush()
    yield "13000 x 13000 black pixels", _png(black, size=(13000, 13000)), False
    yield "one pixel", encoded(clean_picture().crop((0, 0, 1, 1))), False
    yield "one level", encoded(Image.new("L", clean_picture().size, 7)), False
    for depth, colour in ((3, 0), (0, 0), (8, 5), (16, 3)):
        yield f"header of depth {depth}, colour {colour}", _png(packed, depth=depth, colour=colour), False


def _bombs() -> Iterator[tuple[str, bytes, bool]]:
    surplus = zlib.compressobj(9)
    yield "64 MiB behind its pixels", _png(surplus.compress(_rows() + bytes(64 << 20)) + surplus.flush()), True
    yield "iTXt of 64 MiB", _with(b"iTXt", b"Comment\0\1\0\0\0" + _SIXTY_FOUR_MIB), False
    yield "zTXt of 64 MiB", _with(b"zTXt", b"Comment\0\0" + _SIXTY_FOUR_MIB), False
    yield "colour profile of 64 MiB", _with(b"iCCP", b"sRGB\0\0" + _SIXTY_FOUR_MIB), False


def _oddly_made() -> Iterator[tuple[str, bytes, bool]]:
    """Pictures that show the clean one, or leave open what they show."""
    clean = clean_picture()
    levels = np.asarray(clean)
    for mode in ("P", "RGB", "LA", "RGBA"):
        yield f"as {mode}", encoded(clean.convert(mode)), True
    yield "in 16 bits", encoded(Image.fromarray(levels.astype(np.uint16) * 257)), True
    yield "in 4 bits", _png(zlib.compress(_rows(bits=4)), depth=4), True
    passes = [levels[::8, ::8], levels[::8, 4::8], levels[4::8, ::4], levels[::4, 2::4]]
    passes += [levels[2::4, ::2], levels[::2, 1::2], levels[1::2]]
    rows = b"".join(b"\0" + row.tobytes() for part in passes for row in part)
    yield "interlaced", _png(zlib.compress(rows), woven=True), True
    hidden = np.where(levels == 0, 255, levels).astype(np.uint8)
    alpha = Image.fromarray(np.where(levels == 0, 0, 255).astype(np.uint8))
    for mode in ("LA", "RGBA"):
        picture = Image.fromarray(hidden).convert(mode)
        picture.putalpha(alpha)
        yield f"{mode} with white hidden where it is transparent", encoded(picture), True
    deep = encoded(Image.fromarray(np.where(levels == 0, 54321, levels.astype(np.uint16) * 257).astype(np.uint16)))
    key = _chunk(b"tRNS", struct.pack(">H", 54321))
    yield "16 bits with a level that means transparent", deep[:_HEADER_ENDS] + key + deep[_HEADER_ENDS:], True
    yield "animated", encoded(clean, save_all=True, append_images=[clean.rotate(180)]), False
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    yield "turned by EXIF", encoded(clean.transpose(Image.Transpose.ROTATE_90), exif=exif), True
    exif[_ORIENTATION] = 99
    yield "EXIF that turns by 99", encoded(clean, exif=exif), True
    yield "broken EXIF", _with(b"eXIf", b"nonsense"), True
    yield "broken colour profile", _with(b"iCCP", b"sRGB\0\0broken"), True
    yield "colour profile that is none", encoded(clean, icc_profile=b"nonsense" * 9), True
    yield "broken text", _with(b"iTXt", b"Comment"), True
    yield "unknown chunk", _with(b"abCd", b"??"), True
    yield "junk behind it", encoded(clean) + b"junk" * 999, True
    yield "JPEG by content", encoded(clean, "JPEG"), True


def _jpeg() -> Iterator[tuple[str, bytes, bool]]:
    clean = clean_picture()
    whole, progressive = (encoded(clean, "JPEG", progressive=progressive) for progressive in (False, True))
    for length in (2, 3, 20, 200, len(whole) // 2, len(whole) - 2):
        yield f"JPEG cut to {length}", whole[:length], False
    yield "JPEG with an end mark in its middle", whole[: 4 * len(whole) // 5] + b"\xff\xd9", False
    yield "JPEG without tables", whole[:2] + whole[whole.index(b"\xff\xc0") :], False
    for name, content, frame in (("JPEG", whole, b"\xff\xc0"), ("progressive JPEG", progressive, b"\xff\xc2")):
        place = content.index(frame) + 5
        for size in ((0, 60), (60, 0), (9000, 9000), (13000, 13000), (65500, 65500)):
            yield f"{name} of {size}", content[:place] + struct.pack(">HH", *size) + content[place + 4 :], False
    yield "progressive JPEG", progressive, True
    yield "CMYK JPEG", encoded(clean.convert("RGB").convert("CMYK"), "JPEG"), True
    yield "JPEG with junk behind it", whole + b"junk" * 999, True
    yield "JPEG with a second picture", encoded(clean, "MPO", save_all=True, append_images=[clean.rotate(180)]), True
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    turned = encoded(clean.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    yield "JPEG turned by EXIF", turned, True
    yield "JPEG with EXIF cut off", encoded(clean, "JPEG", exif=exif.tobytes()[:20]), True
    yield "JPEG with a colour profile that is none", encoded(clean, "JPEG", icc_profile=b"nonsense" * 9), True


def _others() -> Iterator[tuple[str, bytes, bool]]:
    clean = clean_picture()
    backwards = clean.rotate(180)
    for kind in ("TIFF", "GIF", "BMP", "PPM", "EPS"):
        yield f"{kind} called .png", encoded(clean, kind), False
    for kind in ("TIFF", "GIF"):
        yield f"{kind} of two pictures", encoded(clean, kind, save_all=True, append_images=[backwards]), False
    yield "TIFF of floats", encoded(Image.fromarray(np.asarray(clean) / np.float32(255)), "TIFF"), False
    yield "text", b"this is not a picture\n" * 40, False
    yield "HTML", b"<!DOCTYPE html><html>404</html>", False
    yield "zeros", bytes(4096), False
    yield "DICOM", bytes(128) + b"DICM" + bytes(1000), False
    yield "packed by gzip", gzip.compress(encoded(clean)), False


def _file(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _made_by(place: Callable[[Path], object], name: str = "MR.png") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        place(folder / name)
        return folder / name

    return make


def bad_pictures() -> list[BadInput]:
    """All of them."""
    files = [case for kind in (_damaged_png, _sizes, _bombs, _oddly_made, _jpeg, _others) for case in kind()]
    bad = [
        BadInput(name, _file("MR.jpg" if "JPEG" in name else "MR.png", content), harmless)
        for name, content, harmless in files
    ]
    whole = encoded(clean_picture())
    bad += [
        BadInput(f"PNG called {name}", _file(name, whole), harmless)
        for name, harmless in {"MR.jpg": True, "MR.PNG": True, "MR.tif": False, "MR": False, "MR.nii": False}.items()
    ]
    places = {"a folder": Path.mkdir, "a pipe": os.mkfifo, "nothing there": str, "a link to nothing": _hang}
    return bad + [BadInput(name, _made_by(place)) for name, place in places.items()]


def _hang(link: Path) -> None:
    link.symlink_to("moved.png")
