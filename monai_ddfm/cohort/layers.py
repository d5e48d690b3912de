# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The volumes of a case as a report shows them: each in its own units, with its window and its colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray
from torch import Tensor

from monai_ddfm.maps import MAPS
from monai_ddfm.pipeline import FusionConfig
from monai_ddfm.report.layer import Layer
from monai_ddfm.report.projection import rotating_projection
from monai_ddfm.transforms.colour_maps import colour_table, maps_for

__all__ = ["layers_of", "projections_of"]

_ANGLES, _ANGLE_PIXELS = 36, 160
_HALF_RANGE = np.float32(50.0)  # from the range of 2 that is fused to percent of it


def _array(image: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(image.detach().cpu().float().as_subclass(Tensor).numpy())


def _affine(image: Tensor) -> np.ndarray:
    return image.affine.cpu().double().numpy() if isinstance(image, MetaTensor) else np.eye(4)


def _colours(config: FusionConfig) -> dict[str, np.ndarray]:
    """The colour map of each source that is shown in colour."""
    functional, given = config.functional_keys, config.results.colour_map
    names = maps_for(functional, given) if functional and given is not None else []
    return {
        key: (colour_table(name).numpy() * 255).round().astype(np.uint8)
        for key, name in zip(functional, names, strict=False)
    }


def layers_of(
    sources: Mapping[str, Tensor],
    fused: Tensor,
    maps: Mapping[str, Tensor],
    config: FusionConfig,
    facts: Mapping[str, Any],
) -> list[Layer]:
    """Return the sources, the fusion and its maps.

    Args:
        sources: ``[1, H, W, D]`` each in its own units, on the fusion's grid; those that there are.
        fused: ``[1, H, W, D]`` in the anchor's units.
        maps: by their name in `MAPS`, in their own range.
        config: the description of the fusion.
        facts: ``units`` and ``windows`` of the sources, as `case_facts` has them.
    """
    affine, anchor, colours = _affine(fused), config.inputs.anchor, _colours(config)
    units, windows = facts.get("units", {}), facts.get("windows", {})

    def window(key: str, image: Tensor) -> tuple[float, float]:
        low, high = windows.get(key) or (float(image.min()), float(image.max()))
        return low, high

    layers = [
        Layer(key, key, "source", _array(image[0]), affine, units.get(key, ""), window(key, image), colours.get(key))
        for key, image in sources.items()
    ]
    limits = window(anchor, fused)
    layers.append(Layer("fused", "Fusion", "fusion", _array(fused[0]), affine, units.get(anchor, ""), limits))
    for name in (name for name in MAPS if name in maps):
        layers += _map_layers(name, maps[name], affine, config.inputs.keys)
    return layers


def _map_layers(name: str, image: Tensor, affine: np.ndarray, keys: Sequence[str]) -> list[Layer]:
    if MAPS[name].per_source:
        shares = np.float32(100.0) * _array(image)
        return [
            Layer(f"{name}:{key}", f"share of {key}", "map", one, affine, "%", (0.0, 100.0), bits=8)
            for key, one in list(zip(keys, shares, strict=True))[len(keys) == 2 :]  # of two, one says both
        ]
    voxels = _HALF_RANGE * _array(image[0])
    highest = max(float(voxels.max()), 1e-3)
    return [Layer(name, name.capitalize(), "map", voxels, affine, "% of the range", (0.0, highest), bits=8)]


def projections_of(layers: Sequence[Layer]) -> list[Layer]:
    """Return the turning MIP of each layer in colour, as a volume whose last axis is the angle."""
    turning = []
    for layer in layers:
        if layer.colours is None or layer.voxels.shape[-1] == 1:
            continue
        volume = MetaTensor(torch.from_numpy(layer.voxels)[None], affine=torch.from_numpy(layer.affine))
        views = rotating_projection(volume, _ANGLES, largest=_ANGLE_PIXELS)[:, 0]  # [angles, rows, columns]
        turning.append(
            Layer(
                f"projection:{layer.name}",
                f"MIP of {layer.title}: scroll to turn it",
                "projection",
                views.permute(2, 1, 0).flip(1).contiguous().numpy(),  # columns to the right, rows up
                np.eye(4),
                layer.unit,
                layer.window,
                layer.colours,
                bits=8,
            )
        )
    return turning
