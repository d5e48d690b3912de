# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How well neighbouring slices of a fused volume hold together.

    python benchmarks/consistency.py --volumes DIR [--way NAME] [--json FILE]

DIR holds folders of volumes; every pair below that a folder has is fused. The measure is the mean absolute second
difference across slices of the fused volume over that of the source that dominates each voxel: 1 is as smooth as the
sources are, more is flicker between slices. It is printed with in-plane metrics, which would show smoothness bought by
blur.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from monai_ddfm.cohort.cases import find_cases
from monai_ddfm.foreground import has_foreground
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.metrics import (
    FusionSSIMMetric,
    QabfMetric,
    SCDMetric,
    VIFMetric,
    bidirectional_self_warping_error,
    motion_smoothness,
    to_grey_levels,
)
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.rectifiers import StructureRectifier
from monai_ddfm.transforms import CheckVolumed, MatchGridsd, NormalizeModalityd, ReadSourced

PAIRS = (("T1", "FLAIR"), ("T1", "T2"), ("MR_T1", "PET"), ("MR_T1", "CT"), ("CT", "PET"))
ACROSS = {
    "BiSWE": bidirectional_self_warping_error,
    "MS2R": motion_smoothness,
}  # less is better
Way = Callable[[Tensor, torch.nn.Module], Tensor]  # sources [1, K, H, W, D], prior -> fusion and shares [1, 1 + K, ...]
METRICS = {"VIF": VIFMetric, "Qabf": QabfMetric, "SSIM": FusionSSIMMetric, "SCD": SCDMetric}


def average(sources: Tensor, prior: torch.nn.Module) -> Tensor:
    """The mean of the sources, and which is the brightest."""
    return torch.cat([sources.mean(1, keepdim=True), _brightest(sources)], dim=1)


def maximum(sources: Tensor, prior: torch.nn.Module) -> Tensor:
    """The brightest source at every voxel, and which that is."""
    return torch.cat([sources.amax(1, keepdim=True), _brightest(sources)], dim=1)


def _brightest(sources: Tensor) -> Tensor:
    return torch.zeros_like(sources).scatter_(1, sources.argmax(1, keepdim=True), 1.0)


def ways() -> dict[str, Way]:
    """The ways that are compared."""
    maps = ("provenance",)

    def paper(**changes: Any) -> DDFMInferer:
        return FusionPipeline(FusionConfig.of("paper", steps=25, maps=maps, progress=False, **changes)).inferer

    def slices(**changes: Any) -> DDFMInferer:
        return DDFMInferer(StructureRectifier(), clean_in_three_planes=False, maps=maps, **changes)

    return {
        "paper, independent noise": paper(shared_noise=False),
        "paper, shared noise": paper(),
        "ours, independent noise": slices(shared_noise=False),
        "ours, shared noise": slices(),
        "ours, shared noise, 3-D": DDFMInferer(maps=maps),
        "average": average,
        "maximum": maximum,
    }


def second_difference_ratio(fused: Tensor, provenance: Tensor, sources: Tensor) -> float:
    """Second difference across slices of ``[1, 1, H, W, D]`` over that of the dominant source, both over tissue."""

    def second_difference(volume: Tensor) -> Tensor:
        return (volume[..., :-2] - 2.0 * volume[..., 1:-1] + volume[..., 2:]).abs()

    dominant = provenance[..., 1:-1].argmax(dim=1, keepdim=True)
    tissue = has_foreground(sources)[..., 1:-1]
    of_source = second_difference(sources).gather(1, dominant)
    return float(second_difference(fused)[tissue].mean() / of_source[tissue].mean())


def volumes_of(folder: Path, pair: tuple[str, str], slices: int) -> Tensor | None:
    """The pair's volumes on one grid, normalised, ``[1, 2, H, W, D]``; None when the folder lacks one."""
    try:
        case = find_cases(folder, pair)[0]
    except (FileNotFoundError, ValueError):
        return None
    loaded: Any = case
    for transform in (ReadSourced(pair), CheckVolumed(pair), MatchGridsd(pair), NormalizeModalityd(pair)):
        loaded = transform(loaded)
    volume = torch.cat([loaded[key] for key in pair])[None]
    first = max(0, (volume.shape[-1] - slices) // 2)
    return volume[..., first : first + slices]


def measure(way: Way, prior: torch.nn.Module, sources: Tensor) -> dict[str, float]:
    """The ratio and the in-plane metrics of one way on one pair."""
    fused, provenance = way(sources, prior).as_subclass(Tensor).split([1, 2], dim=1)
    plain = sources.as_subclass(Tensor)
    row = {"second difference": second_difference_ratio(fused, provenance, plain)}
    slices = [to_grey_levels(volume[0].movedim(-1, 0), (-1.0, 1.0)) for volume in (fused, plain)]
    for name, across in ACROSS.items():
        row[name] = float(across(*slices).mean())
    for name, metric_class in METRICS.items():
        metric = metric_class()
        metric(fused, plain)
        row[name] = float(metric.aggregate())
    return row


def main() -> None:
    """Fuse all pairs in all ways and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=Path, required=True)
    parser.add_argument("--slices", type=int, default=24, help="middle slices of each volume")
    parser.add_argument("--way", action="append", choices=tuple(ways()), help="only this one (repeatable)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    compared = {name: way for name, way in ways().items() if name in (options.way or ways())}
    prior = FusionPipeline(FusionConfig.of(device="cpu")).prior
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in compared}
    for folder in sorted(path for path in options.volumes.iterdir() if path.is_dir()):
        for pair in PAIRS:
            sources = volumes_of(folder, pair, options.slices)
            if sources is None:
                continue
            for name, way in compared.items():
                rows[name].append({"pair": f"{folder.name} {'+'.join(pair)}", **measure(way, prior, sources)})
                print(f"<!-- {name}: {rows[name][-1]} -->", flush=True)
    columns = ["second difference", *ACROSS, *METRICS]
    print(f"| {len(next(iter(rows.values())))} pairs | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, measured in rows.items():
        means = [sum(row[column] for row in measured) / len(measured) for column in columns]
        print(f"| {name} | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
