# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Volumes and pictures from files, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from monai_ddfm.transforms import ReadSource, ReadSourced
from tests.volumes import ANISOTROPIC, save_nifti

VOXELS = np.random.default_rng(0).integers(0, 1000, (5, 6, 7)).astype(np.int16)


@pytest.mark.parametrize("name", ["MR.nii.gz", "MR.nii", "MR.NII.GZ"])
def test_nifti(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_nifti(tmp_path / name.lower(), VOXELS).rename(path)
    img = ReadSource()(path)
    assert img.shape == (1, 5, 6, 7)
    assert img.dtype == torch.int16  # its own: nothing is cut before it is checked
    assert torch.equal(img[0].as_tensor(), torch.from_numpy(VOXELS))
    np.testing.assert_allclose(img.affine.numpy(), ANISOTROPIC)
    assert img.meta["filename_or_obj"] == str(path)


@pytest.mark.parametrize("shape", [(5, 6, 7, 3), (5, 6, 7, 1)])
def test_fourth_axis_is_seen_as_channels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = save_nifti(tmp_path / "bold.nii.gz", np.ones(shape, np.float32))
    assert ReadSource()(path).shape == (shape[3], 5, 6, 7)


def test_complex_stays_complex(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "phase.nii.gz", VOXELS.astype(np.complex64) * (1 + 2j))
    assert ReadSource()(path).is_complex()


@pytest.mark.parametrize("name", ["MR.png", "MR.jpg", "MR.JPEG"])
def test_grey_picture(tmp_path: Path, name: str) -> None:
    grey = np.tile(np.arange(0, 250, 10, dtype=np.uint8), (20, 1))
    Image.fromarray(grey).save(tmp_path / name, quality=100)
    img = ReadSource()(tmp_path / name)
    assert img.shape == (1, 25, 20)  # width first
    np.testing.assert_allclose(img[0].numpy().T, grey, atol=0 if name.endswith("png") else 3)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"PET\.nii\.gz: no such file"):
        ReadSource()(tmp_path / "PET.nii.gz")


@pytest.mark.parametrize("name", ["MR.nii.gz", "MR.nii", "MR.png"])
@pytest.mark.parametrize("content", ["truncated", "empty", "text"])
def test_damaged_file(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    if content == "truncated":
        if name.endswith(".png"):
            Image.fromarray(VOXELS[0].astype(np.uint8)).save(path)
        else:
            save_nifti(path, VOXELS)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    else:
        path.write_bytes(b"" if content == "empty" else b"patient moved, scan again\n" * 40)
    with pytest.raises(ValueError, match=rf"{name}: cannot be read \(.*copy or export it again"):
        ReadSource()(path)


def test_dictionary(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "MR.nii.gz", VOXELS)
    loaded = ReadSourced(["MR", "PET"], allow_missing_keys=True)({"MR": str(path), "case": "p01"})
    assert loaded["MR"].shape == (1, 5, 6, 7)
    assert loaded["case"] == "p01"
