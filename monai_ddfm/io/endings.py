# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The kinds of file that are read and written, by their names."""

from __future__ import annotations

from pathlib import Path

__all__ = ["IMAGE_ENDINGS", "PICTURE_ENDINGS", "VOLUME_ENDINGS", "image_ending", "image_stem"]

VOLUME_ENDINGS = (".nii.gz", ".nii")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg")
IMAGE_ENDINGS = VOLUME_ENDINGS + PICTURE_ENDINGS


def image_ending(path: Path) -> str | None:
    """Return the ending of an image file's name in lower case, None for another file or a folder."""
    return next((ending for ending in IMAGE_ENDINGS if path.name.lower().endswith(ending)), None)


def image_stem(path: Path) -> str:
    """Return the name without an image's ending."""
    return path.name[: -len(image_ending(path) or "")] if image_ending(path) else path.name
