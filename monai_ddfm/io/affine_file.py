# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Linear transforms of space in the files of ITK (``.tfm``, ``.txt``, ``.h5``, ``.xfm``) and ANTs (``.mat``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray

from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.io.existing import require_existing

__all__ = ["AFFINE_ENDINGS", "LPS_TO_RAS", "inverse_of", "read_affine", "write_affine"]

AFFINE_ENDINGS = (".tfm", ".txt", ".h5", ".hdf5", ".mat", ".xfm")
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def inverse_of(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix ``[4, 4]`` that undoes another."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def read_affine(path: str | Path) -> NDArray[np.float64]:
    """Return the matrix ``[4, 4]`` of a linear transform, in mm, RAS.

    As everywhere in ITK, ANTs and 3D Slicer's files, it takes points of the fixed image (the anchor) to points of the
    moving image: the way resampling asks. Composites of linear transforms become one matrix.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no transform of three-dimensional space, not linear (a displacement field), or not invertible.
    """
    path = Path(path)
    require_existing(path)
    if path.suffix.lower() not in AFFINE_ENDINGS:
        raise ValueError(f"{path}: expected a transform of ITK or ANTs ({', '.join(AFFINE_ENDINGS)}), or DICOM (.dcm)")
    try:
        transform = sitk.ReadTransform(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(
            f"{path}: cannot be read as a transform of ITK or ANTs ({reason}); a matrix of FSL or FreeSurfer has to be "
            "converted first, e.g. with c3d_affine_tool or lta_convert"
        ) from None
    if transform.GetDimension() != 3:
        raise ValueError(f"{path}: a transform in {transform.GetDimension()} dimensions, expected 3")
    if not transform.IsLinear():
        raise ValueError(
            f"{path}: a displacement field or another transform that is not linear; apply it to the image first "
            "(antsApplyTransforms, or 3D Slicer's Resample), and fuse what comes out"
        )
    origin = np.array(transform.TransformPoint([0.0, 0.0, 0.0]))
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([np.array(transform.TransformPoint(axis)) - origin for axis in np.eye(3).tolist()], 1)
    matrix[:3, 3] = origin
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-6:
        raise ValueError(f"{path}: the matrix {np.round(matrix[:3], 4).tolist()} cannot be inverted; write it again")
    return LPS_TO_RAS @ matrix @ LPS_TO_RAS


def write_affine(matrix: NDArray[np.float64], path: str | Path, overwrite: bool = False) -> Path:
    """Write a matrix ``[4, 4]`` (mm, RAS) as ITK's text file, which 3D Slicer and ANTs read; see `read_affine`.

    Raises:
        FileExistsError: `path` exists and `overwrite` is off.
    """
    path = Path(path)
    lps = LPS_TO_RAS @ np.asarray(matrix, dtype=np.float64) @ LPS_TO_RAS
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(lps[:3, :3].flatten().tolist())
    transform.SetTranslation(lps[:3, 3].tolist())
    with atomic_file(path, overwrite) as partial:
        sitk.WriteTransform(transform, str(partial))
    return path
