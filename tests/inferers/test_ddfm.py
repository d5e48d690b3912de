# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""DDFMInferer: any size, any axis, no slice depends on its batch, and the published trajectory through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator
from torch import Tensor, nn

from monai_ddfm.inferers import DDFMInferer, LuminanceRange, luminance
from monai_ddfm.inferers.noise_field import NoiseField
from monai_ddfm.priors import DiffusionPrior, IdentityPrior, UNetPrior
from monai_ddfm.rectifiers import EMRectifier, ReferenceEMRectifier, StructureRectifier
from monai_ddfm.samplers import spaced_timesteps
from tests.paper_sampling import paper_inferer
from tests.tiny_unet import tiny_unet


def random_sources(*shape: int, seed: int = 0) -> Tensor:
    return 2.0 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 1.0


class CountingPrior(IdentityPrior):
    """Notes how many images it was asked about, and their shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.spatial_multiple = 8
        self.asked: list[tuple[int, ...]] = []

    def predict_x0(self, x_t: Tensor, t: Tensor | int) -> Tensor:
        self.asked.append(tuple(x_t.shape))
        return super().predict_x0(x_t, t)


class AnalyticPrior(DiffusionPrior):
    """The network with which the published loop was recorded: ε = 0.9 x √(t / 1000) + 0.05 sin(3 x.flip(1))."""

    def __init__(self) -> None:
        super().__init__(channels=3)

    def predict_x0(self, x_t: Tensor, t: Tensor | int) -> Tensor:
        epsilon = 0.9 * x_t * (t / 1000) ** 0.5 + 0.05 * torch.sin(3 * x_t.flip(1))
        alpha = float(self.alphas_cumprod[t])
        return ((x_t - (1 - alpha) ** 0.5 * epsilon) / alpha**0.5).clamp(-1, 1)


@pytest.mark.parametrize("steps", [10, 100])
def test_published_trajectory(data_dir: Path, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with np.load(data_dir / f"ddim_reference_{steps}.npz") as arrays:
        golden = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    monkeypatch.setattr(NoiseField, "__call__", lambda *_, **__: golden["x_T"])
    compared = []

    def compare(index: int, t: int, x: Tensor, x0: Tensor) -> None:
        for name, value in ((f"x_after_{index + 1}", x), (f"x0_after_{index + 1}", x0)):
            if name in golden:
                torch.testing.assert_close(value, golden[name], rtol=0, atol=1e-3, msg=name)
                compared.append(name)

    fused = paper_inferer(
        rectifier=ReferenceEMRectifier(),
        timesteps=spaced_timesteps(steps),
        luminance_range="studio",
        callback=compare,
    )(torch.cat([golden["I"], golden["V"]], dim=1), AnalyticPrior())
    assert sorted(compared) == sorted(name for name in golden if "after" in name)
    wanted = luminance(golden[f"x_after_{steps}"], LuminanceRange.STUDIO)
    torch.testing.assert_close(fused, wanted, rtol=0, atol=1e-3)


@given(size=st.tuples(st.integers(1, 13), st.integers(1, 13), st.integers(1, 3)), axis=st.integers(-3, 2))
@settings(max_examples=15)
def test_any_size(tiny_prior: UNetPrior, size: tuple[int, int, int], axis: int) -> None:
    fused = paper_inferer(steps=2, slice_axis=axis)(random_sources(2, 2, *size), tiny_prior)
    assert fused.shape == (2, 1, *size)
    assert fused.isfinite().all()
    assert not fused.requires_grad


def test_network_sees_its_multiple() -> None:
    prior = CountingPrior()
    paper_inferer(steps=1, slices_per_batch=2)(random_sources(1, 2, 9, 5, 3), prior)
    assert prior.asked == [(8, 1, 16, 8)]


def test_picture_is_a_volume_of_one_slice(tiny_prior: UNetPrior) -> None:
    sources = random_sources(3, 2, 10, 7)
    fused = paper_inferer(slices_per_batch=1)(sources, tiny_prior)
    assert fused.shape == (3, 1, 10, 7)
    assert torch.equal(fused, paper_inferer()(sources[..., None], tiny_prior)[..., 0])


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("shared_noise", [True, False])
def test_pictures_share_batches_and_nothing_else(tiny_prior: UNetPrior, spatial_dims: int, shared_noise: bool) -> None:
    sources = random_sources(4, 2, 24, 20)
    sources[1], sources[2] = -1.0, sources[2].mean(dim=-1, keepdim=True)  # one empty, one without noise
    sources[3, :, :, :8] = -1.0  # other tissue than the others
    rectifier = StructureRectifier(spatial_dims=spatial_dims)
    fuse = paper_inferer(
        rectifier=rectifier,
        start="sources",
        denoise_sources=True,
        clean_in_three_planes=True,
        crop_background=True,
        shared_noise=shared_noise,
        maps=("provenance",),
    )
    together = fuse(sources, tiny_prior)
    alone = torch.cat([fuse(sources[index : index + 1], tiny_prior) for index in range(4)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    prior = CountingPrior()
    paper_inferer(rectifier=StructureRectifier(spatial_dims=spatial_dims, noise=0.3), steps=1)(sources, prior)
    assert prior.asked == [(8, 1, 24, 24)]


def test_slice_axis(tiny_prior: UNetPrior) -> None:
    sources = random_sources(1, 2, 6, 9, 8)
    last = paper_inferer()(sources, tiny_prior)
    for axis in (0, 1, -2):
        moved = paper_inferer(slice_axis=axis)(sources.movedim(-1, 2 + axis % 3), tiny_prior)
        torch.testing.assert_close(moved.movedim(2 + axis % 3, -1), last, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
@pytest.mark.parametrize("shared_noise", [True, False])
def test_slices_do_not_depend_on_their_batch(tiny_prior: UNetPrior, sampler: str, shared_noise: bool) -> None:
    sources = random_sources(1, 2, 12, 11, 5)
    arguments = {"sampler": sampler, "shared_noise": shared_noise}
    alone = paper_inferer(slices_per_batch=1, **arguments)(sources, tiny_prior)
    for slices_per_batch in (2, 3, 8):
        together = paper_inferer(slices_per_batch=slices_per_batch, **arguments)(sources, tiny_prior)
        assert torch.equal(together, alone)


@given(order=st.permutations(range(5)))
@settings(max_examples=8)
def test_order_of_slices_does_not_matter(tiny_prior: UNetPrior, order: list[int]) -> None:
    sources = random_sources(1, 2, 8, 8, 5)
    sources[..., 2] = -1.0  # one without tissue
    fused = paper_inferer(steps=2, slices_per_batch=2)(sources, tiny_prior)
    reordered = paper_inferer(steps=2, slices_per_batch=2)(sources[..., order], tiny_prior)
    torch.testing.assert_close(reordered, fused[..., order], rtol=0, atol=1e-4)


def test_volumes_of_a_batch_do_not_mix(tiny_prior: UNetPrior) -> None:
    sources = random_sources(2, 2, 8, 12, 3)
    together = paper_inferer()(sources, tiny_prior)
    for index in range(2):
        assert torch.equal(paper_inferer()(sources[index : index + 1], tiny_prior), together[index : index + 1])


@pytest.mark.parametrize("arguments", [{}, {"sampler": "ddpm"}, {"eta": 0.7}])
def test_repeatable_to_the_bit_and_seeded(tiny_prior: UNetPrior, arguments: dict[str, Any]) -> None:
    sources = random_sources(1, 2, 9, 10, 3)
    first = paper_inferer(seed=4, **arguments)(sources, tiny_prior)
    torch.rand(3)  # the global generator plays no part
    assert torch.equal(paper_inferer(seed=4, **arguments)(sources, tiny_prior), first)
    assert not torch.equal(paper_inferer(seed=5, **arguments)(sources, tiny_prior), first)


def test_shared_noise_makes_equal_slices_equal(tiny_prior: UNetPrior) -> None:
    sources = random_sources(1, 2, 8, 8, 1).expand(-1, -1, -1, -1, 3)
    shared = paper_inferer(shared_noise=True, slices_per_batch=1)(sources, tiny_prior)
    assert torch.equal(shared[..., 0], shared[..., 2])
    independent = paper_inferer(shared_noise=False, slices_per_batch=1)(sources, tiny_prior)
    assert (independent[..., 0] - independent[..., 2]).abs().max() > 1e-3


def test_slices_without_tissue_are_passed_through() -> None:
    prior = CountingPrior()
    sources = random_sources(1, 2, 8, 8, 6)
    sources[..., [0, 3, 5]] = -1.0
    sources[0, 0, 0, 0, 3] = -0.99  # less than one percent of the range: noise of the background
    fused = paper_inferer(steps=2, slices_per_batch=2)(sources, prior)
    assert prior.asked == [(8, 1, 8, 8)] * 2
    assert torch.equal(fused[0, 0, ..., [0, 3, 5]], sources[0, 0, ..., [0, 3, 5]])
    assert (fused[0, 0, ..., [1, 2, 4]] != sources[0, 0, ..., [1, 2, 4]]).any()


def test_volume_without_tissue_asks_nothing() -> None:
    prior = CountingPrior()
    sources = torch.full((1, 2, 8, 8, 3), -1.0)
    assert torch.equal(paper_inferer()(sources, prior), sources[:, :1])
    assert prior.asked == []


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_equal_sources_are_the_result(tiny_prior: UNetPrior, sampler: str) -> None:
    """Whatever the prior proposes, sources that agree are believed."""
    source = random_sources(1, 1, 16, 16, 2)
    fused = paper_inferer(steps=6, sampler=sampler)(source.expand(-1, 2, -1, -1, -1), tiny_prior)
    torch.testing.assert_close(fused, source, rtol=0, atol=2e-3)


def test_start_at_the_sources_answer() -> None:
    """At timestep 0 hardly any noise is left, so that sampling stays where it began."""
    sources = random_sources(1, 2, 8, 8)
    rectifier = EMRectifier()
    state = rectifier.start(sources)
    answer = rectifier.solve(sources, state)
    fused = paper_inferer(steps=1, start_timestep=0, start="sources")(sources, IdentityPrior())
    from_answer, _ = rectifier(answer, sources, state, 0.0)
    assert (fused - from_answer).abs().max() < 0.08  # the noise level of timestep 0 is 0.01
    from_noise = paper_inferer(steps=1, start_timestep=0, start="noise")(sources, IdentityPrior())
    assert (from_noise - fused).abs().max() > 0.2


def test_meta_is_kept(tiny_prior: UNetPrior) -> None:
    affine = torch.diag(torch.tensor([1.5, 2.0, 3.0, 1.0], dtype=torch.float64))
    sources = MetaTensor(random_sources(1, 2, 8, 8, 2), affine=affine, meta={"filename_or_obj": "anchor.nii.gz"})
    before = sources.as_tensor().clone()
    fused = paper_inferer()(sources, tiny_prior)
    assert isinstance(fused, MetaTensor)
    torch.testing.assert_close(fused.affine, affine)
    assert fused.meta["filename_or_obj"] == "anchor.nii.gz"
    assert torch.equal(sources.as_tensor(), before)
    plain = paper_inferer()(before, tiny_prior)
    assert type(plain) is Tensor
    assert torch.equal(plain, fused.as_tensor())


def test_callback_and_progress(tiny_prior: UNetPrior, capfd: pytest.CaptureFixture[str]) -> None:
    calls = []
    with_bar = paper_inferer(progress=True, slices_per_batch=2, callback=lambda step, t, x, x0: calls.append((step, t)))
    with_bar(random_sources(1, 2, 8, 8, 3), tiny_prior)
    assert calls == [(0, 999), (1, 500), (2, 0)]
    assert "9/9" in capfd.readouterr().err  # three slices of three steps
    paper_inferer()(random_sources(1, 2, 8, 8, 3), tiny_prior)
    assert capfd.readouterr().err == ""


def test_bfloat16_stays_near_float32(tiny_prior: UNetPrior) -> None:
    sources = random_sources(1, 2, 16, 16)
    exact = paper_inferer()(sources, tiny_prior)
    lowered = paper_inferer(precision="bfloat16")(sources, tiny_prior)
    assert lowered.dtype == torch.float32
    assert not torch.equal(lowered, exact)
    assert (lowered - exact).abs().mean().item() < 0.01  # a voxel may change sides between two sources


def test_as_inferer_of_an_evaluator(tiny_prior: UNetPrior) -> None:
    sources = random_sources(2, 2, 8, 8, 3)
    loader = DataLoader(Dataset([{"image": volume} for volume in sources]), batch_size=1)
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"), val_data_loader=loader, network=tiny_prior, inferer=paper_inferer(), epoch_length=2
    )
    evaluator.run()
    fused = evaluator.state.output[0]["pred"]  # of the last iteration
    assert torch.equal(torch.as_tensor(fused), paper_inferer()(sources[1:], tiny_prior)[0])


@pytest.mark.gpu
def test_gpu_agrees_with_cpu() -> None:
    sources, prior = random_sources(1, 2, 15, 16, 3), UNetPrior(tiny_unet()).eval()
    on_cpu = paper_inferer()(sources, prior)
    on_gpu = paper_inferer()(sources.cuda(), prior.cuda())
    assert on_gpu.is_cuda
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=0, atol=5e-3)


@pytest.mark.parametrize("network", [nn.Conv2d(1, 1, 3), lambda x: x, None])
def test_network_that_is_no_prior(network: object) -> None:
    with pytest.raises(
        TypeError, match=r"network must be a .*DiffusionPrior.*; wrap a DiffusionModelUNet in UNetPrior"
    ):
        paper_inferer()(random_sources(1, 2, 8, 8), network)


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (2, 8, 8), (1, 1, 8, 8, 2), (1, 2, 8, 8, 2, 2)])
def test_inputs_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"inputs must be \[B, K, H, W\] or \[B, K, H, W, D\] with K of 2 or more"):
        paper_inferer()(torch.zeros(shape), IdentityPrior())


def test_three_sources_are_too_many_for_the_paper() -> None:
    with pytest.raises(ValueError, match=r"two sources \[B, 2, H, W\], got \(1, 3, 8, 8\)"):
        paper_inferer()(random_sources(1, 3, 8, 8), IdentityPrior())


def test_timesteps_the_prior_does_not_have() -> None:
    prior = IdentityPrior()
    prior.alphas_cumprod = prior.alphas_cumprod[:500]
    with pytest.raises(ValueError, match=r"timesteps must descend strictly within 499\.\.0"):
        paper_inferer(timesteps=[600, 0])(random_sources(1, 2, 8, 8), prior)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("sampler", "euler"),
        ("start", "zeros"),
        ("precision", "float8"),
        ("luminance_range", "video"),
        ("slices_per_batch", 0),
        ("steps", 0),
        ("steps", 1001),
    ],
)
def test_arguments_out_of_range(argument: str, value: object) -> None:
    with pytest.raises(ValueError, match=str(value)):
        paper_inferer(**{argument: value})


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("crop", [True, False])
def test_what_is_empty_in_all_sources_is_nobodys(spatial_dims: int, crop: bool) -> None:
    sources = random_sources(1, 2, 40, 40, 5)
    sources[:, :, :15] = sources[:, :, 30:] = sources[..., -1:] = -1.0
    inferer = DDFMInferer(
        StructureRectifier(spatial_dims=spatial_dims), maps=["provenance"], crop_background=crop, steps=1
    )
    _, first, second = inferer(sources, IdentityPrior())[0]
    empty = (sources[0] == -1.0).all(0)
    assert empty.any()
    assert (first[empty] == 0.5).all() and (second[empty] == 0.5).all()
    assert (first[~empty] != 0.5).float().mean() > 0.9
