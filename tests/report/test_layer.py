# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Volumes of a report: right to the step that is promised, and never too large."""

from __future__ import annotations

import base64
import gzip

import nibabel
import numpy as np
import pytest

from monai_ddfm.report.layer import BUDGET, Layer, encode_layers
from tests.volumes import ANISOTROPIC


def decoded(text: str) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(text)))


def layer(voxels: np.ndarray, kind: str = "source", bits: int = 12) -> Layer:
    return Layer("CT", "CT", kind, voxels.astype(np.float32), ANISOTROPIC, "HU", bits=bits)


def test_whole_numbers_are_exact() -> None:
    voxels = np.random.default_rng(0).integers(-1024, 3071, (9, 8, 7)).astype(np.float32)
    image = decoded(layer(voxels + 1e-4).encoded(12))  # as scaling there and back leaves them
    assert np.array_equal(image.get_fdata(), voxels)
    assert np.allclose(image.affine, ANISOTROPIC)
    assert layer(voxels).decimals(12) == 0


@pytest.mark.parametrize(("bits", "steps", "digits"), [(12, 4095, 4), (8, 255, 2)])
def test_others_are_right_to_half_a_step(bits: int, steps: int, digits: int) -> None:
    voxels = 3.0 * np.random.default_rng(0).random((9, 8, 7)).astype(np.float32)
    one = layer(voxels)
    assert np.abs(decoded(one.encoded(bits)).get_fdata() - voxels).max() <= 0.5001 * np.ptp(voxels) / steps
    assert one.decimals(bits) == digits


def test_one_value_everywhere() -> None:
    assert np.allclose(decoded(layer(np.full((4, 4, 4), 0.3)).encoded(8)).get_fdata(), 0.3)


def test_coarser_voxels_are_means_where_they_were() -> None:
    voxels = np.arange(6 * 4 * 3, dtype=np.float32).reshape(6, 4, 3)
    coarse = layer(voxels).coarser(2)  # sides of 1.5, 2 and 4 mm: pairs along the first only, 3 mm
    assert coarse.voxels.shape == (3, 4 // round(3 / 2), 3)
    along = np.array([coarse.affine @ [i, 0, 0, 1] for i in (0, 1)])
    step = round(3 / 2)
    assert np.allclose(along[0], ANISOTROPIC @ [0.5, (step - 1) / 2, 0, 1])
    assert coarse.voxels[0, 0, 0] == voxels[:2, :step, :1].mean()


def test_maps_become_coarser_before_images() -> None:
    rng = np.random.default_rng(0)
    image, share = layer(rng.random((40, 40, 20))), layer(rng.random((40, 40, 20)), "map", bits=8)
    whole = encode_layers([image, share])
    assert whole.given_up == "" and whole.bits == 12
    fewer = encode_layers([image, share], budget=sum(map(len, whole.texts)) - 5000)
    assert fewer.layers[0].voxels.shape == (40, 40, 20) and fewer.layers[1].voxels.shape < (40, 40, 20)
    assert "coarser than the files" in fewer.given_up
    least = encode_layers([image, share], budget=9000)
    assert sum(map(len, least.texts)) <= 9000
    assert "CT on" in least.given_up and "rounded" in least.given_up


def test_200_slices_of_256_x_256_fit() -> None:
    noise = np.random.default_rng(0).random((256, 256, 200), dtype=np.float32)  # nothing compresses worse
    encoded = encode_layers([layer(noise), layer(noise), layer(noise, "map", bits=8)])
    assert sum(map(len, encoded.texts)) <= BUDGET
