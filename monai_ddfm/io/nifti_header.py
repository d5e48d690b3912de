# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a NIfTI header must say before its voxels are looked at; fields as in nifti1.h."""

from __future__ import annotations

import math

import nibabel as nib
import numpy as np
from nibabel.nifti1 import data_type_codes

__all__ = ["fault_of_header"]

_NUMBERS = "iufc"  # numpy kinds; complex ones are refused where they are fused, with what to do


def fault_of_header(header: nib.Nifti1Header) -> str | None:
    """Return what is wrong with a header as the rest of a sentence, None when it describes a volume of numbers."""
    dims = [int(side) for side in header["dim"]]
    if not 1 <= dims[0] <= 7:
        return f"its header says {dims[0]} dimensions, expected 1 to 7"
    shape = tuple(dims[1 : dims[0] + 1])
    if any(side < 1 for side in shape):
        return f"no voxels: its header says a shape of {shape}"
    code = int(header["datatype"])
    kind = data_type_codes.dtype[code] if code in data_type_codes.dtype else None
    if kind is None or np.dtype(kind).kind not in _NUMBERS or not np.dtype(kind).itemsize:
        name = data_type_codes.label[code] if kind is not None else "unknown"
        return f"its header says datatype {code} ({name}), expected numbers"
    offset = float(header["vox_offset"])
    if not math.isfinite(offset) or (offset != 0 and offset < header.sizeof_hdr) or offset % 1:
        return f"its header says that the voxels begin at byte {offset:g}"
    return _fault_of_scaling(float(header["scl_slope"]), float(header["scl_inter"]))


def _fault_of_scaling(slope: float, intercept: float) -> str | None:
    """A slope of 0 is none (nifti1.h), nor is NaN, which nibabel writes."""
    if slope == 0 or math.isnan(slope):
        return None
    if not math.isfinite(slope) or not math.isfinite(intercept):
        return f"its header says that values are scaled by {slope:g} and moved by {intercept:g}"
    return None
