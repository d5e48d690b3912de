# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""PNG and JPEG pictures: upright, and in grey levels from 0 to 255 whatever their depth."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

__all__ = ["grey_picture", "upright"]

_DEEP = ("I;16", "I;16B", "I;16L", "I")  # 16 bits; older Pillow opens them as 32
_LEVELS = 65535.0 / 255.0


def upright(picture: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF orientation says, which cameras and phones write instead of turning the pixels."""
    return ImageOps.exif_transpose(picture)


def grey_picture(picture: Image.Image) -> Image.Image:
    """Return a picture's luminance, upright; 16 bits become fractions of the grey levels 0 to 255."""
    picture = upright(picture)
    if picture.mode in _DEEP:
        return Image.fromarray(np.asarray(picture, dtype=np.float32) / np.float32(_LEVELS))
    return picture.convert("L")
