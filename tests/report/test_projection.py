# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Projections: where a voxel is seen from each side, in millimetres, and in which colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from monai_ddfm.__main__ import main
from monai_ddfm.report.projection import rotating_projection
from monai_ddfm.report.write_projection import as_frames, write_projection
from tests.volumes import save_nifti

LPS = torch.diag(torch.tensor([-2.0, 2.0, 4.0, 1.0], dtype=torch.float64))


def brightest(view: torch.Tensor) -> list[float]:
    return (view >= 0.99 * view.max()).nonzero().float().mean(dim=0).tolist()


def test_a_voxel_from_four_sides() -> None:
    volume = torch.zeros(1, 20, 30, 10)
    volume[0, 15, 3, 8] = 1.0
    views = rotating_projection(MetaTensor(volume, affine=LPS), angles=4)
    assert views.shape == (4, 1, 20, 37)  # pixels of 2 mm: 10 slices of 4 mm, and the diagonal of 40 x 60 mm
    # 11 mm to the patient's left of the centre, 23 mm behind it, 14 mm above it: seen from the front on the right
    rows, columns = zip(*(brightest(view[0]) for view in views), strict=True)
    assert all(row == pytest.approx(2.5) for row in rows)
    assert [column - 18 for column in columns] == pytest.approx([5.0, 11.0, -5.0, -11.0], abs=0.6)


def test_beyond_the_volume_is_its_lowest_value() -> None:
    views = rotating_projection(MetaTensor(torch.full((1, 8, 8, 4), -1000.0), affine=torch.eye(4)), angles=3)
    assert torch.allclose(views, torch.tensor(-1000.0), atol=1e-2)


def test_colour_is_not_hidden_by_white() -> None:
    volume = torch.zeros(3, 9, 9, 3)
    volume[:, :, 1] = 1.0  # white behind and before
    volume[:, :, 7] = 1.0
    volume[:, 4, 4] = torch.tensor([1.0, 0.7, 0.2])[:, None]
    (view,) = rotating_projection(MetaTensor(volume, affine=torch.eye(4)), angles=1)
    column = view.shape[-1] // 2
    assert view[:, 1, column].tolist() == pytest.approx([1.0, 0.7, 0.2], abs=0.35)
    assert view[2, 1, column] < 0.6 < view[2, 1, column - 3]


@pytest.mark.parametrize(("angles", "channels"), [(0, 1), (3, 2)])
def test_what_cannot_be_projected(angles: int, channels: int) -> None:
    with pytest.raises(ValueError, match="expected 1 or more angles"):
        rotating_projection(torch.zeros(channels, 4, 4, 4), angles)


def test_files(tmp_path: Path) -> None:
    views = torch.rand(5, 1, 21, 30, generator=torch.Generator().manual_seed(0))
    frames = as_frames(views, (0.25, 0.75))
    assert frames.shape == (5, 21, 30, 3) and frames.min() == 0 and frames.max() == 255
    assert np.array_equal(np.asarray(Image.open(write_projection(frames, tmp_path / "a.png"))), frames[0])
    with Image.open(tmp_path / "a.png") as picture:
        assert "not for diagnostic use" in picture.text["Comment"]  # type: ignore[attr-defined]
    with Image.open(write_projection(frames, tmp_path / "a.gif")) as film:
        assert b"not for diagnostic use" in film.info["comment"]
        assert (getattr(film, "n_frames", 1), film.size) == (5, (30, 21))
    with pytest.raises(FileExistsError):
        write_projection(frames, tmp_path / "a.png")
    with pytest.raises(ValueError, match="png, gif, mp4"):
        write_projection(frames, tmp_path / "a.avi")


def test_a_film(tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    frames = np.zeros((6, 21, 30, 3), np.uint8)
    path = write_projection(frames, tmp_path / "a.mp4")
    reader = ffmpeg.read_frames(str(path))
    assert next(reader)["size"] == (30, 22)  # H.264 wants even sides
    assert len(list(reader)) == 6
    assert b"not for diagnostic use" in path.read_bytes()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voxels = np.zeros((12, 10, 6), np.float32)
    voxels[3:6, 4:6, 2:4] = 900.0
    for name in ("a", "b"):
        save_nifti(tmp_path / f"{name}.nii.gz", voxels)
    words = [
        "mip",
        str(tmp_path / "a.nii.gz"),
        str(tmp_path / "b.nii.gz"),
        "-o",
        str(tmp_path / "out"),
        "--angles",
        "4",
    ]
    assert main([*words, "-q"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    picture = Image.open(tmp_path / "out" / "a_mip.png")
    assert picture.height == 16  # 6 slices of 4 mm in pixels of 1.5 mm
    assert main([*words, "-q"]) == 1
    assert "exists" in capsys.readouterr().err
