# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``python -m monai_ddfm fuse`` on good files and on every kind of bad one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from monai_ddfm.__main__ import main
from tests.tiny_unet import tiny_unet
from tests.volumes import ANISOTROPIC, save_nifti

QUICK = ["--preset", "paper", "--steps", "2", "--device", "cpu", "--set", "progress", "false"]
RANDOM = np.random.default_rng(0)
Fuse = Callable[..., int]


@pytest.fixture
def fuse(tiny_weights: Path) -> Fuse:
    """The command with a tiny prior."""
    return lambda *arguments: main(["fuse", *map(str, arguments), *QUICK, "--set", "weights", str(tiny_weights)])


def blob(shape: tuple[int, ...], centre: float) -> np.ndarray:
    """A bright ball on dark ground, with a little noise."""
    grid = np.meshgrid(*(np.linspace(-1, 1, size) if size > 1 else [0.0] for size in shape), indexing="ij")
    ball = np.exp(-4 * sum((axis - centre * (number == 0)) ** 2 for number, axis in enumerate(grid)))
    return (1000 * ball + RANDOM.normal(0, 5, shape)).astype(np.float32)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    shape = (18, 15, 3)
    return (
        save_nifti(tmp_path / "in" / "MR.nii.gz", blob(shape, 0.2)),
        save_nifti(tmp_path / "in" / "PET.nii.gz", blob(shape, -0.2).clip(0)),
    )


def test_two_volumes_into_a_folder(fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path) -> None:
    assert fuse(*pair, "-o", tmp_path / "out") == 0
    fused = nibabel.load(tmp_path / "out" / "MR_fused.nii.gz")
    assert fused.shape == (18, 15, 3)
    np.testing.assert_allclose(fused.affine, ANISOTROPIC)
    assert (tmp_path / "out" / "MR_preview.png").exists()
    assert (tmp_path / "out" / "MR.json").exists()


@pytest.mark.parametrize("name", ["result.nii", "p01.fused.nii.gz"])
def test_into_a_file(fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path, name: str) -> None:
    assert fuse(*pair, "-o", tmp_path / "new" / name) == 0
    assert nibabel.load(tmp_path / "new" / name).shape == (18, 15, 3)


def test_single_slice(fuse: Fuse, tmp_path: Path) -> None:
    mr = save_nifti(tmp_path / "MR.nii.gz", blob((20, 17, 1), 0.1))
    flat = save_nifti(tmp_path / "PET.nii.gz", blob((20, 17), -0.1).clip(0))
    assert fuse(mr, flat, "-o", tmp_path / "fused.nii.gz") == 0
    assert nibabel.load(tmp_path / "fused.nii.gz").shape == (20, 17, 1)


def test_modalities_of_names_that_say_nothing(fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = pair[0].rename(tmp_path / "a.nii.gz"), pair[1].rename(tmp_path / "b.nii.gz")
    assert fuse(first, second, "-o", tmp_path / "fused.nii.gz", "--modalities", "MR", "PET") == 0


@pytest.mark.parametrize("endings", [("png", "png"), ("jpg", "jpeg"), ("png", "jpg")])
def test_two_pictures(fuse: Fuse, tmp_path: Path, endings: tuple[str, str]) -> None:
    pictures = []
    for number, ending in enumerate(endings):
        grey = (blob((30, 22), 0.4 * number - 0.2).clip(0, 1000) / 4).astype(np.uint8).T
        pictures.append(tmp_path / f"{number}.{ending}")
        Image.fromarray(grey).save(pictures[-1])
    assert fuse(*pictures, "-o", tmp_path / "fused.png") == 0
    with Image.open(tmp_path / "fused.png") as fused:
        assert fused.size == (30, 22)
        levels = np.asarray(fused.convert("L"), dtype=float)
    sources = np.stack([np.asarray(Image.open(picture), dtype=float) for picture in pictures])
    assert (levels >= sources.min(0) - 12).mean() > 0.97  # upright and in grey levels: between its sources
    assert (levels <= sources.max(0) + 12).mean() > 0.97


def test_seed_repeats(fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert fuse(*pair, "-o", tmp_path / f"{name}.nii.gz", "--seed", str(seed)) == 0
    voxels = [nibabel.load(tmp_path / f"{name}.nii.gz").get_fdata() for name in "abc"]
    np.testing.assert_array_equal(voxels[0], voxels[1])
    assert (voxels[0] != voxels[2]).any()


def test_existing_result(
    fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "fused.nii.gz"
    result.write_bytes(b"somebody's")
    assert fuse(*pair, "-o", result) == 1
    assert "fused.nii.gz: exists" in capsys.readouterr().err
    assert result.read_bytes() == b"somebody's"
    assert fuse(*pair, "-o", result, "--overwrite") == 0
    assert nibabel.load(result).shape == (18, 15, 3)


def volume(change: Callable[[np.ndarray], np.ndarray], affine: np.ndarray = ANISOTROPIC) -> Callable[[Path], None]:
    """Writes a changed PET over the good one."""
    return lambda path: save_nifti(path, change(blob((18, 15, 3), 0.0)), affine) and None


def with_value(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(voxels: np.ndarray) -> np.ndarray:
        voxels[3, 4, 1] = value
        return voxels

    return change


ELSEWHERE = ANISOTROPIC + np.eye(4, 4, 3) * 900.0
FLAT = np.diag([1.0, 1.0, 0.0, 1.0])
BAD_FILES = {
    "missing": (lambda path: path.unlink(), "no such file"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:900]), "cannot be read"),
    "not NIfTI": (lambda path: path.write_bytes(b"<html>not found</html>"), "cannot be read"),
    "of no bytes": (lambda path: path.write_bytes(b""), "cannot be read"),
    "elsewhere": (volume(lambda voxels: voxels, ELSEWHERE), "register it to the anchor first"),
    "4-D": (volume(lambda voxels: np.stack([voxels] * 4, axis=-1)), "extract the volume"),
    "NaN": (volume(with_value(np.nan)), "1 of 810 voxels are NaN or infinite; replace them"),
    "infinite": (volume(with_value(-np.inf)), "voxels are NaN or infinite; replace them"),
    "constant": (volume(lambda voxels: np.full_like(voxels, 3)), "every voxel is 3, there is nothing to fuse"),
    "empty": (volume(np.zeros_like), "every voxel is 0, there is nothing to fuse"),
    "without slices": (volume(lambda voxels: voxels[..., :0]), "no voxels"),
    "complex": (volume(lambda voxels: voxels.astype(np.complex64)), "fuse the magnitude"),
    "of no uptake": (volume(lambda voxels: -1 - voxels.clip(0)), "check the units"),
}


@pytest.mark.parametrize(("spoil", "reason"), BAD_FILES.values(), ids=BAD_FILES.keys())
@pytest.mark.parametrize("which", ["anchor", "source"])
def test_bad_file(
    fuse: Fuse,
    pair: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    reason: str,
    which: str,
) -> None:
    mr, pet = pair
    spoil(pet)
    order = (pet, mr) if which == "anchor" else (mr, pet)
    assert fuse(*order, "-o", tmp_path / "out" / "fused.nii.gz") == 1
    (said,) = capsys.readouterr().err.splitlines()  # one error, one line
    assert said.startswith("monai_ddfm: ")
    assert "PET.nii.gz" in said
    assert reason in said
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_affine_that_is_none(
    fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = nibabel.Nifti1Image(blob((18, 15, 3), 0.0), None)
    image.header["sform_code"] = 1
    image.header["srow_x"], image.header["srow_y"] = [1, 0, 0, 0], [0, 1, 0, 0]  # and no third axis
    nibabel.save(image, pair[1])
    assert fuse(*pair, "-o", tmp_path / "fused.nii.gz") == 1
    assert "PET.nii.gz: the affine" in capsys.readouterr().err
    assert not (tmp_path / "fused.nii.gz").exists()


def test_fewer_than_two_images(
    fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fuse(pair[0], "-o", tmp_path / "out") == 1
    assert "at least two images" in capsys.readouterr().err


def test_picture_with_volume(
    fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / "a.png")
    assert fuse(pair[0], tmp_path / "a.png", "-o", tmp_path / "out") == 1
    assert "fuse pictures with pictures, and volumes with volumes" in capsys.readouterr().err


def test_name_that_says_nothing(
    fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = pair[1].rename(tmp_path / "scan2.nii.gz")
    assert fuse(pair[0], scan, "-o", tmp_path / "out") == 1
    assert "cannot tell the modality of 'scan2" in capsys.readouterr().err
    assert fuse(pair[0], scan, "-o", tmp_path / "out", "--modalities", "MR") == 1
    assert "1 modalities for 2 images; give one for each" in capsys.readouterr().err


def test_ending_that_cannot_be_written(
    fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fuse(*pair, "-o", tmp_path / "fused.png") == 1
    assert "cannot write .png from these images; use .nii.gz" in capsys.readouterr().err


def test_output_folder_that_cannot_be_written(
    fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results").write_text("a file")
    assert fuse(*pair, "-o", tmp_path / "results" / "sub" / "fused.nii.gz") == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "cannot make this output folder" in said
    assert "results" in said
    assert (tmp_path / "results").read_text() == "a file"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such weights file"),
        (b"half of a file", "not a readable weights file"),
        ("tiny", "or name the network in the configuration"),
    ],
)
def test_weights(
    pair: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | str | None,
    reason: str,
) -> None:
    weights = tmp_path / "my_prior.safetensors"
    if content == "tiny":
        save_file(tiny_unet().state_dict(), weights)
    elif content is not None:
        weights.write_bytes(content)
    arguments = [*map(str, pair), "-o", str(tmp_path / "out"), "--set", "weights", str(weights), *QUICK]
    assert main(["fuse", *arguments]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "my_prior.safetensors" in said
    assert reason in said
    assert not (tmp_path / "out").exists()


def test_unknown_preset(pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fuse", *map(str, pair), "-o", str(tmp_path / "out"), "--preset", "best"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "'best'" in said
    assert "mri_pet" in said


def test_traceback_on_request(fuse: Fuse, pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.nii\.gz: no such file"):
        fuse(pair[0], tmp_path / "gone.nii.gz", "-o", tmp_path / "out", "--traceback")
