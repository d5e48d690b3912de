# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Results on disk: with their geometry, whole or not at all, and nothing of anybody's lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import nibabel
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from monai.data import MetaTensor
from monai.transforms import LoadImage
from PIL import Image

from monai_ddfm.report.write_preview import WritePreviewd
from monai_ddfm.transforms import WriteFused, WriteFusedd
from monai_ddfm.transforms.write_fused import result_path
from tests.volumes import affines, random_volume


@given(affine=affines())
@settings(max_examples=15)
def test_nifti_keeps_voxels_and_geometry(tmp_path_factory: pytest.TempPathFactory, affine: np.ndarray) -> None:
    volume = random_volume(4, 5, 6, affine=affine)
    path = WriteFused()(volume, tmp_path_factory.mktemp("out") / "fused.nii.gz")
    image = nibabel.load(path)
    np.testing.assert_allclose(image.affine, affine, rtol=1e-5, atol=1e-3)
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(np.asarray(image.dataobj), volume[0].numpy())
    assert image.header.get_xyzt_units()[0] == "mm"
    again = LoadImage(ensure_channel_first=True)(path)
    torch.testing.assert_close(again.as_tensor(), volume.as_tensor())


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_single_slice_as_nifti(tmp_path: Path, ending: str) -> None:
    path = WriteFused()(random_volume(4, 5, 1), tmp_path / f"new/folder/fused{ending}")
    assert nibabel.load(path).shape == (4, 5, 1)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_png_of_grey_levels(tmp_path: Path) -> None:
    levels = torch.tensor([[-7.0, 0.4, 99.6], [254.9, 255.0, 300.0]]).view(1, 2, 3, 1)
    picture = Image.open(WriteFused()(levels, tmp_path / "fused.png"))
    assert picture.mode == "L"
    np.testing.assert_array_equal(np.asarray(picture), [[0, 255], [0, 255], [100, 255]])  # first axis across


def test_colour(tmp_path: Path) -> None:
    colours = torch.zeros(3, 4, 5, 1)
    colours[0, 1, 2] = 1.0
    colours[2] = 0.2
    picture = Image.open(WriteFused(rgb=True)(colours, tmp_path / "colour.png"))
    assert picture.mode == "RGB"
    assert picture.size == (4, 5)
    assert picture.getpixel((1, 2)) == (255, 0, 51)
    image = nibabel.load(WriteFused(rgb=True)(colours, tmp_path / "colour.nii.gz"))
    assert image.shape == (4, 5, 1)
    assert tuple(np.asarray(image.dataobj)[1, 2, 0]) == (255, 0, 51)


def test_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "fused.nii.gz"
    path.write_bytes(b"somebody's")
    with pytest.raises(
        FileExistsError, match=r"fused\.nii\.gz: exists already and is kept; write elsewhere, or ask to overwrite"
    ):
        WriteFused()(random_volume(2, 2, 2), path)
    assert path.read_bytes() == b"somebody's"
    WriteFused(overwrite=True)(random_volume(2, 2, 2), path)
    assert nibabel.load(path).shape == (2, 2, 2)


@pytest.mark.parametrize("name", ["fused.mha", "fused", "fused.jpg"])
def test_other_endings(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: cannot write .*; use \.nii\.gz, \.nii or \.png"):
        WriteFused()(random_volume(2, 2, 2), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_volume_as_png(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a PNG holds one slice, got 3; write a volume as \.nii\.gz"):
        WriteFused()(random_volume(4, 4, 3), tmp_path / "fused.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("existed", [True, False])
def test_a_write_that_dies_midway_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existed: bool
) -> None:
    """The disk fails after the first bytes: no half file, and an earlier result is still whole."""
    path = tmp_path / "fused.nii.gz"
    if existed:
        WriteFused()(random_volume(2, 2, 2), path)
    before = path.read_bytes() if existed else None

    def write_half(image: nibabel.Nifti1Image, stream: BinaryIO) -> None:
        stream.write(b"the first bytes")
        raise OSError("input/output error")

    monkeypatch.setattr(nibabel.Nifti1Image, "to_stream", write_half)
    with pytest.raises(OSError, match="input/output error"):
        WriteFused(overwrite=True)(random_volume(4, 4, 4), path)
    assert [file.name for file in tmp_path.iterdir()] == ([path.name] if existed else [])
    assert not existed or path.read_bytes() == before


def test_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(OSError, match=r"results: cannot make this output folder .*; choose another"):
        WriteFused()(random_volume(2, 2, 2), tmp_path / "results" / "fused.nii.gz")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="no permission to write in this output folder; choose another"):
        WriteFused()(random_volume(2, 2, 2), tmp_path / "fused.nii.gz")


def test_dictionary(tmp_path: Path) -> None:
    data = {"pred": random_volume(3, 3, 3), "MR": random_volume(3, 3, 3), "case": "p01"}
    WriteFusedd(["pred", "MR", "absent"], tmp_path, suffixes=["fused", "", "x"], allow_missing_keys=True)(data)
    WriteFusedd("pred", tmp_path, extension=".nii")(data)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p01.nii.gz", "p01_fused.nii.gz", "p01_pred.nii"]
    with pytest.raises(FileExistsError):
        WriteFusedd("pred", tmp_path, suffixes=["fused"])(data)
    WriteFusedd("pred", tmp_path, suffixes=["fused"], overwrite=True)(data)


def test_preview(tmp_path: Path) -> None:
    data = {key: MetaTensor(random_volume(6, 7, 8) / 500 - 1) for key in ("MR", "pred")} | {"case": "p01"}
    WritePreviewd(["MR", "pred"], tmp_path, names=["MR", "fused"])(data)
    picture = (tmp_path / "p01_preview.png").read_bytes()
    assert Image.open(tmp_path / "p01_preview.png").width > 2 * 6
    with pytest.raises(FileExistsError, match=r"p01_preview\.png: exists already and is kept"):
        WritePreviewd(["MR"], tmp_path)(data)
    WritePreviewd(["MR"], tmp_path, overwrite=True)(data)
    assert (tmp_path / "p01_preview.png").read_bytes() != picture


def test_result_path() -> None:
    assert result_path("out", "p01", "fused", ".nii.gz") == Path("out/p01_fused.nii.gz")
    assert result_path("out", "p01", "", ".png") == Path("out/p01.png")
