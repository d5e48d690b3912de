# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Are two instances of one SOPInstanceUID copies of one image, or two images?"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from monai_ddfm.dicom.instance_file import read_instance

__all__ = ["is_same_image"]

_PLACE = (
    "SeriesInstanceUID",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
)
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def is_same_image(path: str, other: str) -> bool:
    """Compare series, place, rescale and pixels of two files that call themselves the same instance.

    A UID stands for one image and no other (PS3.5 9), but software that rewrites UIDs has given one to a whole series.
    """
    one, two = (read_instance(each, stop_before_pixels=False) for each in (path, other))
    if any(one.get(keyword) != two.get(keyword) for keyword in _PLACE):
        return False
    return _encoded(one) == _encoded(two) or _decoded_alike(one, two)


def _encoded(dataset: Dataset) -> list[bytes | None]:
    return [dataset.get(keyword) for keyword in _PIXELS]


def _decoded_alike(one: Dataset, two: Dataset) -> bool:
    """Copies may be packed differently. What cannot be decoded is compared as it lies."""
    if one.file_meta.TransferSyntaxUID == two.file_meta.TransferSyntaxUID:
        return False
    try:
        return bool(np.array_equal(one.pixel_array, two.pixel_array))
    except Exception:  # each decoder has its own errors
        return False
