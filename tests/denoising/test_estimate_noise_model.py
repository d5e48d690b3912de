# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

import functools

import pytest
import torch
from monai.transforms import LoadImage
from torch import Tensor

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.denoising.block_spectra import block_spectra
from monai_ddfm.denoising.estimate_noise_model import estimate_noise_model
from monai_ddfm.denoising.local_noise import LocalNoise, local_noise
from monai_ddfm.denoising.tissue_blocks import tissue_blocks, tissue_mask
from monai_ddfm.transforms.normalize_modality import NormalizeModality

SPACING = (1.0, 1.0, 3.0)


@functools.cache
def example(name: str, modality: str, slices: int = 16) -> Tensor:
    """The middle slices of the shipped example, ``[1, H, W, D]`` in [-1, 1]."""
    volume = NormalizeModality(modality)(LoadImage(ensure_channel_first=True)(BUNDLE_ROOT / "example/sts_010" / name))
    middle = volume.shape[-1] // 2
    return volume[..., middle - slices // 2 : middle + slices // 2].as_subclass(Tensor).float()


def phantom(size: int = 96, slices: int = 10) -> Tensor:
    """A shaded disc with an insert on air, the same in every slice, ``[1, size, size, slices]``."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    inside = (x**2 + y**2 < 0.8).float()
    insert = ((x - 0.3) ** 2 + y**2 < 0.02).float()
    return (-1.0 + inside * (1.0 + 0.2 * x) + 0.5 * insert)[None, ..., None].repeat(1, 1, 1, slices)


def coloured(shape: torch.Size, blur: float, std: float, seed: int = 1) -> Tensor:
    """Noise with a Gaussian power spectrum, as wide as a blur of so many pixels leaves; independent between slices."""
    height, width = shape[1:3]
    radius = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)[None])
    power = torch.exp(-((2 * torch.pi * radius * blur) ** 2)) + 1e-4
    power = power / power.mean() * std**2
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return torch.fft.ifft2(torch.fft.fft2(noise, dim=(1, 2)) * power.sqrt()[None, ..., None], dim=(1, 2)).real


@pytest.mark.parametrize(("blur", "tolerance"), [(0.0, 0.05), (0.7, 0.06), (2.0, 0.15)])
def test_known_noise_on_a_phantom_is_measured(blur, tolerance):
    clean = phantom(128, 24)
    model = estimate_noise_model(clean + coloured(clean.shape, blur, 0.1), SPACING, "MR")
    assert model.std == pytest.approx(0.1, rel=tolerance)
    assert model.warning is None
    assert ("white" in model.kind) == (blur == 0.0)


@pytest.mark.parametrize(("name", "modality"), [("MR_T1.nii.gz", "MR"), ("CT.nii.gz", "CT")])
@pytest.mark.parametrize("blur", [0.0, 0.7, 2.0])
def test_known_noise_on_real_slices_is_measured(name, modality, blur):
    clean = example(name, modality)
    own = estimate_noise_model(clean, SPACING, modality).spectrum((64, 64))
    found = estimate_noise_model(clean + coloured(clean.shape, blur, 0.1), SPACING, modality).spectrum((64, 64))
    added = found - own
    assert float(added.mean()) ** 0.5 == pytest.approx(0.1, rel=0.2)
    radius = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.fftfreq(64)[None])
    true = torch.exp(-((2 * torch.pi * radius * blur) ** 2)) + 1e-4
    true = true / true.mean() * 0.01
    holds = (true > true.max() / 30) & (radius > 0.03) & (radius < 0.5)
    decibel = 10 * torch.log10(added[holds] / true[holds])
    assert float(decibel.abs().mean()) < 1.5


def test_clean_tissue_has_next_to_no_noise():
    assert estimate_noise_model(example("MR_T1.nii.gz", "MR"), SPACING, "MR").std < 0.02
    assert estimate_noise_model(phantom(), SPACING, "MR").std == 0.0


def test_noise_follows_the_units_of_the_image():
    noisy = phantom() + coloured(phantom().shape, 0.0, 0.1)
    scaled = estimate_noise_model(500.0 * noisy + 1000.0, SPACING, "MR")
    assert scaled.std == pytest.approx(500.0 * estimate_noise_model(noisy, SPACING, "MR").std, rel=1e-3)


def test_a_picture_alone_tells_white_noise():
    noisy = example("CT.nii.gz", "CT")[..., 8]
    noisy = noisy + 0.15 * torch.randn(noisy.shape, generator=torch.Generator().manual_seed(2))
    assert estimate_noise_model(noisy, (1.0, 1.0), "CT").std == pytest.approx(0.155, rel=0.15)


def test_counts_are_noisier_where_they_are_bright():
    clean = phantom(96, 12)
    clean[:, :, 48:] += 3.0 * (clean[:, :, 48:] > -0.99)
    rate = (clean + 1.0) * 40.0
    counts = torch.poisson(rate, generator=torch.Generator().manual_seed(0))
    model = estimate_noise_model(counts, SPACING, "PT")
    assert model.gain is not None
    relative = [factor for _, factor in model.gain]
    assert relative[-1] > 1.4 * relative[0]
    assert model.std == pytest.approx(float((counts - rate)[clean > -0.99].std()), rel=0.15)
    assert "brightness" in model.kind


@pytest.mark.parametrize("modality", ["MR", "PT"])
@pytest.mark.parametrize(
    ("source", "words"),
    [
        (torch.full((1, 48, 48, 6), 3.0), "constant"),
        (torch.zeros(1, 8, 8, 6) + torch.arange(8.0)[:, None], "smaller than"),
        (torch.full((1, 48, 48, 6), torch.nan), "finite"),
        (phantom(), "too little tissue"),
        (phantom().round(decimals=1) + 0.0, "too little tissue"),
    ],
)
def test_sources_that_tell_nothing_have_no_noise_and_a_warning(source, modality, words):
    model = estimate_noise_model(source, SPACING, modality)
    assert model.std == 0.0
    assert words in model.warning


def test_a_source_of_nothing_but_noise_says_so():
    model = estimate_noise_model(torch.randn(1, 96, 96, 8, generator=torch.Generator().manual_seed(0)), SPACING, "MR")
    assert model.std == pytest.approx(1.0, rel=0.1)
    assert "but noise" in model.warning


def test_quantisation_is_no_noise():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 96), torch.linspace(-1, 1, 96), indexing="ij")
    smooth = (x + 0.3 * torch.sin(3 * y))[None, ..., None] * torch.linspace(0.8, 1.0, 8)
    coarse = (smooth * 8).round() / 8
    model = estimate_noise_model(coarse, SPACING, "MR")
    assert model.std == 0.0
    assert model.warning


def test_noise_cut_off_at_both_ends_is_no_more_than_it_is():
    noisy = (phantom() * 2.0 + coloured(phantom().shape, 0.0, 0.3)).clamp(-1.0, 1.0)
    model = estimate_noise_model(noisy, SPACING, "MR")
    assert model.std < 0.35


def test_zeros_outside_a_circle_are_left_out():
    noisy = phantom(128) + coloured(phantom(128).shape, 0.0, 0.1)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 128), torch.linspace(-1, 1, 128), indexing="ij")
    filled = torch.where((x**2 + y**2 < 0.7)[None, ..., None], noisy, torch.tensor(-3.0))
    assert estimate_noise_model(filled, SPACING, "MR").std == pytest.approx(0.1, rel=0.1)


def test_a_shape_that_is_no_image_is_refused():
    with pytest.raises(ValueError, match=r"\[1, H, W\]"):
        estimate_noise_model(torch.zeros(2, 8, 8, 8))


def test_slices_that_stand_twice_are_told_by_those_that_differ():
    noisy = phantom(96, 8) + coloured(phantom(96, 8).shape, 0.0, 0.1)
    assert estimate_noise_model(noisy.repeat_interleave(2, -1), SPACING, "MR").std == pytest.approx(0.1, rel=0.1)


def test_few_grey_levels_of_real_tissue_are_no_noise():
    coarse = ((example("MR_T1.nii.gz", "MR") + 1) * 7.5).round() / 7.5 - 1
    model = estimate_noise_model(coarse, SPACING, "MR")
    assert model.std == 0.0
    assert "steps of 0.133" in model.warning


def test_upsampled_noise_is_smooth_and_no_more_than_interpolation_leaves():
    clean = example("MR_T1.nii.gz", "MR")
    noisy = clean + coloured(clean.shape, 0.0, 0.1)
    finer, reference = (
        torch.nn.functional.interpolate(x[0].movedim(-1, 0)[None], scale_factor=2, mode="bilinear")[0].movedim(0, -1)
        for x in (noisy, clean)
    )
    model = estimate_noise_model(finer[None], (0.5, 0.5, 3.0), "MR")
    assert model.std == pytest.approx(float((finer - reference).std()), rel=0.15)
    assert "smooth" in model.kind


def test_noise_that_grows_towards_the_middle_is_told_by_place():
    clean = phantom(128, 20)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 128), torch.linspace(-1, 1, 128), indexing="ij")
    local = (0.5 + 1.5 * torch.exp(-(x**2 + y**2) / 0.5))[None, ..., None]
    noisy = clean + 0.05 * local * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    slices, spectra = noisy[0].movedim(-1, 0), block_spectra(32)
    blocks = tissue_blocks(slices, tissue_mask(slices, functional=False), 1, spectra)
    found = local_noise(blocks, blocks.power.mean(0), spectra, False, torch.eye(4))
    middle, edge = found.variance(torch.zeros(2), torch.tensor([[64.0, 64.0, 10.0], [64.0, 24.0, 10.0]])).sqrt()
    assert middle > 1.4 * edge


def test_noise_shared_by_neighbouring_slices_is_not_missed_in_pet():
    clean = phantom(64, 40)
    noise = torch.randn(1, 64, 64, 42, generator=torch.Generator().manual_seed(0))
    shared = 0.1 * (noise[..., :-2] + noise[..., 1:-1] + noise[..., 2:]) / 3**0.5  # correlated by 2/3
    model = estimate_noise_model(clean + shared, SPACING, "PT")
    assert model.between_slices == pytest.approx(2 / 3, abs=0.1)
    assert model.std == pytest.approx(0.1, rel=0.15)


@pytest.mark.parametrize("slices", [12, 16])
def test_smooth_counts_are_noisier_where_they_are_bright(slices):
    """As PET's are, after reconstruction: a block then holds its noise in few frequencies."""
    clean = phantom(96, slices)
    clean[:, :, 48:] += 3.0 * (clean[:, :, 48:] > -0.99)
    relative = (clean + 1.0).clamp_min(0.02).sqrt()
    noise = 0.1 * relative * coloured(clean.shape, 2.0, 1.0)
    model = estimate_noise_model(clean + noise, SPACING, "PT")
    assert model.gain is not None
    factors = [factor for _, factor in model.gain]
    assert factors[-1] > 1.4 * factors[0]
    assert model.std == pytest.approx(float(noise[clean > -0.99].std()), rel=0.2)


@pytest.mark.usefixtures("threads_restored")
def test_a_mean_over_tissue_is_the_same_on_any_number_of_threads() -> None:
    slices = torch.rand(8, 100, 90, generator=torch.Generator().manual_seed(0))
    counts = LocalNoise(gain=((0.0, 0.1), (0.5, 0.6), (1.0, 1.0)))
    means = set()
    for threads in (1, 2, 3, 4):
        torch.set_num_threads(threads)
        means.add(counts.mean_variance(slices, slices > 0.1))
    assert len(means) == 1
