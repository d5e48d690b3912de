# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""One bad input, and what must become of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from monai_ddfm.bundle import BUNDLE_ROOT

__all__ = ["BadInput", "example_volume"]


@dataclass(frozen=True)
class BadInput:
    """A bad input.

    Attributes:
        name: what is wrong with it, unlike any other of its kind.
        make: writes it into an empty folder and returns what the door is given.
        harmless: it is read after all, as if nothing were wrong; else it is refused.
        names: what the message names; by default the name of the file that `make` returns.
    """

    name: str
    make: Callable[[Path], Any]
    harmless: bool = False
    names: str | None = None


def example_volume(name: str = "MR_T1") -> nibabel.Nifti1Image:
    """The shipped MR or PET, thinned to about 46 x 46 x 4 voxels of int16."""
    image = nibabel.load(BUNDLE_ROOT / "example" / "sts_010" / f"{name}.nii.gz")
    stride = 3 if name == "MR_T1" else 1
    thinned = image.slicer[::stride, ::stride, 10::15]
    return nibabel.Nifti1Image(np.asarray(thinned.dataobj), thinned.affine)
