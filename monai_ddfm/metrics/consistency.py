# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""BiSWE and MS2R: whether neighbouring slices of a fused volume hold together as their sources' do.

Both take slices for frames, as the benchmark of video fusion they come from (Zhao et al. 2025, arXiv 2505.19858), which
measures optical flow with a trained network. Here the flow is iterative Lucas-Kanade, so that values compare with each
other and not with published ones; another estimator can be given.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.metrics.images import check_images

__all__ = ["Flow", "bidirectional_self_warping_error", "lucas_kanade_flow", "motion_smoothness"]

Flow = Callable[[Tensor, Tensor], Tensor]
"""From images a and b ``[H, W]`` to the displacement ``[2, H, W]`` (rows, columns) with ``a(x) = b(x + flow(x))``."""

_CONSISTENT = 1.0  # pixels that forward and backward flow may miss each other by


def lucas_kanade_flow(reference: Tensor, moving: Tensor) -> Tensor:
    """Return the flow of grey levels ``[H, W]`` by iterative Lucas-Kanade (Le Besnerais and Champagnat 2005)."""
    from skimage.registration import optical_flow_ilk  # of the extra `benchmarks`, which fusing does not need

    pair = (image.cpu().double().numpy() / 255.0 for image in (reference, moving))
    return torch.from_numpy(optical_flow_ilk(*pair, radius=7)).to(reference)


def bidirectional_self_warping_error(fused: Tensor, sources: Tensor, flow: Flow = lucas_kanade_flow) -> Tensor:
    """BiSWE: how far a slice is from its neighbours, each moved onto it by the fusion's own flow; less is better.

    Mean |f_t - warped f_(t-1)| plus mean |f_t - warped f_(t+1)|, in grey levels, over the pixels where the flows of all
    sources forth and back meet again within one pixel: what comes and goes there is anatomy, not flicker.

    Args:
        fused: slices of one volume, in order, ``[D, 1, H, W]`` in grey levels 0..255, D at least 3.
        sources: theirs ``[D, K, H, W]``.
        flow: estimator.

    Returns:
        one value for each slice but the first and the last, ``[D - 2]``.

    Raises:
        ValueError: fewer than three slices, or shapes that do not go together.
    """
    fused, sources = _check(fused, sources)
    values = []
    for t in range(1, len(fused) - 1):
        error = fused.new_zeros(())
        for neighbour in (t - 1, t + 1):
            seen = torch.stack([_meets_again(flow, s[t], s[neighbour]) for s in sources.unbind(1)]).all(dim=0)
            moved = _warp(fused[neighbour], flow(fused[t, 0], fused[neighbour, 0]))
            error = error + ((fused[t] - moved).abs()[0] * seen).sum() / seen.sum().clamp_min(1)
        values.append(error)
    return torch.stack(values)


def motion_smoothness(fused: Tensor, sources: Tensor, flow: Flow = lucas_kanade_flow) -> Tensor:
    """MS2R: how far the change of motion differs between the fusion and its sources, in pixels; less is better.

    The change of motion is flow(t, t + 1) - flow(t - 1, t); of its difference to each source's the mean of the absolute
    components over pixels and sources.

    Args:
        fused: slices of one volume, in order, ``[D, 1, H, W]`` in grey levels 0..255, D at least 3.
        sources: theirs ``[D, K, H, W]``.
        flow: estimator.

    Returns:
        one value for each slice but the first and the last, ``[D - 2]``.

    Raises:
        ValueError: fewer than three slices, or shapes that do not go together.
    """
    fused, sources = _check(fused, sources)
    changes = [_changes(slices, flow) for slices in (fused[:, 0], *sources.unbind(1))]
    return torch.stack([(changes[0] - of_source).abs().mean(dim=(1, 2, 3)) for of_source in changes[1:]]).mean(dim=0)


def _check(fused: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
    fused, sources = check_images(fused, sources)
    if len(fused) < 3:
        raise ValueError(f"consistency is of three slices or more, got {len(fused)}")
    return fused, sources


def _changes(slices: Tensor, flow: Flow) -> Tensor:
    """Change of motion at each inner slice, ``[D - 2, 2, H, W]``."""
    flows = torch.stack([flow(a, b) for a, b in pairwise(slices)])
    return flows[1:] - flows[:-1]


def _meets_again(flow: Flow, here: Tensor, there: Tensor) -> Tensor:
    """Where the way there and back ends within a pixel of its start, ``[H, W]``."""
    forth, back = flow(here, there), flow(there, here)
    return (forth + _warp(back, forth)).norm(dim=0) < _CONSISTENT


def _warp(image: Tensor, flow: Tensor) -> Tensor:
    """``image(x + flow(x))`` of ``[C, H, W]``, bilinear, the border value repeated outside."""
    size = torch.tensor(image.shape[-2:], dtype=flow.dtype, device=flow.device).view(2, 1, 1)
    axes = [torch.arange(n, dtype=flow.dtype, device=flow.device) for n in image.shape[-2:]]
    place = torch.stack(torch.meshgrid(*axes, indexing="ij")) + flow
    grid = ((2.0 * place + 1.0) / size - 1.0).flip(0).movedim(0, -1)[None]
    return F.grid_sample(image[None].to(flow.dtype), grid, padding_mode="border", align_corners=False)[0]
