# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Small volumes with an affine, in memory and as files."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import torch
from hypothesis import strategies as st
from monai.data import MetaTensor

__all__ = ["ANISOTROPIC", "affines", "random_volume", "save_nifti"]

ANISOTROPIC = np.array([[-1.5, 0, 0, 20], [0, 2, 0, -30], [0, 0, 4, 5], [0, 0, 0, 1]], dtype=np.float64)


def random_volume(
    *shape: int, affine: np.ndarray = ANISOTROPIC, seed: int = 0, file: str = "scan.nii.gz"
) -> MetaTensor:
    """A volume ``[1, *shape]`` with values from 0 to 1000."""
    voxels = 1000.0 * torch.rand(1, *shape, generator=torch.Generator().manual_seed(seed))
    return MetaTensor(voxels, affine=torch.from_numpy(affine.copy()), meta={"filename_or_obj": file})


def save_nifti(path: Path, voxels: np.ndarray, affine: np.ndarray = ANISOTROPIC) -> Path:
    """Write an array in its own dtype; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, affine, dtype=voxels.dtype), path)
    return path


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Any scanner geometry: rotated, of unequal spacing, mirrored or not, anywhere within a metre."""
    number = st.floats(-1.0, 1.0, width=32)
    x, y, z = (3.0 * draw(number) for _ in range(3))
    rotation = torch.matrix_exp(torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)).numpy()
    spacing = [draw(st.floats(0.25, 8.0, width=32)) * draw(st.sampled_from([-1.0, 1.0])) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    affine[:3, 3] = [1000.0 * draw(number) for _ in range(3)]
    return affine
