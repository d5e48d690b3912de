# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How memory and time grow with the volume, and what `monai-ddfm check` had said of them.

    python benchmarks/forecast.py [--volumes 96x96x32 96x96x1000 512x512x135] [--noise 0.01 0.2] [--sources 2]
        [--maps provenance uncertainty] [--plot FILE]

Writes phantoms of those sizes as NIfTI and fuses each by `monai-ddfm fuse` in a process of its own. Prints markdown:
the largest resident memory, processor seconds of all stages from the record, and the forecast of both.
`--plot`: both over the number of slices.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from machine import describe_machine
from markdown_table import table
from speed import phantom

from monai_ddfm.denoising.clean_sources import THRESHOLD
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.pipeline.forecast import forecast

NAMES = ("MR", "PET", "CT", "NM")


def write_sources(folder: Path, shape: Sequence[int], noise: float, count: int) -> list[Path]:
    """Phantoms of that size as NIfTI, voxels of 1 mm."""
    written = []
    for seed in range((count + 1) // 2):
        for volume in phantom(shape, noise, seed)[0]:
            if len(written) < count:
                path = folder / f"{NAMES[len(written)]}.nii"
                nib.save(nib.Nifti1Image(((volume.numpy() + 1.0) * 1000).astype(np.int16), np.eye(4)), path)
                written.append(path)
    return written


def fused_alone(sources: Sequence[Path], folder: Path, maps: Sequence[str]) -> tuple[float, float]:
    """Fuse in a process of its own; returns the peak of its memory in MiB, and its stages' processor seconds."""
    command = [sys.executable, "-m", "monai_ddfm", "fuse", *map(str, sources)]
    command += ["-o", str(folder / "out"), "--quiet", "--device", "cpu"]
    if maps:
        command += ["--maps", *maps]
    subprocess.run(command, check=True)
    (record,) = (json.loads(path.read_text()) for path in (folder / "out").glob("*.json") if path.stem != "summary")
    stages = record["stages"].values()
    return max(stage["peak_mib"] for stage in stages), sum(stage["processor"] for stage in stages)


def foretold(shape: Sequence[int], sources: int, noise: float, maps: Sequence[str]) -> tuple[float, float]:
    """What `monai-ddfm check` says of the memory in MiB, and of the processor seconds."""
    settings = {"anchor": NAMES[0], "sources": list(NAMES[1:sources]), "maps": list(maps), "device": "cpu"}
    pipeline = FusionPipeline(FusionConfig.of(**settings))
    told = forecast(shape, pipeline.config, pipeline.reach, sources * math.prod(shape))
    memory, seconds = (told.memory_noisy, told.seconds_noisy) if noise > THRESHOLD[1] else (told.memory, told.seconds)
    return memory / 2**20, seconds


def plot(shapes: Sequence[Sequence[int]], peaks: Sequence[float], seconds: Sequence[float], path: Path) -> None:
    """Memory and processor seconds over the number of slices."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, both = pyplot.subplots(1, 2, figsize=(9, 3.6))
    rows, columns = shapes[0][:2]
    for axes, values, what in zip(both, (peaks, seconds), ("peak resident, MiB", "processor seconds"), strict=True):
        axes.plot([shape[2] for shape in shapes], values, marker="o")
        axes.set(xlabel=f"slices of {rows} x {columns}", ylabel=what, ylim=(0, None))
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", nargs="+", default=["96x96x32", "96x96x1000", "512x512x135"])
    parser.add_argument("--noise", nargs="+", type=float, default=[0.01, 0.2])
    parser.add_argument("--sources", type=int, choices=range(2, 5), default=2)
    parser.add_argument("--maps", nargs="*", default=[])
    parser.add_argument("--plot", type=Path, help="picture; for volumes that differ in their number of slices")
    options = parser.parse_args()
    rows: list[list[str]] = []
    shapes, peaks, times = [], [], []
    for text, noise in product(options.volumes, options.noise):
        shape = [int(side) for side in text.split("x")]
        with tempfile.TemporaryDirectory() as folder:
            sources = write_sources(Path(folder), shape, noise, options.sources)
            peak, seconds = fused_alone(sources, Path(folder), options.maps)
        told = foretold(shape, options.sources, noise, options.maps)
        rows.append([text, f"{noise}", f"{peak:.0f}", f"{told[0]:.0f}", f"{seconds:.1f}", f"{told[1]:.0f}"])
        shapes, peaks, times = [*shapes, shape], [*peaks, peak], [*times, seconds]
        print(rows[-1], file=sys.stderr, flush=True)
    print(describe_machine(torch.device("cpu")), end="\n\n")
    titles = ["volume", "noise", "peak resident, MiB", "forecast, MiB", "processor seconds", "forecast, s"]
    print(table(titles, rows))
    if options.plot:
        plot(shapes, peaks, times, options.plot)


if __name__ == "__main__":
    main()
