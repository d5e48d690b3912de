# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""NIfTI files, whole and spoiled, by the transform that reads them."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from monai_ddfm.io.memory import available_memory, require_memory
from monai_ddfm.transforms import ReadSource
from tests.volumes import ANISOTROPIC, save_nifti

VOXELS = np.random.default_rng(0).integers(0, 1000, (9, 8, 7)).astype(np.int16)


def test_every_flipped_bit_is_found_or_harms_nothing(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "MR.nii.gz", VOXELS)
    whole = path.read_bytes()
    random, refused = np.random.default_rng(1), 0
    for position in random.integers(0, 8 * len(whole), 200):
        spoiled = bytearray(whole)
        spoiled[position // 8] ^= 1 << position % 8
        path.write_bytes(spoiled)
        try:
            read = ReadSource()(path)
        except ValueError as error:
            assert "MR.nii.gz: cannot be read" in str(error)
            refused += 1
        else:
            np.testing.assert_array_equal(read[0].numpy(), VOXELS)
    assert refused > 190  # the others fell upon the time or the name in gzip's own header


@pytest.mark.parametrize("name", ["MR.nii", "MR.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_either_byte_order(tmp_path: Path, name: str, kind: Any) -> None:
    header = kind.header_class(endianness=">")
    header.set_data_dtype(np.int16)
    image = kind(VOXELS.astype(">i2"), ANISOTROPIC, header)
    nibabel.save(image, tmp_path / name)
    assert nibabel.load(tmp_path / name).header.endianness == ">"
    read = ReadSource()(tmp_path / name)
    np.testing.assert_array_equal(read[0].numpy(), VOXELS)
    np.testing.assert_allclose(read.affine.numpy(), ANISOTROPIC)


def with_forms(path: Path, sform: np.ndarray | None, qform: np.ndarray | None) -> Path:
    image = nibabel.Nifti1Image(VOXELS, ANISOTROPIC)
    image.set_sform(sform, code=0 if sform is None else 1)
    image.set_qform(qform, code=0 if qform is None else 1)
    nibabel.save(image, path)
    return path


def test_forms_that_contradict_each_other(tmp_path: Path) -> None:
    elsewhere = ANISOTROPIC + 200.0 * np.eye(4, 4, 3)
    path = with_forms(tmp_path / "MR.nii.gz", ANISOTROPIC, elsewhere)
    with pytest.warns(UserWarning, match=r"MR\.nii\.gz: sform and qform put it up to 200\.0 mm apart; the sform"):
        np.testing.assert_allclose(ReadSource()(path).affine.numpy(), ANISOTROPIC)


def test_no_form_at_all(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="neither sform nor qform is set"):
        ReadSource()(with_forms(tmp_path / "MR.nii.gz", None, None))


@pytest.mark.parametrize("forms", [(ANISOTROPIC, None), (None, ANISOTROPIC), (ANISOTROPIC, ANISOTROPIC)])
def test_forms_that_agree(tmp_path: Path, forms: tuple) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(
            ReadSource()(with_forms(tmp_path / "MR.nii.gz", *forms)).affine.numpy(), ANISOTROPIC, atol=1e-4
        )


def claiming(shape: tuple[int, ...], voxels: int) -> bytes:
    """A file of `voxels` bytes of zeros whose header says `shape`."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape(shape)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    return header.binaryblock + bytes(4) + bytes(voxels)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "MR.nii.gz"
    path.write_bytes(gzip.compress(claiming((1024, 1024, 300), 300 << 20), 9))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ValueError, match=r"compressed bytes for 0\.3 GiB can hold nothing but one value"):
        ReadSource()(path)


@pytest.mark.parametrize("name", ["MR.nii", "MR.nii.gz"])
def test_a_header_that_claims_too_much(tmp_path: Path, name: str) -> None:
    content = claiming((30000, 30000, 30000), 1000)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises((ValueError, MemoryError), match=name):
        ReadSource()(tmp_path / name)


def test_more_behind_the_voxels_than_the_header_says(tmp_path: Path) -> None:
    (tmp_path / "MR.nii.gz").write_bytes(gzip.compress(claiming((4, 4, 4), 4 << 20)))
    with pytest.raises(ValueError, match="holds more than the 416 bytes"):
        ReadSource()(tmp_path / "MR.nii.gz")


def test_memory_is_asked_for_before() -> None:
    free = available_memory()
    assert free is not None and free > 0
    require_memory(free // 2, "reading a small file")
    with pytest.raises(MemoryError, match=r"reading x\.nii needs .* GiB of memory, .* GiB are free"):
        require_memory(1 << 60, "reading x.nii")


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "MR.nii.gz").symlink_to(tmp_path / "moved.nii.gz")
    with pytest.raises(FileNotFoundError, match=r"MR\.nii\.gz: a link to .*moved\.nii\.gz, which does not exist"):
        ReadSource()(tmp_path / "MR.nii.gz")
