# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Pictures of 16 bits, turned ones, and pairs of different size."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from monai_ddfm.__main__ import main
from monai_ddfm.transforms import CheckGeometryd, CheckVolumed, ReadSource, ReadSourced
from monai_ddfm.transforms.keep_chroma import picture_colours

RAMP = np.tile(np.arange(0, 240, 8, dtype=np.uint8), (20, 1))
ORIENTATION = 0x0112


def save_turned(path: Path, pixels: np.ndarray, orientation: int) -> Path:
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[ORIENTATION] = orientation
    picture.save(path, exif=exif)
    return path


def test_sixteen_bits_keep_their_levels(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 600).round().astype(np.uint16).reshape(20, 30)
    Image.fromarray(deep).save(tmp_path / "MR.png")
    read = ReadSource()(tmp_path / "MR.png")[0].numpy()
    np.testing.assert_allclose(read.T, deep / 257.0, atol=1e-4)
    assert len(np.unique(read)) == 600


@pytest.mark.parametrize(("orientation", "turned"), [(6, np.rot90(RAMP, -1)), (3, RAMP[::-1, ::-1]), (1, RAMP)])
def test_exif_orientation(tmp_path: Path, orientation: int, turned: np.ndarray) -> None:
    path = save_turned(tmp_path / "MR.png", RAMP, orientation)
    np.testing.assert_array_equal(ReadSource()(path)[0].numpy().T, turned)


def test_exif_orientation_of_colour(tmp_path: Path) -> None:
    red = np.zeros((4, 6, 3), np.uint8)
    red[0, :, 0] = 200  # the upper row; turned by 90 degrees clockwise it is the right column
    colours = picture_colours(save_turned(tmp_path / "PET.png", red, 6))
    assert colours is not None and colours.shape == (3, 4, 6, 1)
    assert colours[0, -1].min() > 0.1 and colours[0, :-1].max() == 0


def test_pictures_of_different_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    Image.fromarray(RAMP[:-1]).save(tmp_path / "b.png")
    assert main(["fuse", str(tmp_path / "a.png"), str(tmp_path / "b.png"), "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "b.png: 30 x 19 x 1 pixels, but" in said and "must be of one size" in said
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("*fused*"))


def test_a_picture_with_a_volume(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    data = ReadSourced(["MR"])({"MR": tmp_path / "a.png", "PET": torch.rand(1, 30, 20, 1)})
    data["PET"] = CheckVolumed(["PET"])(data)["PET"]
    data["PET"].meta.pop("without_place")
    with pytest.raises(ValueError, match="one is a picture"):
        CheckGeometryd(["MR", "PET"])(CheckVolumed(["MR"])(data))


def test_arrays_without_affine_of_different_size() -> None:
    data = CheckVolumed(["MR", "PET"])({"MR": torch.rand(1, 8, 8, 4), "PET": torch.rand(1, 8, 8, 5)})
    with pytest.raises(ValueError, match="PET: 8 x 8 x 5 pixels, but"):
        CheckGeometryd(["MR", "PET"])(data)


def save_png(path: Path, size: tuple[int, int], rows: bytes, interlaced: bool = False) -> Path:
    """A grey PNG of 8 bits from its filtered rows, in two pieces."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packed = zlib.compress(rows)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, interlaced)), (b"IDAT", packed[:9])]
    parts += [(b"IDAT", packed[9:]), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    return path


@pytest.mark.parametrize("size", [(30, 20), (30, 4_000_000)])
def test_a_picture_whose_pixels_end_early(size: tuple[int, int], tmp_path: Path) -> None:
    """Pillow reads the rest as black: 19 rows for 20, or 4 million rows of a file of 100 bytes."""
    path = save_png(tmp_path / "MR.png", size, b"".join(b"\0" + row.tobytes() for row in RAMP[:19]))
    with pytest.raises(ValueError, match=r"MR\.png: cannot be read \(its pixels end after 589 of \d+ bytes\)"):
        ReadSource()(path)


def test_an_interlaced_picture(tmp_path: Path) -> None:
    pixels = np.arange(9 * 5, dtype=np.uint8).reshape(5, 9)
    passes = [pixels[::8, ::8], pixels[::8, 4::8], pixels[4::8, ::4], pixels[::4, 2::4]]
    passes += [pixels[2::4, ::2], pixels[::2, 1::2], pixels[1::2]]
    rows = b"".join(b"\0" + row.tobytes() for part in passes for row in part if part.size)
    whole = ReadSource()(save_png(tmp_path / "MR.png", (9, 5), rows, interlaced=True))
    np.testing.assert_array_equal(whole[0].numpy().T, pixels)
    with pytest.raises(ValueError, match="its pixels end after 55 of 56 bytes"):
        ReadSource()(save_png(tmp_path / "MR.png", (9, 5), rows[:-1], interlaced=True))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_whole_pictures_of_every_kind(mode: str, tmp_path: Path) -> None:
    picture = Image.fromarray(RAMP.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(RAMP).convert(mode)
    picture.save(tmp_path / "MR.png")
    levels = RAMP if mode == "I;16" else np.asarray(picture.convert("L"))
    np.testing.assert_array_equal(ReadSource()(tmp_path / "MR.png")[0].numpy().T, levels)


def test_colours_hidden_where_a_picture_is_transparent(tmp_path: Path) -> None:
    pixels = np.stack([RAMP, RAMP, RAMP, np.full_like(RAMP, 255)], axis=-1)
    pixels[:5] = [255, 0, 0, 0]  # red, of which nobody sees anything
    Image.fromarray(pixels).save(tmp_path / "MR.png")
    read = ReadSource()(tmp_path / "MR.png")[0].numpy().T
    assert read[:5].max() == 0
    np.testing.assert_array_equal(read[5:], RAMP[5:])
    assert picture_colours(tmp_path / "MR.png") is None


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("options", [{"quality": 5}, {"optimize": True}, {"restart_marker_blocks": 3}])
def test_whole_jpegs_of_every_kind(mode: str, progressive: bool, options: dict, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (37, 61), dtype=np.uint8)
    for number, pixels in enumerate((noise, noise // 255, RAMP)):
        path = tmp_path / f"{number}.jpg"
        Image.fromarray(pixels).convert(mode).save(path, progressive=progressive, **options)
        np.testing.assert_array_equal(ReadSource()(path)[0].numpy().T, np.asarray(Image.open(path).convert("L")))


def test_a_jpeg_whose_end_mark_comes_early(tmp_path: Path) -> None:
    """Its decoder gives grey for what is missing, and says nothing."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 64), dtype=np.uint8)
    Image.fromarray(noise).save(path := tmp_path / "MR.jpg")
    path.write_bytes(path.read_bytes()[:-100] + b"\xff\xd9")
    assert Image.open(path).convert("L").size == (64, 40)
    with pytest.raises(ValueError, match=r"MR\.jpg: cannot be read \(image file is truncated"):
        ReadSource()(path)
