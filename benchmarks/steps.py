# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What more network evaluations buy.

    python benchmarks/steps.py --volumes DIR [--noise 0.1] [--runs 5] [--json FILE] [--plot FILE]

Fuses the middle slices of every pair of DIR's volumes (see consistency.py) with 3 to 100 steps and compares with 250:
PSNR in dB over tissue, fusion metrics, and seconds (median over runs, with the smallest and the largest). Clean sources
decide alone and cost no evaluation; noise of a given standard deviation in [-1, 1] is added to show sampling at work.
`paper` is the paper's rectifier from pure noise.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from consistency import METRICS, PAIRS, volumes_of
from markdown_table import spread, table
from torch import Tensor

from monai_ddfm.foreground import has_foreground
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.rectifiers import StructureRectifier

STEPS, MANY = (3, 5, 10, 25, 100), 250


def inferer(way: str, steps: int) -> DDFMInferer:
    """The inferer of a way with that many steps."""
    kind, sampler = way.split(", ")
    if kind == "paper":
        return FusionPipeline(FusionConfig.of("paper", sampler=sampler, steps=steps, progress=False)).inferer
    most = FusionConfig.of().sampling.start_timestep + 1
    return DDFMInferer(StructureRectifier(), sampler=sampler, steps=min(steps, most), denoise_sources=kind == "default")


def psnr(fused: Tensor, reference: Tensor, tissue: Tensor) -> float:
    """PSNR over tissue for a range of 2, at most 99 dB."""
    error = (fused - reference)[tissue].square().mean().clamp_min(1e-10)
    return min(99.0, float(10.0 * torch.log10(4.0 / error)))


def measure(way: str, prior: torch.nn.Module, sources: Tensor) -> list[dict[str, float]]:
    """One row for each number of steps."""
    reference = inferer(way, MANY)(sources, prior)
    rows = []
    for steps in STEPS:
        fused = inferer(way, steps)(sources, prior)
        row = {"steps": steps, "PSNR": psnr(fused, reference, has_foreground(sources))}
        for name, metric_class in METRICS.items():
            metric = metric_class()
            metric(fused, sources)
            row[name] = float(metric.aggregate())
        rows.append(row)
    return rows


def seconds_of_runs(way: str, steps: int, prior: torch.nn.Module, pairs: list[Tensor], runs: int) -> list[float]:
    """Seconds that the mean pair takes, in each run."""
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        for sources in pairs:
            inferer(way, steps)(sources, prior)
        seconds.append((time.perf_counter() - begun) / len(pairs))
    return seconds


def steps_table(rows: list[dict[str, float]], seconds: list[list[float]]) -> str:
    """A line for each number of steps."""
    columns = [name for name in rows[0] if name != "steps"]
    lines = [
        [f"{row['steps']:.0f}", spread(times), *(f"{row[column]:.3f}" for column in columns)]
        for row, times in zip(rows, seconds, strict=True)
    ]
    return table(["steps", "seconds", *columns], lines)


def plot(tables: dict[str, list[dict[str, float]]], path: Path) -> None:
    """PSNR to 250 steps over the number of steps, a line for each way."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for way, rows in tables.items():
        axes.semilogx([row["steps"] for row in rows], [row["PSNR"] for row in rows], marker="o", label=way)
    axes.set(xlabel="network evaluations per slice", ylabel=f"PSNR to {MANY} steps (dB)")
    axes.axhline(40, color="grey", linestyle=":")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=Path, required=True)
    parser.add_argument("--slices", type=int, default=4, help="middle slices of each pair")
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument(
        "--ways", nargs="+", default=["default, ddim", "sampling only, ddim", "sampling only, dpm_solver"]
    )
    parser.add_argument("--runs", type=int, default=1, help="timed runs")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    prior = FusionPipeline(FusionConfig.of(device="cpu")).prior
    folders = sorted(path for path in options.volumes.iterdir() if path.is_dir())
    found = [volumes_of(folder, pair, options.slices) for folder in folders for pair in PAIRS]
    pairs = [pair.as_subclass(Tensor) for pair in found if pair is not None]
    generator = torch.Generator().manual_seed(0)
    noisy = [(x + options.noise * torch.randn(x.shape, generator=generator)).clamp(-1, 1) for x in pairs]
    tables = {}
    for way in options.ways:
        rows = [measure(way, prior, sources) for sources in noisy]
        tables[way] = [{key: sum(r[i][key] for r in rows) / len(rows) for key in rows[0][i]} for i in range(len(STEPS))]
        seconds = [seconds_of_runs(way, steps, prior, noisy, options.runs) for steps in STEPS]
        print(f"\n{way}, noise {options.noise}, {len(noisy)} pairs of {options.slices} slices\n")
        print(steps_table(tables[way], seconds), flush=True)
    if options.json:
        options.json.write_text(json.dumps(tables, indent=1))
    if options.plot:
        plot(tables, options.plot)


if __name__ == "__main__":
    main()
