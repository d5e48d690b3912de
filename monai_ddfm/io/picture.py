# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""PNG and JPEG pictures: whole, upright, black where they are transparent, in grey levels from 0 to 255."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from monai_ddfm.io.file_kind import BEGINNING_BYTES, JPEG, PNG, file_kind
from monai_ddfm.io.jpeg_stream import checkable_jpeg
from monai_ddfm.io.memory import require_memory
from monai_ddfm.io.png_stream import require_all_pixels

__all__ = ["grey_picture", "read_picture"]

_DEEP = ("I;16", "I;16B", "I;16L", "I")  # 16 bits; older Pillow opens them as 32
_LEVELS = 65535.0 / 255.0
_BYTES_OF_PIXEL = 4 + 4  # as decoded in colour, and as float32
_ORIENTATION = 0x0112  # EXIF: how the pixels are to be turned, which cameras and phones write instead of turning them
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_picture(path: str | Path) -> Image.Image:
    """Read a PNG or JPEG, whatever its name ends in.

    Raises:
        ValueError: a folder, another kind of file, damaged, truncated, several pictures in one, or too many pixels.
        MemoryError: it needs more memory than is free; nothing was decoded.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: a folder, expected a picture; give the file in it, or rename a folder of DICOM")
    with path.open("rb") as file:
        beginning = file.read(BEGINNING_BYTES)
    if beginning.startswith(PNG):
        require_all_pixels(path)
    elif not beginning.startswith(JPEG):
        raise ValueError(f"{file_kind(beginning)}, expected PNG or JPEG")
    content = io.BytesIO(checkable_jpeg(path)) if beginning.startswith(JPEG) else path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(content, formats=("PNG", "JPEG")) as picture:
                return _opaque(_upright(_decoded(picture, path)))
        except UnidentifiedImageError as error:
            raise ValueError("its header is damaged") from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            words = str(error).partition(",")[0]
            raise ValueError(f"{path}: too large a picture ({words}); crop or shrink it") from None


def _decoded(picture: Image.Image, path: Path) -> Image.Image:
    if picture.format == "PNG" and (count := getattr(picture, "n_frames", 1)) > 1:
        raise ValueError(f"animated: {count} pictures, expected one")
    width, height = picture.size
    require_memory(_BYTES_OF_PIXEL * width * height, f"reading {path}, {width} x {height} pixels,")
    picture.load()
    if picture.mode == "P":
        colours = len(picture.palette.palette) // 3 if picture.palette else 0
        if (largest := int(np.asarray(picture).max())) >= colours:
            raise ValueError(f"its palette has {colours} colours, and a pixel has number {largest}")
    return picture


def _upright(picture: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF orientation says; EXIF that nobody can read turns nothing."""
    try:
        turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # Pillow raises whatever the broken bytes lead to
        turn = None
    return picture if turn is None else picture.transpose(turn)


def _opaque(picture: Image.Image) -> Image.Image:
    """Put a picture on black: where it is transparent there is nothing, whatever colour is hidden there."""
    hidden = picture.info.get("transparency")
    if hidden is None and "A" not in picture.getbands():
        return picture.copy()
    if picture.mode in _DEEP:
        levels = np.asarray(picture)
        return Image.fromarray(np.where(levels == hidden, 0, levels).astype(levels.dtype))
    coloured = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "black"), coloured).convert("RGB")


def grey_picture(picture: Image.Image) -> Image.Image:
    """Return a picture's luminance; 16 bits become fractions of the grey levels 0 to 255."""
    if picture.mode in _DEEP:
        return Image.fromarray(np.asarray(picture, dtype=np.float32) / np.float32(_LEVELS))
    return picture.convert("L")
