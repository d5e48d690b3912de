# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""MI: how much of the sources' grey levels the fused image's grey levels tell."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_ddfm.metrics.images import check_images

__all__ = ["mutual_information"]


def mutual_information(fused: Tensor, sources: Tensor, per_source: bool = False) -> Tensor:
    """Mutual information of the fused image with each source, natural logarithm, over the 256 x 256 joint histogram.

    Values are rounded to whole grey levels (Qu et al. 2002, sum over the sources).

    Args:
        fused: fused images ``[B, 1, H, W]`` in grey levels 0..255.
        sources: sources ``[B, K, H, W]`` in grey levels 0..255.
        per_source: return the value of each source instead of their sum.

    Returns:
        ``[B]``, or ``[B, K]`` with `per_source`.
    """
    fused, sources = check_images(fused, sources)
    batch, k = sources.shape[:2]
    levels_f = fused.round().clamp(0, 255).long().flatten(2)
    levels_s = sources.round().clamp(0, 255).long().flatten(2)
    pair = torch.arange(batch * k, device=fused.device).view(batch, k, 1)
    counts = torch.bincount(((pair * 256 + levels_f) * 256 + levels_s).flatten(), minlength=batch * k * 65536)
    joint = counts.view(batch, k, 256, 256).double() / levels_f.shape[-1]
    of_f, of_s = joint.sum(dim=3), joint.sum(dim=2)
    values = torch.xlogy(joint, joint).sum(dim=(2, 3))
    values = values - torch.xlogy(of_f, of_f).sum(dim=2) - torch.xlogy(of_s, of_s).sum(dim=2)
    return values if per_source else values.sum(dim=1)
