# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A training folder of small synthetic volumes."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np

__all__ = ["write_training_folder"]

VOLUMES = {  # name: (shape, spacing in mm, values)
    "head_t1_a.nii.gz": ((24, 28, 20), (1.0, 1.0, 1.2), 800.0),
    "head_t2_a.nii.gz": ((24, 24, 12), (1.0, 1.0, 2.5), 300.0),
    "limb_ct_b.nii.gz": ((26, 22, 10), (1.0, 1.0, 3.3), 200.0),
    "limb_pet_b.nii.gz": ((8, 8, 10), (4.0, 4.0, 3.3), 5000.0),
    "limb_mr_t1_c.nii.gz": ((30, 26, 8), (1.0, 1.0, 3.3), 500.0),
}


def write_training_folder(folder: Path, datalist: bool = True) -> Path:
    """Write five volumes of three persons: smooth blobs on an empty background."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for name, (shape, spacing, peak) in VOLUMES.items():
        axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
        voxels = peak * np.exp(-2 * sum(axis**2 for axis in axes)) + 0.02 * peak * generator.standard_normal(shape)
        voxels[sum(axis**2 for axis in axes) > 1.2] = -1000 if "_ct_" in name else 0
        affine = np.diag([*spacing, 1.0])
        nib.save(nib.Nifti1Image(voxels.astype(np.int16), affine), folder / name)
    if datalist:
        modality = {"ct": "CT", "pet": "PET"}
        entries = [{"image": name, "modality": modality.get(name.split("_")[1], "MR")} for name in VOLUMES]
        (folder / "datalist.json").write_text(json.dumps(entries))
    return folder
