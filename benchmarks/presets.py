# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The presets as users run them, built from the bundle's configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from monai_ddfm.bundle import preset_names
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.pipeline.describe import describe

__all__ = ["DEFAULT", "all_presets", "load_presets"]

DEFAULT = "default"


def all_presets() -> list[str]:
    """``default``, the bundle without an overlay, and the name of each overlay."""
    return [DEFAULT, *preset_names()]


def load_presets(names: Iterable[str], device: torch.device) -> dict[str, Callable[[Tensor], Tensor]]:
    """Build the inferer and the prior of each preset.

    Presets that differ only in how volumes are read and windowed fuse pictures alike; they come as one.

    Returns:
        by name (or names), fusions of sources ``[1, K, H, W]`` in grey levels 0..255 to ``[1, 1, H, W]``.
    """
    alike: dict[str, list[str]] = {}
    fusions = {}
    for name in names:
        preset = None if name == DEFAULT else name
        pipeline = FusionPipeline(FusionConfig.of(preset, progress=False, device=device))
        settings = json.dumps([describe(pipeline.inferer), describe(pipeline.prior)], sort_keys=True)
        alike.setdefault(settings, []).append(name)
        if len(alike[settings]) == 1:
            fusions[settings] = _picture_fusion(pipeline.inferer, pipeline.prior)
    return {", ".join(alike[settings]): fusion for settings, fusion in fusions.items()}


def _picture_fusion(inferer: Callable[..., Tensor], prior: torch.nn.Module) -> Callable[[Tensor], Tensor]:
    def fuse(sources: Tensor) -> Tensor:
        return (inferer(sources / 127.5 - 1, prior) + 1) * 127.5

    return fuse
