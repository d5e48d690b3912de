# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from monai.data import MetaTensor
from scipy.ndimage import gaussian_filter1d

from monai_ddfm.denoising.noise_model import NoiseModel, SmoothPlace, white_noise
from monai_ddfm.transforms import Respace

SMOOTH = NoiseModel((0.0, 0.1, 0.2, 0.4, 0.8), (4.0, 2.0, 0.5, 0.1, 0.0), spacing=(1.0, 1.0), kind="smooth")


def test_the_mean_of_the_spectrum_is_the_variance_of_a_voxel():
    assert float(white_noise(0.2, (0.5, 2.0)).spectrum((32, 48)).mean()) == pytest.approx(0.04, rel=1e-4)
    assert white_noise(0.2, (0.5, 2.0)).std == pytest.approx(0.2, rel=1e-4)
    assert float(SMOOTH.spectrum((64, 64)).mean()) == pytest.approx(SMOOTH.std**2, rel=0.02)


def test_scaling_the_image_scales_the_noise_and_moves_the_brightness():
    counts = NoiseModel((0.0, 0.7), (1.0, 1.0), gain=((0.0, 0.5), (100.0, 2.0)), kind="counts")
    scaled = counts.scaled(0.02, -1.0)
    assert scaled.std == pytest.approx(0.02 * counts.std)
    assert scaled.gain == ((-1.0, 0.5), (1.0, 2.0))
    assert counts.scaled(-0.01).gain == ((-1.0, 2.0), (0.0, 0.5))


def test_interpolated_noise_has_the_power_that_interpolation_leaves():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(60, 1, 64, 64, generator=generator)
    finer = F.interpolate(noise, scale_factor=2.5, mode="bilinear", align_corners=False)[..., 20:-20, 20:-20]
    model = white_noise(1.0, (2.5, 2.5)).resampled((2.5, 2.5), (1.0, 1.0))
    measured = torch.fft.fft2(finer).abs().square().mean((0, 1)) / finer[0, 0].numel()
    assert model.std == pytest.approx(float(finer.std()), rel=0.02)
    expected = model.spectrum(finer.shape[-2:])
    strong = expected > expected.max() / 30
    ratio = 10 * torch.log10(measured[strong] / expected[strong])
    assert ratio.abs().mean() < 1.5


@pytest.mark.parametrize(
    ("coarse", "between"), [((1.0, 2.5, 2.5), 0.0), ((2.0, 1.0, 1.0), 0.0), ((2.0, 3.0, 3.0), 0.6)]
)
def test_a_coarser_grid_averages_noise_as_foreseen(coarse: tuple[float, float, float], between: float):
    """Noise of 1 mm voxels, correlated between slices as by a Gaussian, on the grid that `MatchGrids` makes."""
    noise = np.random.default_rng(0).normal(size=(96, 96, 64))
    if between:
        noise = gaussian_filter1d(noise, (-0.25 / math.log(between)) ** 0.5, axis=2)  # correlation between^(L²)
        noise /= noise.std()
    depth, *plane = coarse
    respaced = Respace((*plane, depth))(MetaTensor(torch.from_numpy(noise)[None], affine=torch.eye(4)))
    model = replace(white_noise(1.0), between_slices=between).resampled((1.0, 1.0, 1.0), coarse)
    assert model.std == pytest.approx(float(respaced[:, 3:-3, 3:-3, 3:-3].std()), rel=0.1)


def test_interpolation_between_slices_averages_them():
    one = white_noise(1.0).resampled((3.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    assert one.std == pytest.approx((2 / 3) ** 0.5, rel=1e-3)


def test_interpolation_onto_the_same_grid_changes_nothing():
    assert SMOOTH.resampled((3.0, 1.0, 1.0), (3.0, 1.0, 1.0)) is SMOOTH


def test_bright_voxels_get_the_noise_of_counts():
    counts = NoiseModel((0.0, 0.7), (1.0, 1.0), gain=((-1.0, 0.1), (1.0, 2.0)))
    image = torch.full((1, 1, 16, 32), -0.9)
    image[..., 16:] = 0.9
    factor = counts.local(image)
    assert factor[..., 0][0, 0, 0] < 0.2 < 1.0 < factor[0, 0, 0, -1]
    assert float(factor.square().mean()) == pytest.approx(1.0, rel=1e-4)


def test_place_is_evaluated_in_world_coordinates():
    place = SmoothPlace((10.0, 0.0, 0.0), 10.0, (0.0, 0.5, *[0.0] * 8))
    affine = torch.diag(torch.tensor([2.0, 1.0, 1.0, 1.0]))
    placed = NoiseModel((0.0, 0.7), (1.0, 1.0), place=place).place_map((11, 3, 2), affine)
    assert placed.shape == (11, 3, 2)
    assert placed[5, 0, 0] == pytest.approx(1.0)
    assert placed[10, 0, 0] == pytest.approx(torch.e**0.5, rel=1e-4)


def test_a_model_comes_back_from_json():
    model = NoiseModel(
        (0.0, 0.7), (1.0, 0.5), (1.0, 2.0), ((0.0, 1.0),), SmoothPlace((0.0, 1.0, 2.0), 3.0, (0.0,) * 10), 0.2, "x", "y"
    )
    assert NoiseModel.of_json(json.loads(json.dumps(model.as_json()))) == model


def test_a_spectrum_that_is_none_is_refused():
    with pytest.raises(ValueError, match="one power for each frequency"):
        NoiseModel((0.0, 1.0), (1.0,))
    with pytest.raises(ValueError, match="ascending"):
        NoiseModel((0.0, 1.0, 0.5), (1.0, 1.0, 1.0))
