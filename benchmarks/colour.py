# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How far do colours leave the map that readers know? All pairs of grey and uptake, for every map and blend.

python benchmarks/colour.py
"""

from __future__ import annotations

import torch
from torch import Tensor

from monai_ddfm.transforms import ColourFunctional
from monai_ddfm.transforms.colour_maps import colour_table
from monai_ddfm.transforms.colour_mixing import Blend, to_lab

MAPS = ("hot_iron", "pet_20_step", "rainbow", "inferno", "hot_metal_blue", "pet")


def hue(lab: Tensor) -> Tensor:
    """Degrees."""
    return torch.rad2deg(torch.atan2(lab[2], lab[1]))


def chroma(lab: Tensor) -> Tensor:
    """Distance from grey."""
    return torch.hypot(lab[1], lab[2])


def olive(lab: Tensor) -> Tensor:
    """Dark yellow."""
    return (hue(lab) > 90) & (hue(lab) < 125) & (lab[0] < 70) & (chroma(lab) > 20)


def row(name: str, blend: Blend) -> str:
    """One row of the table."""
    grey, uptake = torch.meshgrid(torch.linspace(0, 1, 256), torch.linspace(0, 1, 256), indexing="ij")
    rgb = ColourFunctional(name, blend, threshold=0.4 if blend is Blend.THRESHOLD else 0.05)(
        2 * grey[None] - 1, 2 * uptake[None] - 1
    )
    shown, of_map = to_lab((rgb * 255).round() / 255), to_lab(colour_table(name).T)[:, None].expand(-1, 256, -1)
    high = uptake > 0.5
    coloured = high & (chroma(shown) > 10) & (chroma(of_map) > 10)
    turned = ((hue(shown) - hue(of_map) + 180) % 360 - 180).abs()[coloured].max()
    away = (shown[0] - of_map[0]).abs()[high].max()
    kept = chroma(shown)[high].mean() / chroma(of_map)[high].mean()
    dark = f"{olive(shown).float().mean():.1%} ({olive(of_map).float().mean():.1%})"
    return f"| {name} | {blend.value} | {turned:.1f} | {away:.1f} | {kept:.0%} | {dark} |"


def main() -> None:
    """Print the table."""
    print("| map | blend | hue, degrees | L* | chroma kept | olive (of the map) |")
    print("|---|---|---:|---:|---:|---:|")
    for name in MAPS:
        for blend in Blend:
            print(row(name, blend))


if __name__ == "__main__":
    main()
