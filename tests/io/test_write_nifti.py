# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Compressed NIfTI: valid to everybody's gzip, and the same bytes for the same voxels."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest

from monai_ddfm.io.write_nifti import write_nifti
from tests.volumes import ANISOTROPIC


def image(depth: int = 5) -> nibabel.Nifti1Image:
    voxels = np.random.default_rng(0).normal(0.0, 300.0, (64, 48, depth)).astype(np.float32)
    return nibabel.Nifti1Image(voxels, ANISOTROPIC)


def test_the_same_bytes_whatever_the_name_and_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_nifti(image(), tmp_path / "a.nii.gz")
    monkeypatch.setattr(time, "time", lambda: 4e9)
    write_nifti(image(), tmp_path / "b.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_zlib_unpacks_what_an_uncompressed_file_holds(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "a.nii"):
        write_nifti(image(), tmp_path / name)
    unpacked = gzip.decompress((tmp_path / "a.nii.gz").read_bytes())  # which compares the checksum
    assert unpacked == (tmp_path / "a.nii").read_bytes() == image().to_bytes()
    np.testing.assert_array_equal(nibabel.load(tmp_path / "a.nii.gz").get_fdata(), image().get_fdata())


def test_smaller_and_cheaper_than_nibabel_s(tmp_path: Path) -> None:
    large = image(400)
    begun = time.process_time()
    write_nifti(large, tmp_path / "ours.nii.gz")
    ours = time.process_time() - begun
    nibabel.save(large, tmp_path / "theirs.nii.gz")
    theirs = time.process_time() - begun - ours
    assert (tmp_path / "ours.nii.gz").stat().st_size < 1.05 * (tmp_path / "theirs.nii.gz").stat().st_size
    assert ours < 0.6 * theirs
