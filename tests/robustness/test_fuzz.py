# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Broken bytes at the readers' doors: a volume, or one line that names the file. `make fuzz` goes on for longer."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from pydicom import dcmread

from monai_ddfm.transforms import ReadSource
from tests.dicom.layouts import LAYOUTS
from tests.robustness.fuzz.seeds import PIXELS, STACK, seeds_of
from tests.robustness.fuzz.targets import TARGETS, meet

MUTANTS = 60  # of each kind of file


def broken(content: bytes, chance: random.Random) -> bytes:
    """A file cut off, with bytes changed, or with a part of it repeated."""
    mutant = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))):
        mutant[chance.randrange(len(mutant))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
    first, end = sorted(chance.randrange(len(mutant)) for _ in range(2))
    kind = chance.random()
    if kind < 0.15:
        return bytes(mutant[:end])
    return bytes(mutant[:end] + mutant[first:]) if kind < 0.25 else bytes(mutant)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", TARGETS)
def test_broken_bytes_are_read_or_refused_in_one_line(target: str, tmp_path: Path) -> None:
    chance, seeds = random.Random(0), seeds_of(target)
    for index in range(MUTANTS):
        content = broken(seeds[index % len(seeds)], chance)
        content = content if (mend := TARGETS[target].mend) is None else mend(content)
        folder = tmp_path / str(index)
        folder.mkdir()
        meet(TARGETS[target].write(content, folder))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", TARGETS)
def test_whole_files_are_read(target: str, tmp_path: Path) -> None:
    for index, seed in enumerate(seeds_of(target)):
        folder = tmp_path / str(index)
        folder.mkdir()
        assert meet(TARGETS[target].write(seed, folder)) == "read"


def test_a_number_in_the_functional_groups_that_is_none_is_found(tmp_path: Path) -> None:
    (kind,) = [name for name in LAYOUTS if "enhanced MR" in name]
    file = min(LAYOUTS[kind](tmp_path / "in", STACK, PIXELS).iterdir())
    spacing = dcmread(file)["SharedFunctionalGroupsSequence"][0].PixelMeasuresSequence[0].PixelSpacing
    text = "\\".join(str(side) for side in spacing).encode()
    content = file.read_bytes()
    assert text in content
    file.write_bytes(content.replace(text, b"T" + text[1:], 1))
    with pytest.raises(ValueError, match=rf"truncated or corrupt.*\n.*{file.name}: its PixelSpacing is no number"):
        ReadSource()(file)


def test_a_zip_whose_names_are_no_text(tmp_path: Path) -> None:
    content = seeds_of("zip")[0]
    assert content.count(b"readme.txt") == 2
    flags = content.replace(b"readme.txt", b"\x85eadme.txt")
    place = flags.rindex(b"PK\x01\x02")  # the last entry of the directory: bit 11 says that its name is UTF-8
    flags = flags[: place + 8] + bytes([0, 8]) + flags[place + 10 :]
    assert meet(TARGETS["zip"].write(flags, tmp_path)) == "refused"


@pytest.mark.parametrize(
    ("layout", "tag", "length"),
    [("enhanced MR", 0x52009230, b"\2\0\0\0"), ("classic MR", 0xFFFAFFFA, b"\xff\xff\xff\xff")],
    ids=["frames", "behind the pixels"],
)
def test_a_sequence_that_ends_early(layout: str, tag: int, length: bytes, tmp_path: Path) -> None:
    """pydicom finds it when the attribute is asked for, or when the pixels are read, and names no file."""
    dataset = dcmread(min(LAYOUTS[layout](tmp_path / "in", STACK, PIXELS).iterdir()))
    if "NumberOfFrames" in dataset:
        del dataset.NumberOfFrames, dataset.PerFrameFunctionalGroupsSequence
    dataset.add_new(tag, "OB", b"\xfe\xff")
    dataset.save_as(file := tmp_path / "scan.dcm")
    place = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    content, begins = file.read_bytes(), place + b"OB\0\0\2\0\0\0"
    assert content.count(begins) == 1
    file.write_bytes(content.replace(begins, place + b"SQ\0\0" + length))
    with pytest.raises(ValueError, match=r"scan\.dcm: cannot be read \(No tag to read .*copy or export it again"):
        ReadSource()(file)
