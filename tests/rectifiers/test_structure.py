# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The laws of the structure-aware rectifier, whatever the sources are."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from monai_ddfm.rectifiers.grid import box_mean, local_range
from monai_ddfm.rectifiers.structure import StructureRectifier

SIGMAS = st.sampled_from([0.0, 0.01, 0.3, 10.0])


def random_sources(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Blocky images: flat regions, edges and some background, as in anatomy."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((*shape[:-2], (shape[-2] + 3) // 4, (shape[-1] + 3) // 4), generator=generator, dtype=dtype)
    blocks = coarse.repeat_interleave(4, -2).repeat_interleave(4, -1)[..., : shape[-2], : shape[-1]]
    noise = torch.rand(shape, generator=generator, dtype=dtype)
    return ((3.0 * blocks + 0.2 * noise) - 1.5).clamp(-1, 1)


def proposal(seed: int, sources: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(seed + 1)
    return 2 * torch.rand(sources[:, :1].shape, generator=generator, dtype=sources.dtype) - 1


def rectify(rectifier: StructureRectifier, x0: Tensor, sources: Tensor, sigma: float) -> Tensor:
    return rectifier(x0, sources, rectifier.start(sources), sigma)[0]


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), sources=st.integers(2, 4), sigma=SIGMAS, noise=st.sampled_from([0.0, 0.2, 5.0]))
def test_the_envelope_of_the_sources_is_never_left(seed: int, sources: int, sigma: float, noise: float) -> None:
    images = random_sources(seed, 2, sources, 20, 24, dtype=torch.float32)
    fused = rectify(StructureRectifier(noise=noise), proposal(seed, images), images, sigma)
    low, high = local_range(images)
    assert (fused >= low).all() and (fused <= high).all()


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), copies=st.integers(2, 4), mix=st.floats(0, 1), base_layer_gain=st.floats(0, 3))
def test_equal_sources_give_the_source(seed: int, copies: int, mix: float, base_layer_gain: float) -> None:
    image = random_sources(seed, 1, 1, 20, 24)
    sources = image.expand(-1, copies, -1, -1)
    rectifier = StructureRectifier(mix=mix, base_layer_gain=base_layer_gain)
    state = rectifier.start(sources)
    torch.testing.assert_close(rectifier.solve(sources, state), image, atol=1e-9, rtol=0)
    share = rectifier.provenance(image, sources, state)
    torch.testing.assert_close(share, torch.full_like(share, 1 / copies))


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), order=st.permutations([0, 1, 2]), sigma=SIGMAS)
def test_the_order_of_the_sources_only_permutes_their_shares(seed: int, order: list[int], sigma: float) -> None:
    sources = random_sources(seed, 1, 3, 20, 24)
    x0 = proposal(seed, sources)
    rectifier = StructureRectifier(noise=0.1)
    state, permuted = rectifier.start(sources), rectifier.start(sources[:, order])
    fused = rectifier(x0, sources, state, sigma)[0]
    torch.testing.assert_close(rectifier(x0, sources[:, order], permuted, sigma)[0], fused, atol=1e-9, rtol=0)
    share = rectifier.provenance(fused, sources, state)
    torch.testing.assert_close(
        rectifier.provenance(fused, sources[:, order], permuted), share[:, order], atol=1e-9, rtol=0
    )
    torch.testing.assert_close(share.sum(1), torch.ones_like(share[:, 0]))
    assert (share >= 0).all()


def test_a_batch_equals_its_images_one_by_one() -> None:
    sources = random_sources(3, 4, 2, 20, 24)
    x0 = proposal(3, sources)
    rectifier = StructureRectifier(noise=0.2)
    together = rectify(rectifier, x0, sources, 0.1)
    alone = torch.cat([rectify(rectifier, x0[i : i + 1], sources[i : i + 1], 0.1) for i in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-12, rtol=0)


def test_single_and_double_precision_agree() -> None:
    sources = random_sources(4, 2, 2, 32, 32)
    rectifier = StructureRectifier()
    double = rectifier.start(sources)
    single = rectifier.start(sources.float())
    assert single.solution.dtype == torch.float32
    torch.testing.assert_close(single.solution.double(), double.solution, atol=1e-3, rtol=0)
    torch.testing.assert_close(single.weights.double(), double.weights, atol=1e-3, rtol=0)


def test_a_volume_of_one_slice_is_that_slice() -> None:
    sources = random_sources(5, 2, 3, 20, 24)
    flat = StructureRectifier(noise=0.1)
    deep = StructureRectifier(noise=0.1, spatial_dims=3, spacing=(3.0, 1.0, 1.0))
    expected = rectify(flat, proposal(5, sources), sources, 0.1)
    fused = rectify(deep, proposal(5, sources)[:, :, None], sources[:, :, None], 0.1)
    torch.testing.assert_close(fused[:, :, 0], expected, atol=1e-12, rtol=0)
    share = deep.provenance(fused, sources[:, :, None], deep.start(sources[:, :, None]))
    torch.testing.assert_close(share.sum(1), torch.ones_like(share[:, 0]))


def test_slices_of_a_volume_are_coupled_less_the_farther_they_lie_apart() -> None:
    sources = random_sources(6, 1, 2, 5, 20, 24)
    changed = sources.clone()
    changed[:, :, 0] = random_sources(7, 1, 2, 20, 24)

    def effect(thickness: float) -> float:
        # what is typical of a source is the whole volume's, near and far
        rectifier = StructureRectifier(fairness=0, edge_fairness=0, spatial_dims=3, spacing=(thickness, 1.0, 1.0))
        difference = rectifier.start(changed).solution - rectifier.start(sources).solution
        return float(difference[:, :, 2].abs().mean())

    assert effect(1.0) > 2 * effect(10.0)
    assert effect(10.0) < 0.01


def test_coupling_keeps_the_choice_of_source_from_flickering() -> None:
    """Two sources of different brightness whose texture fades and returns from slice to slice."""
    texture = random_sources(8, 1, 1, 1, 24, 24)
    amplitude = torch.tensor([0.05, 0.3] * 4, dtype=torch.float64).view(1, 1, 8, 1, 1)
    sources = torch.cat([-0.3 + amplitude * texture, 0.3 + 0.15 * texture.flip(-1).expand(-1, -1, 8, -1, -1)], dim=1)

    def chosen(spatial_dims: int) -> StructureRectifier:
        return StructureRectifier(fairness=0, edge_fairness=0, sharpness=4, spatial_dims=spatial_dims)

    def flicker(rectifier: StructureRectifier) -> float:
        stacked = sources if rectifier.spatial_dims == 3 else sources[0].movedim(1, 0)
        fused = rectifier.start(stacked).solution.reshape(8, -1)
        return float(fused.diff(n=2, dim=0).abs().mean())

    assert flicker(chosen(spatial_dims=3)) < 0.6 * flicker(chosen(spatial_dims=2))


def test_background_of_all_sources_stays_background() -> None:
    sources = random_sources(9, 1, 3, 24, 24)
    sources[..., :10, :] = -1.0
    fused = rectify(StructureRectifier(noise=0.3), proposal(9, sources), sources, 0.01)
    assert (fused[..., :10, :] == -1.0).all()
    assert (fused[..., 12:, :] > -1.0).any()


def head() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Fine stripes (tissue in MRI) inside a bright ring (bone in CT), with a bleeding that only CT shows.

    Returns:
        sources ``[1, 2, 96, 96]`` and the masks of stripes, bone and bleeding.
    """
    y, x = torch.meshgrid(torch.arange(96) - 47.5, torch.arange(96) - 47.5, indexing="ij")
    radius, bleeding = torch.sqrt(y * y + x * x), torch.sqrt((y - 8) ** 2 + x * x) < 9
    ct = torch.where(bleeding, 0.5, -0.3) + 0.03 * torch.randn(96, 96, generator=torch.Generator().manual_seed(0))
    ct[(radius > 36) & (radius < 43)] = 1.0
    mri = torch.where(radius < 36, 0.2 * torch.sin(1.3 * x), -0.9)
    mri[bleeding] = -0.8
    sources = torch.stack([mri, ct]).masked_fill(radius >= 43, -1.0)[None].double()
    stripes = (radius < 25) & ~(torch.sqrt((y - 8) ** 2 + x * x) < 12)
    return sources, stripes, (radius > 38) & (radius < 41), torch.sqrt((y - 8) ** 2 + x * x) < 6


def test_bone_and_bleeding_are_bright_and_soft_tissue_keeps_its_structure() -> None:
    sources, stripes, bone, bleeding = head()
    rectifier = StructureRectifier()
    state = rectifier.start(sources)
    fused = state.solution[0, 0]
    assert fused[bone].min() > 0.9
    assert fused[bleeding].mean() > 0.2  # -0.8 in MRI, 0.5 in CT, 0 around
    assert torch.corrcoef(torch.stack([fused[stripes], sources[0, 0][stripes]]))[0, 1] > 0.98
    share = rectifier.provenance(state.solution, sources, state)[0]
    assert share[1][bone].min() > 0.9
    assert share[0][stripes].mean() > 0.9


def test_the_base_layer_of_uptake_is_injected_as_asked() -> None:
    """A smooth warm spot (PET) over fine texture (MRI) brightens it, the more the larger the gain."""
    sources, stripes, _, _ = head()
    spot = 0.8 * torch.exp(-((torch.arange(96) - 60.0) ** 2) / 150)
    sources[:, 1] = torch.where(sources.amax(1) > -1, 2 * spot.outer(spot) - 1, -1.0)
    warm = stripes & (sources[0, 1] > -0.2)

    def brightening(base_layer_gain: float) -> float:
        fused = StructureRectifier(base_layer_gain=base_layer_gain).start(sources).solution
        return float((fused[0, 0] - sources[0, 0])[warm].mean())

    assert abs(brightening(0.0)) < 0.005
    assert brightening(0.4) > brightening(0.15) > 0.02


def test_a_smooth_source_is_heard_and_the_edges_of_the_other_stay() -> None:
    """Faint waves of uptake in a corner of stronger stripes: fair means both, the one in light, the other in edges."""
    y, x = torch.meshgrid(*[torch.arange(96.0, dtype=torch.float64)] * 2, indexing="ij")
    stripes = 0.2 * torch.sin(1.3 * x)
    corner = torch.sigmoid((40 - y) / 4) * torch.sigmoid((40 - x) / 4)
    uptake = -0.2 + 0.25 * corner * torch.sin(y / 3) * torch.cos(x / 4)
    sources = torch.stack([stripes, uptake])[None]

    def kept(fairness: float, edge_fairness: float) -> tuple[float, float]:
        """Correlation of the fusion's light with the uptake, and of its fine structure with the stripes."""
        fused = StructureRectifier(fairness=fairness, edge_fairness=edge_fairness).start(sources).solution
        light, light_of_uptake = (box_mean(image, [5, 5])[0, 0] for image in (fused, sources[:, 1:]))
        fine, fine_of_tissue = (image[0, 0] - box_mean(image, [5, 5])[0, 0] for image in (fused, sources[:, :1]))
        return _correlation(light[:30, :30], light_of_uptake[:30, :30]), _correlation(fine, fine_of_tissue)

    (unfair, _), (fair, edges) = kept(0.0, 0.0), kept(1.0, 0.3)
    assert fair > unfair + 0.2
    assert edges > 0.9


def _correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def test_parts_of_a_volume_are_judged_by_the_whole() -> None:
    sources = random_sources(11, 1, 2, 40, 20, 24, dtype=torch.float32)
    sources[:, 1, :20] = sources[:, 1, :20] * 0.2 - 0.8
    rectifier = StructureRectifier(spatial_dims=3, spacing=(5.0, 1.0, 1.0))
    seen = 10 + rectifier.reach()
    assert seen < 30
    part = rectifier.for_volume(sources).start(sources[:, :, :seen]).solution
    torch.testing.assert_close(part[:, :, :10], rectifier.start(sources).solution[:, :, :10], atol=1e-4, rtol=0)
    of_part, of_whole = (rectifier.for_volume(volume).volume_detail for volume in (sources[:, :, :seen], sources))
    assert of_part is not None and of_whole is not None
    assert of_part[0, 1] < 0.9 * of_whole[0, 1]


def planted(sources: Tensor) -> Tensor:
    """The rectifier's own answer with a bright disc that no source has."""
    x0 = StructureRectifier().start(sources).solution.clone()
    x0[..., 12:20, 12:20] = 1.0
    return x0


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_structure_that_only_the_prior_proposes_is_suppressed(noise: float) -> None:
    ramp = torch.linspace(-0.6, 0.0, 32, dtype=torch.float64).expand(1, 2, 32, 32)
    sources = torch.stack([ramp[:, 0], 0.5 * ramp[:, 1]], dim=1)
    fused = rectify(StructureRectifier(noise=noise), planted(sources), sources, 0.05)
    assert fused[..., 12:20, 12:20].max() <= sources[..., 11:21, 11:21].max()
    free = rectify(StructureRectifier(noise=noise, envelope=False), planted(sources), sources, 0.05)
    assert (free[..., 12:20, 12:20].mean() > 0.8) == (noise > 0)


def test_noisy_sources_trust_the_prior_and_clean_ones_do_not() -> None:
    sources = random_sources(10, 1, 2, 24, 24)
    x0 = proposal(10, sources)

    def distance(noise: float, sigma: float) -> float:
        rectifier = StructureRectifier(noise=noise, tolerated_noise=0.0, envelope=False)
        state = rectifier.start(sources)
        return float((rectifier(x0, sources, state, sigma)[0] - state.solution).abs().mean())

    assert distance(0.0, 0.0) == 0 < distance(1e-3, 1.0) < 1e-5
    assert distance(0.3, 0.3) > 0.1
    # P and L in equal parts: half way
    rectifier = StructureRectifier(noise=0.3, tolerated_noise=0.0, envelope=False)
    state = rectifier.start(sources)
    half = (rectifier.solve(sources, state) + x0) / 2
    inside = (sources > -1).any(1, keepdim=True)
    torch.testing.assert_close(rectifier(x0, sources, state, 0.3)[0][inside], half[inside])


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("mix", 1.5, "mix must be from 0"),
        ("window", 4, "odd"),
        ("fairness", -1.0, "negative"),
        ("edge_fairness", -1.0, "negative"),
        ("sharpness", -1.0, "negative"),
        ("base_layer_gain", -0.1, "negative"),
        ("structure", -0.1, "negative"),
        ("prior_strength", -0.1, "negative"),
        ("noise", -0.1, "negative"),
        ("sweeps", 0, "sweeps"),
        ("spatial_dims", 4, "spatial_dims"),
        ("spacing", (1.0, 0.0), "spacing"),
        ("spacing", (1.0, 1.0, 1.0), "spacing"),
    ],
)
def test_arguments_out_of_range_are_refused(argument: str, value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        StructureRectifier(**{argument: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 2, 4, 8, 8), (2, 8, 8)])
def test_sources_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="sources must be"):
        StructureRectifier().start(torch.zeros(shape))


def test_windows_of_coarse_voxels_see_the_same_anatomy_and_three_voxels_at_least() -> None:
    rectifier = StructureRectifier(spatial_dims=3)
    fine, coarse, coarsest = (rectifier.for_spacing([side] * 3) for side in (0.5, 4.0, 40.0))
    assert fine.for_spacing([2.0] * 3).reach() == fine.reach() == rectifier.reach()
    sources = random_sources(0, 1, 2, 24, 40, 40)
    half = StructureRectifier(window=15, spatial_dims=3).start(sources).weights  # what differs is the detail's size
    off = (coarse.start(sources).weights - half).abs().mean()
    assert off < 0.5 * (rectifier.start(sources).weights - half).abs().mean()
    assert coarse.reach() < rectifier.reach()
    assert torch.isfinite(coarsest.start(sources).solution).all()
    thick = rectifier.for_spacing([20.0, 4.0, 4.0])
    assert thick.reach(0) < thick.reach(1) == coarse.reach(1)


def test_a_volume_that_is_fused_at_once_needs_nothing_told_about_it() -> None:
    sources = random_sources(9, 1, 2, 9, 20, 24, dtype=torch.float32)
    rectifier = StructureRectifier(spatial_dims=3, tolerated_noise=0.0)
    told = rectifier.for_volume(sources).start(sources)
    for expected, found in zip(told, rectifier.start(sources), strict=True):
        torch.testing.assert_close(found, expected, atol=0, rtol=0)
