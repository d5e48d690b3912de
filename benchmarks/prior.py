# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What does the prior add? The rectifier alone against rectifier and prior, on clean and on noisy sources.

    python benchmarks/prior.py --pairs DIR [--volume NAME ANCHOR OTHER]... [--clip] [--limit N] [--json FILE]

DIR holds slice pairs as for quality.py; ``--volume`` adds the middle of two registered NIfTI volumes on one grid, fused
as a volume and measured slice by slice. Each pair is fused as it is, with normal noise of 5 and 10 percent of the range
on both sources, and, where the other source counts photons (PET, SPECT), with Poisson noise on it (``--counts`` at its
brightest voxel). Three ways are compared:

    rectifier   the structure-aware rectifier alone
    sampling    the same in diffusion sampling: at each timestep a blend with the prior's proposal, by their precisions
    default     the bundle's default: noisy sources are cleaned by the prior first, then as sampling

Printed are, as markdown: PSNR and SSIM to the rectifier's fusion of the *clean* sources, the eight usual measures on
clean sources, and the standard deviation over seeds inside and outside the body, in percent of the range.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from monai.transforms import LoadImage
from pairs import find_pairs, half_of, read_sources
from torch import Tensor

from monai_ddfm import metrics
from monai_ddfm.foreground import has_foreground
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.transforms.modality import modality_of
from monai_ddfm.transforms.normalize_modality import NormalizeModality

GAUSSIAN = {"noise 5 %": 0.1, "noise 10 %": 0.2}  # standard deviations in [-1, 1]
POISSON = "Poisson"
METHODS = ("rectifier", "sampling", "default")
MEASURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "EN": lambda fused, _: metrics.entropy(fused),
    "SD": lambda fused, _: metrics.standard_deviation(fused),
    "SF": lambda fused, _: metrics.spatial_frequency(fused),
    "MI": metrics.mutual_information,
    "SCD": metrics.sum_of_correlations_of_differences,
    "VIF": metrics.visual_information_fidelity,
    "Qabf": metrics.edge_transfer,
    "SSIM": lambda fused, sources: metrics.structural_similarity(fused, sources, data_range=2.0),
}
MIDDLE = (0.4, 0.7)  # of a volume, along its last axis
Fusion = Callable[[Tensor], Tensor]  # sources [1, K, H, W] or [1, K, H, W, D] in [-1, 1] -> fused [1, 1, ...]


class Case(NamedTuple):
    """Two registered slices ``[1, 2, H, W]`` or volumes ``[1, 2, H, W, D]`` in [-1, 1], the anchor first."""

    set: str
    name: str
    sources: Tensor
    counts_photons: bool


def pair_cases(folder: Path, half: str) -> list[Case]:
    """The slice pairs of a folder."""
    pairs = [pair for pair in find_pairs(folder) if half in ("all", half_of(pair))]
    return [Case(p.set, p.name, read_sources(p) / 127.5 - 1, "PET" in p.set or "SPECT" in p.set) for p in pairs]


def volume_case(name: str, anchor: str, other: str) -> Case:
    """The middle slices, along the last axis, of two volumes on one grid."""
    volumes = []
    for file in (anchor, other):
        modality = modality_of(Path(file).name.split(".")[0])
        volumes.append(NormalizeModality(modality)(LoadImage(ensure_channel_first=True)(file)))
    first, last = (round(place * volumes[0].shape[-1]) for place in MIDDLE)
    middle = torch.cat(volumes)[None, ..., first:last]  # a MetaTensor: the voxels' size matters
    return Case(name, f"slices {first} to {last}", middle, modality_of(Path(other).name.split(".")[0]).functional)


def slices_of(image: Tensor) -> Tensor:
    """A slice as it is, a volume ``[1, C, H, W, D]`` as ``[D, C, H, W]``."""
    plain = image.as_subclass(Tensor)
    return plain if plain.ndim == 4 else plain[0].movedim(-1, 0)


def degraded(case: Case, counts: float, clip: bool) -> dict[str, Tensor]:
    """The sources of a case under every condition; the noise follows from its name."""
    generator = torch.Generator().manual_seed(zlib.crc32(f"{case.set}/{case.name}".encode()))
    conditions = {"clean": case.sources}
    for name, sigma in GAUSSIAN.items():
        conditions[name] = case.sources + sigma * torch.randn(case.sources.shape, generator=generator)
    if case.counts_photons:
        rate = (case.sources[:, 1:].clamp(-1, 1) + 1) / 2 * counts
        counted = torch.poisson(rate, generator=generator) / counts * 2 - 1
        conditions[POISSON] = torch.cat([case.sources[:, :1], counted], dim=1)
    return {name: sources.clamp(-1, 1) if clip else sources for name, sources in conditions.items()}


def fusions(weights: Path | None, spatial_dims: int, seed: int = 0) -> dict[str, Fusion]:
    """The three ways of fusing slices or volumes, with the bundle's weights or others."""
    changes = {} if weights is None else {"weights": str(weights)}
    built = {}
    for name, clean_first in (("sampling", False), ("default", True)):
        config = FusionConfig.of(
            progress=False, device="cpu", seed=seed, spatial_dims=spatial_dims, denoise_sources=clean_first, **changes
        )
        pipeline = FusionPipeline(config)
        built[name] = (pipeline.inferer, pipeline.prior)
    rectifier = pipeline.rectifier

    def alone(sources: Tensor) -> Tensor:
        stacked = sources.as_subclass(Tensor)
        stacked = stacked if spatial_dims == 2 else stacked.movedim(-1, 2)
        solved = rectifier.solve(stacked, rectifier.start(stacked))
        return solved if spatial_dims == 2 else solved.movedim(2, -1)

    return {"rectifier": alone} | {
        name: lambda sources, pair=pair: pair[0](sources, pair[1]) for name, pair in built.items()
    }


def psnr(fused: Tensor, reference: Tensor) -> float:
    """PSNR in dB for the range of 2 of images in [-1, 1]."""
    return float(10 * torch.log10(4.0 / (fused.clamp(-1, 1) - reference).square().mean().clamp_min(1e-12)))


def grey(image: Tensor) -> Tensor:
    return metrics.to_grey_levels(image.clamp(-1, 1), (-1.0, 1.0))


def measure(case: Case, ways: dict[str, Fusion], counts: float, clip: bool) -> list[dict]:
    """One row for every condition and way of fusing, the mean over slices."""
    reference = slices_of(ways["rectifier"](case.sources)).clamp(-1, 1)
    clean = grey(slices_of(case.sources))
    rows = []
    for condition, sources in degraded(case, counts, clip).items():
        for method in METHODS:
            fused = slices_of(ways[method](sources))
            row = {"set": case.set, "name": case.name, "condition": condition, "method": method}
            if condition == "clean":
                row |= {m: float(function(grey(fused), clean).mean()) for m, function in MEASURES.items()}
            else:
                similarity = metrics.structural_similarity(grey(fused), grey(reference), data_range=255.0)
                row |= {"PSNR": psnr(fused, reference), "SSIM": float(similarity.mean())}
            rows.append(row)
    return rows


def mean(rows: list[dict], column: str, **wanted: str) -> float:
    values = [row[column] for row in rows if all(row[key] == value for key, value in wanted.items())]
    return sum(values) / len(values)


def tables(rows: list[dict]) -> str:
    """The two tables of all rows."""
    sets = list(dict.fromkeys(row["set"] for row in rows))
    lines = [
        "| set | condition | rectifier dB | sampling dB | default dB | gain dB | SSIM rectifier | sampling | default |"
    ]
    lines.append("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for condition in [*GAUSSIAN, POISSON]:
        for name in sets:
            own = [row for row in rows if row["set"] == name and row["condition"] == condition]
            if own:
                decibels = [mean(own, "PSNR", method=method) for method in METHODS]
                similar = [mean(own, "SSIM", method=method) for method in METHODS]
                cells = [f"{v:.2f}" for v in decibels] + [f"{decibels[-1] - decibels[0]:+.2f}"]
                lines.append(f"| {name} | {condition} | {' | '.join(cells + [f'{v:.3f}' for v in similar])} |")
    clean = [row for row in rows if row["condition"] == "clean"]
    lines += ["", f"| clean sources | {' | '.join(MEASURES)} |", f"|---|{'---:|' * len(MEASURES)}"]
    for name in sets:
        for method in METHODS:
            values = [mean(clean, m, set=name, method=method) for m in MEASURES]
            lines.append(f"| {name}, {method} | {' | '.join(f'{v:.3f}' for v in values)} |")
    return "\n".join(lines)


def seed_table(cases: list[Case], weights: Path | None, clip: bool, seeds: int = 8) -> str:
    """Standard deviation over seeds at 10 percent noise, inside and outside the body, of sampling and the default."""
    deviations: dict[str, list[tuple[float, float]]] = {"sampling": [], "default": []}
    ways = {dims: [fusions(weights, dims, seed) for seed in range(seeds)] for dims in (2, 3)}
    for case in cases:
        body = has_foreground(case.sources)
        sources = degraded(case, 100.0, clip)["noise 10 %"]
        for method, values in deviations.items():
            spread = torch.stack([way[method](sources) for way in ways[case.sources.ndim - 2]]).std(dim=0) / 2 * 100
            values.append((float(spread[body].mean()), float(spread[~body].mean())))
    lines = [f"| {seeds} seeds, noise 10 % | inside the body | outside |", "|---|---:|---:|"]
    for method, values in deviations.items():
        inside, outside = (sum(column) / len(column) for column in zip(*values, strict=True))
        lines.append(f"| {method} | {inside:.3f} % | {outside:.3f} % |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, help="folder of slice pairs")
    parser.add_argument("--volume", nargs=3, action="append", default=[], metavar=("NAME", "ANCHOR", "OTHER"))
    parser.add_argument("--half", choices=("choose", "report", "all"), default="all", help="which half of the cases")
    parser.add_argument("--limit", type=int, help="at most so many slices of each set")
    parser.add_argument("--weights", type=Path, help="weights of the shipped architecture, instead of the shipped ones")
    parser.add_argument("--counts", type=float, default=100.0, help="expected counts at the brightest voxel")
    parser.add_argument("--clip", action="store_true", help="cut noise off at the ends of the range, as scaling does")
    parser.add_argument("--no-seeds", action="store_true", help="leave out the table over seeds")
    parser.add_argument("--json", type=Path, help="write every row to this file")
    args = parser.parse_args()
    cases = pair_cases(args.pairs, args.half) if args.pairs else []
    cases += [volume_case(*volume) for volume in args.volume]
    by_set: dict[str, list[Case]] = {}
    for case in cases:
        by_set.setdefault(case.set, []).append(case)
    cases = [case for own in by_set.values() for case in own[: args.limit]]
    if not cases:
        parser.error("give --pairs or --volume")
    ways = {dims: fusions(args.weights, dims) for dims in (2, 3)}
    with torch.no_grad():
        rows = [row for case in cases for row in measure(case, ways[case.sources.ndim - 2], args.counts, args.clip)]
        print(tables(rows))
        if not args.no_seeds:
            print("\n" + seed_table([own[0] for own in by_set.values()], args.weights, args.clip))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
