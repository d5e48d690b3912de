# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How memory and time grow with the volume, and what `monai-ddfm check` had said of them.

    python benchmarks/forecast.py [--volumes 96x96x32 96x96x1000 512x512x135] [--noise 0.01 0.2] [--sources 2]
        [--maps provenance uncertainty]

Writes phantoms of those sizes as NIfTI and fuses each by `monai-ddfm fuse` in a process of its own. Prints markdown:
the largest resident memory, processor seconds of all stages from the record, and the forecast of both.
"""

from __future__ import annotations

import argparse
import json
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", nargs="+", default=["96x96x32", "96x96x1000", "512x512x135"])
    parser.add_argument("--noise", nargs="+", type=float, default=[0.01, 0.2])
    parser.add_argument("--sources", type=int, choices=range(2, 5), default=2)
    parser.add_argument("--maps", nargs="*", default=[])
    options = parser.parse_args()
    rows = []
    for text, noise in product(options.volumes, options.noise):
        shape = [int(side) for side in text.split("x")]
        with tempfile.TemporaryDirectory() as folder:
            sources = write_sources(Path(folder), shape, noise, options.sources)
            peak, seconds = fused_alone(sources, Path(folder), options.maps)
        rows.append([text, f"{noise}", f"{peak:.0f}", f"{seconds:.1f}"])
        print(rows[-1], file=sys.stderr, flush=True)
    print(describe_machine(torch.device("cpu")), end="\n\n")
    print(table(["volume", "noise", "peak resident, MiB", "processor seconds"], rows))


if __name__ == "__main__":
    main()
