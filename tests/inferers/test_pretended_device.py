# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The inferer on a device that is not there: nothing is mixed, nothing differs, and the host waits seldom."""

from __future__ import annotations

from copy import deepcopy
from typing import Any
from unittest.mock import patch

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor

from monai_ddfm.bundle import preset_names
from monai_ddfm.denoising import measure_noise, noise_estimate
from monai_ddfm.denoising.estimate_noise_model import estimate_noise_model
from monai_ddfm.denoising.measure_noise import MeasureNoise
from monai_ddfm.denoising.noise_estimate import estimate_noise
from monai_ddfm.denoising.noise_meta import noise_of
from monai_ddfm.denoising.noise_model import NoiseModel
from monai_ddfm.inferers import DDFMInferer, slice_fusion
from monai_ddfm.maps import MAPS
from monai_ddfm.pipeline.config import FusionConfig
from monai_ddfm.pipeline.fusion_pipeline import FusionPipeline
from monai_ddfm.priors import UNetPrior
from monai_ddfm.rectifiers import StructureRectifier
from monai_ddfm.samplers import SAMPLERS
from tests.pretended_device import DEVICE, PretendedDevice, move_module
from tests.tiny_unet import tiny_unet

SHAPES = {"pictures": (2, 2, 14, 12), "volume": (1, 2, 14, 12, 3)}
MOST_WAITS = 14
"""Of the host in a fusion of two sources in one batch of slices, measured and found not to need cleaning."""


def noisy_sources(*shape: int) -> Tensor:
    """Noise, so that the prior is asked, in too few voxels for cleaning to tell."""
    return 1.6 * torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 0.8


def tiny_prior(channels: int = 1) -> UNetPrior:
    return UNetPrior(tiny_unet(channels), channels=channels, unshuffle=2)


def preset_inferer(preset: str, **settings: Any) -> DDFMInferer:
    inferer = FusionPipeline(FusionConfig.of(preset, precision="float32", device="cpu", **settings)).inferer
    if isinstance(inferer.slice_fusion.rectifier, StructureRectifier):
        inferer.slice_fusion.rectifier.iterations = 2  # which are all alike
    return inferer


def sampling_inferer(spatial_dims: int = 3, **settings: Any) -> DDFMInferer:
    """An inferer that asks the prior whatever the sources are."""
    rectifier = StructureRectifier(spatial_dims=spatial_dims, noise=0.1, iterations=2)
    return DDFMInferer(rectifier, precision="float32", **settings)


def fuse_there(inferer: DDFMInferer, sources: Tensor, channels: int = 1) -> tuple[Tensor, PretendedDevice]:
    """Fuse on the pretended device; returns the result there, and the device with what the fusion alone counted."""
    prior = move_module(tiny_prior(channels))
    with PretendedDevice() as device:
        there = sources.to(DEVICE)
        device.launches = device.waits = device.uploads = 0
        fused = inferer(there, prior)
    assert fused.device == DEVICE
    return fused, device


def assert_equal_to_cpu(inferer: DDFMInferer, sources: Tensor, channels: int = 1) -> PretendedDevice:
    with patch.object(slice_fusion, "in_fixed_batches", lambda predict, *arguments: predict(*arguments)):
        expected = deepcopy(inferer)(sources, tiny_prior(channels))  # in the device's batches: others round otherwise
    fused, device = fuse_there(inferer, sources, channels)
    with PretendedDevice():
        assert torch.equal(fused.cpu(), expected)
    return device


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("preset", preset_names())
def test_every_preset(preset: str, shape: tuple[int, ...]) -> None:
    steps = min(FusionConfig.of(preset).sampling.steps, 2)
    device = assert_equal_to_cpu(preset_inferer(preset, steps=steps), noisy_sources(*shape))
    assert device.waits <= MOST_WAITS


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler(sampler: str, shape: tuple[int, ...]) -> None:
    device = assert_equal_to_cpu(sampling_inferer(sampler=sampler, steps=3), noisy_sources(*shape))
    assert device.waits <= MOST_WAITS


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", MAPS)
def test_every_map(name: str, shape: tuple[int, ...]) -> None:
    inferer = sampling_inferer(maps=[name], uncertainty_seeds=2, steps=1)
    device = assert_equal_to_cpu(inferer, noisy_sources(*shape))
    assert device.waits <= MOST_WAITS * (2 if name == "uncertainty" else 1)  # which fuses once a seed


@pytest.mark.parametrize(
    ("shape", "not_cleaned", "most_waits"),
    [((1, 2, 48, 48), 6, 13), ((1, 2, 32, 32, 4), 44, 48), ((1, 2, 32, 32, 8), 44, 48)],
    ids=["picture", "volume", "volume in three planes"],
)
def test_cleaning(shape: tuple[int, ...], not_cleaned: int, most_waits: int) -> None:
    """Cleaning waits to measure each source, once to note what changed in it, and once for each batch it asks.

    Of a picture it waits once to measure, since that is done on the CPU; of a volume 17 times, however many slices.
    """
    sources = 0.2 * torch.randn(shape, generator=torch.Generator().manual_seed(0)).clamp(-3.0, 3.0)
    device = assert_equal_to_cpu(sampling_inferer(steps=1), sources)
    assert not_cleaned + sources.shape[1] < device.waits <= most_waits  # more than measuring alone costs


@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_measuring_noise(modality: str) -> None:
    """The same is measured there, and the host waits as often in many slices as in few."""
    volume = 0.1 * torch.randn(1, 64, 64, 48, generator=torch.Generator().manual_seed(0)) + 0.5
    waits = []
    for part in (volume[..., :24], volume):
        with PretendedDevice() as device:
            there = part.to(DEVICE)
            device.waits = 0
            noise = estimate_noise_model(there, modality=modality)
        waits.append(device.waits)
        assert noise == estimate_noise_model(part, modality=modality) and noise.std > 0.05
    assert waits[0] == waits[1] <= 41


def test_measuring_noise_of_an_image_on_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the device's memory is short, the CPU measures."""
    image = MetaTensor(0.1 * torch.randn(1, 64, 64, 8, generator=torch.Generator().manual_seed(0)) + 0.5)
    here = noise_of(MeasureNoise("MR")(image))
    with PretendedDevice() as device:
        assert noise_of(MeasureNoise("MR", device=DEVICE)(image)) == here
        assert device.launches > 100

    def short_there(volume: Tensor, **arguments: Any) -> NoiseModel:
        if volume.device == DEVICE:
            raise torch.OutOfMemoryError("out of memory")
        return estimate_noise_model(volume, **arguments)

    monkeypatch.setattr(measure_noise, "estimate_noise_model", short_there)
    with PretendedDevice():
        assert noise_of(MeasureNoise("MR", device=DEVICE)(image)) == here


def test_prior_of_rgb() -> None:
    assert_equal_to_cpu(preset_inferer("reference", steps=2), noisy_sources(2, 2, 14, 12), channels=3)


def test_three_planes() -> None:
    inferer = sampling_inferer(three_planes=True, shared_noise=False, steps=1)
    assert_equal_to_cpu(inferer, noisy_sources(1, 2, 8, 8, 8))


def test_prior_on_another_device() -> None:
    with PretendedDevice(), pytest.raises(RuntimeError, match="same device"):
        sampling_inferer()(noisy_sources(1, 2, 14, 12, 2).to(DEVICE), tiny_prior())


def test_sources_on_another_device() -> None:
    with PretendedDevice(), pytest.raises(RuntimeError, match="same device"):
        sampling_inferer()(noisy_sources(1, 2, 14, 12, 2), move_module(tiny_prior()))


def test_counts() -> None:
    with PretendedDevice() as device:
        x = torch.arange(4.0).to(DEVICE)
        assert (device.launches, device.waits, device.uploads) == (1, 0, 1)
        y = (x[1:] + 1).sum()
        assert (device.launches, device.waits, device.uploads) == (3, 0, 1)
        for waiting in (y.item, lambda: bool(y > 0), x.tolist, x.nonzero, x.cpu, lambda: x[x > 1]):
            before = device.waits
            waiting()
            assert (device.waits, device.uploads) == (before + 1, 1)
        waits = device.waits
        for uploading in (
            lambda: x.new_tensor([1.0]),
            lambda: x[[0, 2]],
            lambda: x[torch.tensor([0, 2])],
            lambda: torch.empty_like(x).copy_(torch.ones(4)),
        ):
            before = device.uploads
            uploading()
            assert (device.waits, device.uploads) == (waits, before + 1)


def test_mixing_devices() -> None:
    with PretendedDevice():
        x, here = torch.arange(4.0).to(DEVICE), torch.ones(4)
        for mixing in (
            lambda: x + here,
            lambda: torch.cat([x, here]),
            lambda: here[x.long()],
            lambda: x.index_select(0, torch.tensor([1])),
            lambda: x.index_put_((torch.tensor([0, 1]),), here[:2]),
        ):
            with pytest.raises(RuntimeError, match="same device"):
                mixing()
        assert (x + torch.tensor(1.0)).device == DEVICE  # numbers may come from the host


@pytest.mark.parametrize(("sampler", "uploads_per_step"), [("ddim", 1), ("ddpm", 2), ("dpm_solver", 1)])
def test_waits_and_steps(sampler: str, uploads_per_step: int) -> None:
    """Steps read nothing from the device, however many there are.

    Each sends it the timestep, and ddpm its noise, which is drawn on the CPU so that devices agree. CUDA's host waits
    for such copies, too, as they do not come from pinned memory.
    """
    sources = noisy_sources(*SHAPES["volume"])
    few, many = (fuse_there(sampling_inferer(sampler=sampler, steps=steps), sources)[1] for steps in (1, 3))
    assert many.waits == few.waits <= MOST_WAITS
    assert many.uploads - few.uploads <= 2 * uploads_per_step


@pytest.mark.parametrize(
    ("inferer", "shape", "waits_per_batch"),
    [
        (sampling_inferer(slices_per_batch=2, steps=1), (1, 2, 14, 12), 0),
        (sampling_inferer(spatial_dims=2, slices_per_batch=2, steps=1), (1, 2, 14, 12), 1),
        (sampling_inferer(slices_per_batch=2, steps=1), (2, 14, 12), 5),
    ],
    ids=["coupled", "each slice alone", "pictures"],
)
def test_waits_and_slices(inferer: DDFMInferer, shape: tuple[int, ...], waits_per_batch: int) -> None:
    """The sampling of coupled slices asks the device nothing more when there are more of them, up to a slab.

    A further slab asks once more, whether the prior is needed. Slices that are not coupled ask so for each batch.
    Of pictures, besides, every source is measured alone. Cleaning waits
    for each batch that it asks the prior about, see `test_cleaning`.
    """

    def waits(slices: int) -> int:
        whole = (*shape, slices) if len(shape) == 4 else (slices, *shape)
        return fuse_there(deepcopy(inferer), noisy_sources(*whole))[1].waits

    one_batch = waits(2)
    assert one_batch <= MOST_WAITS
    assert waits(4) - one_batch <= waits_per_batch


def test_the_noise_of_a_volume_sends_nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise_estimate, "_VOXELS_AT_ONCE", 32 * 32)  # a slice at a time
    volume = torch.rand(1, 1, 6, 32, 32) - 0.5
    with PretendedDevice() as device:
        there = volume.to(DEVICE)
        before = device.uploads
        answer = estimate_noise(there)
        assert (device.uploads - before, device.waits) == (0, 0)
        assert torch.equal(answer.cpu(), estimate_noise(volume))
