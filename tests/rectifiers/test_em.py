# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The paper's rectifier: its expectations by numerical integration, its limits, and that slices do not mix."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from monai_ddfm.rectifiers import EMRectifier
from monai_ddfm.rectifiers.em import EMState


def random_images(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2.0 * torch.rand(shape, generator=generator, dtype=dtype) - 1.0


def iterate(rectifier: EMRectifier, f: Tensor, sources: Tensor, times: int) -> tuple[Tensor, EMState]:
    state = rectifier.start(sources)
    for _ in range(times):
        f, state = rectifier(f, sources, state, 0.0)
    return f, state


def posterior_means_of_variance(difference: float, prior_mean: float) -> tuple[float, float]:
    """E[n] and E[1/n] given difference ~ N(0, n), n ~ EXP(prior_mean), by integration over log n."""
    log_n = torch.linspace(-16.0, 8.0, 200_001, dtype=torch.float64)
    n = log_n.exp()
    density = n.rsqrt() * torch.exp(-(difference**2) / (2.0 * n) - n / prior_mean) * n
    total = density.sum()
    return float((density * n).sum() / total), float((density / n).sum() / total)


@pytest.mark.parametrize(("i", "v", "proposal"), [(0.8, -0.5, 0.1), (-0.9, 0.6, 0.5)])
@pytest.mark.parametrize("prior_mean", [1.0, 0.25])
def test_expectations_are_those_of_the_posterior(i: float, v: float, proposal: float, prior_mean: float) -> None:
    sources = torch.tensor([i, v], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    rectifier = EMRectifier()
    means = torch.full((1,), prior_mean, dtype=torch.float64)
    before = EMState(means, means, torch.zeros_like(sources))
    f, after = rectifier(torch.full((1, 1, 4, 4), proposal, dtype=torch.float64), sources, before, 0.0)
    m, m_bar = posterior_means_of_variance(i - proposal, prior_mean)
    n, n_bar = posterior_means_of_variance(proposal - v, prior_mean)
    assert after.gamma.item() == pytest.approx(m, rel=1e-4)
    assert after.rho.item() == pytest.approx(n, rel=1e-4)
    # on a constant image nothing is smoothed, so that k = x
    eta, x, y = rectifier.eta, proposal - v, i - v
    expected = (2 * m_bar * y + eta * x) / (2 * m_bar + 2 * n_bar + eta) + v
    torch.testing.assert_close(f, torch.full_like(f, expected), rtol=1e-4, atol=1e-5)


def test_m_step_is_that_of_the_smooth_copy() -> None:
    """k by a dense solve of (1 + ∇ᵀ∇) k = x; u = η / (2ψ + η) ∇k; and eq. 29 with that k."""
    psi, eta = 0.7, 0.3
    sources, x0 = random_images(1, 1, 2, 6, 7), random_images(2, 1, 1, 6, 7)
    f, state = EMRectifier(psi, eta)(x0, sources, EMRectifier().start(sources), 0.0)
    transfer = torch.zeros(6, 7, dtype=torch.float64)
    transfer[0, 0] = 1 + 4.0
    transfer[0, 1] = transfer[0, -1] = transfer[1, 0] = transfer[-1, 0] = -1.0
    x, y = (x0 - sources[:, 1:2])[0, 0], (sources[:, 0] - sources[:, 1])[0]
    rows = [transfer.roll((row, column), (0, 1)).flatten() for row in range(6) for column in range(7)]
    k = torch.linalg.solve(torch.stack(rows), x.flatten()).view(6, 7)
    gradients = torch.stack([k.roll(-1, 0) - k, k.roll(-1, 1) - k]) * eta / (2 * psi + eta)
    torch.testing.assert_close(state.gradients[0], gradients)
    m_bar, n_bar = 2.0**0.5 / (y - x).abs(), 2.0**0.5 / x.abs()  # γ = ρ = 1 at the start
    wanted = (2 * m_bar * y + eta * k) / (2 * m_bar + 2 * n_bar + eta)
    torch.testing.assert_close(f[0, 0] - sources[0, 1], wanted, rtol=1e-5, atol=1e-8)


@given(seed=st.integers(0, 2**31))
@settings(max_examples=10)
def test_equal_sources_are_the_result(seed: int) -> None:
    source = random_images(seed, 1, 1, 9, 12)
    sources = source.expand(-1, 2, -1, -1)
    f, _ = iterate(EMRectifier(), source, sources, 1)
    torch.testing.assert_close(f, source, rtol=0, atol=1e-9)
    f, _ = iterate(EMRectifier(), random_images(seed + 1, 1, 1, 9, 12), sources, 8)
    torch.testing.assert_close(f, source, rtol=0, atol=1e-6)


@given(seed=st.integers(0, 2**31), height=st.integers(2, 17), width=st.integers(2, 17))
@settings(max_examples=6)
def test_converges_to_a_minimiser_of_the_l1_terms(seed: int, height: int, width: int) -> None:
    """|f - i|_1 + |f - v|_1 is smallest, |i - v|_1, exactly for any f between the sources, voxel by voxel."""
    sources = random_images(seed, 1, 2, height, width)
    start = random_images(seed + 1, 1, 1, height, width)
    f, _ = iterate(EMRectifier(), start, sources, 100)
    low, high = sources.amin(1, keepdim=True), sources.amax(1, keepdim=True)
    assert (f >= low - 1e-5).all()
    assert (f <= high + 1e-5).all()
    loss = (f - sources).abs().sum()
    assert loss.item() == pytest.approx((high - low).sum().item(), rel=1e-5)


def closest_share(rectifier: EMRectifier) -> float:
    """Share of the nearer source in f after 30 iterations of two sources apart, started off the middle."""
    sources = torch.tensor([0.5, -0.5], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, 8, 8)
    f, state = iterate(rectifier, torch.full((1, 1, 8, 8), 0.1, dtype=torch.float64), sources, 30)
    share = rectifier.provenance(f, sources, state)
    torch.testing.assert_close(share.sum(1), torch.ones_like(share[:, 0]))
    assert share.max().item() == pytest.approx((f.mean() + 0.5).item(), abs=0.2)
    return float(share.max())


@pytest.mark.parametrize("ratio", [1.0, 2.0, 5.0])
def test_bounded_precisions_keep_both_sources(ratio: float) -> None:
    assert closest_share(EMRectifier()) > 0.999  # by the equations alone one source is left
    assert closest_share(EMRectifier(largest_ratio=ratio)) <= ratio / (1 + ratio) + 1e-9


def test_a_wide_bound_is_none() -> None:
    sources, x0 = random_images(11, 1, 2, 8, 9), random_images(12, 1, 1, 8, 9)
    free, _ = iterate(EMRectifier(), x0, sources, 1)
    bounded, _ = iterate(EMRectifier(largest_ratio=1e9), x0, sources, 1)
    assert torch.equal(free, bounded)


@pytest.mark.parametrize("ratio", [0.5, -2.0, float("nan")])
def test_the_bound_in_range(ratio: float) -> None:
    with pytest.raises(ValueError, match="largest_ratio must be at least 1, or None for no bound, got"):
        EMRectifier(largest_ratio=ratio)


def test_batch_equals_one_by_one() -> None:
    sources, x0 = random_images(3, 4, 2, 11, 8), random_images(4, 4, 1, 11, 8)
    sources[2] *= 0.01  # slices of very different contrast have different hyper-parameters
    together, state = iterate(EMRectifier(), x0, sources, 3)
    for index in range(4):
        alone, alone_state = iterate(EMRectifier(), x0[index : index + 1], sources[index : index + 1], 3)
        torch.testing.assert_close(together[index : index + 1], alone, rtol=0, atol=1e-12)
        torch.testing.assert_close(state.rho[index : index + 1], alone_state.rho)
    assert state.rho.unique().numel() == 4


def test_state_is_passed_and_not_kept() -> None:
    rectifier = EMRectifier()
    sources, x0 = random_images(5, 1, 2, 8, 8), random_images(6, 1, 1, 8, 8)
    state = rectifier.start(sources)
    copies = [tensor.clone() for tensor in state]
    first, after = rectifier(x0, sources, state, 0.0)
    again, _ = rectifier(x0, sources, state, 0.0)
    assert torch.equal(first, again)
    for tensor, copy in zip(state, copies, strict=True):
        assert torch.equal(tensor, copy)
    assert not torch.equal(after.gradients, state.gradients)


def test_float32_agrees_with_float64() -> None:
    sources, x0 = random_images(7, 2, 2, 16, 16), random_images(8, 2, 1, 16, 16)
    exact, exact_state = iterate(EMRectifier(), x0, sources, 3)
    rounded, state = iterate(EMRectifier(), x0.float(), sources.float(), 3)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded.double(), exact, rtol=0, atol=1e-4)
    torch.testing.assert_close(state.gamma.double(), exact_state.gamma, rtol=1e-4, atol=0)


@pytest.mark.gpu
def test_gpu_agrees_with_cpu() -> None:
    sources, x0 = random_images(9, 2, 2, 31, 32), random_images(10, 2, 1, 31, 32)
    on_cpu, _ = iterate(EMRectifier(), x0, sources, 5)
    on_gpu, state = iterate(EMRectifier(), x0.cuda(), sources.cuda(), 5)
    assert all(tensor.is_cuda for tensor in state)
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=0, atol=1e-9)


def test_provenance() -> None:
    sources = torch.tensor([0.5, -0.5], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, 1, 3)
    fused = torch.tensor([0.5, 0.0, -0.5], dtype=torch.float64).view(1, 1, 1, 3)
    share = EMRectifier().provenance(fused, sources, EMRectifier().start(sources))
    torch.testing.assert_close(share.sum(1), torch.ones(1, 1, 3, dtype=torch.float64))
    torch.testing.assert_close(share[0, 0, 0], torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64), rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 3, 8, 8), (2, 8, 8)])
def test_only_two_sources(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"two sources \[B, 2, H, W\], got"):
        EMRectifier().start(torch.zeros(shape))


@pytest.mark.parametrize("weights", [{"psi": -0.1}, {"eta": 0.0}])
def test_weights_in_range(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="psi must be at least 0 and eta above 0"):
        EMRectifier(**weights)
