# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Finding, splitting, reading and writing slice pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pairs import find_pairs, half_of, read_sources, write_grey
from PIL import Image


def write_pair(root: Path, folder: str, other: str, name: str, value: int | tuple[int, int, int] = 100) -> None:
    for modality, colour in (("MRI", 50), (other, value)):
        (root / folder / modality).mkdir(parents=True, exist_ok=True)
        picture = np.broadcast_to(np.array(colour, dtype=np.uint8), (4, 6, np.size(colour))).squeeze()
        Image.fromarray(np.ascontiguousarray(picture)).save(root / folder / modality / name)


def test_both_layouts_are_found(tmp_path: Path) -> None:
    write_pair(tmp_path, "CT-MRI", "CT", "33012.png")
    write_pair(tmp_path, "MRI_PET", "PET", "2010.png")  # the parameters were chosen on case 2 of CT, not of PET
    (tmp_path / "notes").mkdir()
    pairs = find_pairs(tmp_path)
    assert [(p.set, p.name, p.case) for p in pairs] == [("CT-MRI", "33012.png", "33"), ("MRI_PET", "2010.png", "2")]
    assert [half_of(p) for p in pairs] == ["choose", "report"]


def test_slices_of_a_case_stay_in_one_half(tmp_path: Path) -> None:
    for name in ("33012.png", "33015.png", "patient_a.png"):
        write_pair(tmp_path, "CT-MRI", "CT", name)
    first, second, named = map(half_of, find_pairs(tmp_path))
    assert first == second
    assert named in ("choose", "report")


def test_colour_is_read_as_its_luminance(tmp_path: Path) -> None:
    write_pair(tmp_path, "PET-MRI", "PET", "1001.png", value=(200, 100, 50))
    sources = read_sources(find_pairs(tmp_path)[0])
    assert sources.shape == (1, 2, 4, 6)
    assert sources[0, 0].unique().tolist() == [50]
    assert sources[0, 1].unique().tolist() == [round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)]


def test_written_pictures_are_grey_and_whole(tmp_path: Path) -> None:
    image = torch.arange(24.0).view(1, 1, 4, 6)
    write_grey(image, tmp_path / "set" / "a.png")
    with Image.open(tmp_path / "set" / "a.png") as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), image[0, 0].numpy())
    assert [p.name for p in (tmp_path / "set").iterdir()] == ["a.png"]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no pairs"):
        find_pairs(tmp_path)
    write_pair(tmp_path, "CT-MRI", "CT", "1001.png")
    (tmp_path / "CT-MRI" / "CT" / "1001.png").unlink()
    with pytest.raises(FileNotFoundError, match="has no partner"):
        find_pairs(tmp_path)


def test_pictures_of_two_sizes_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "CT-MRI", "CT", "1001.png")
    Image.new("L", (3, 3)).save(tmp_path / "CT-MRI" / "CT" / "1001.png")
    with pytest.raises(ValueError, match="register the pair first"):
        read_sources(find_pairs(tmp_path)[0])
