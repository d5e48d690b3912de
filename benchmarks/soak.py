# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Does memory stay flat over a long cohort? Small cases of many shapes through the cohort runner, in one process.

    python benchmarks/soak.py [--cases 500] [--warm-up 50] [--preset NAME] [--seed 0]

Each case is an MR and a noisier PET, each on a grid of its own, about as large but of another shape than the last (307
shapes in 500 cases); results and reports are written, and removed when the next ten are. Prints resident memory by
tenths of the run, its growth from the tenth after the warm-up to the last, and how many files and threads are open.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import nibabel
import numpy as np
from monai.transforms import Compose

from monai_ddfm.cohort import CaseDataset, Cohort
from monai_ddfm.io.memory import resident
from monai_ddfm.pipeline import FusionConfig, FusionPipeline

_VOXELS = 5000  # of a case, so that none is much larger than others: the largest come first
_KEPT = 10  # finished cases that stay on the disk


def write_case(folder: Path, number: int, seed: int) -> dict[str, str]:
    """An MR and a PET of one body, smooth within, as files."""
    random = np.random.default_rng([seed, number])
    case = {"case": f"case_{number:04d}"}
    for key, spacing, noise in (("MR", 2.0, 8.0), ("PET", 3.0, 25.0)):
        rows, columns = random.integers(18, 36, 2)
        shape = [rows, columns, round(_VOXELS / (rows * columns))]
        axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
        body = 600 * np.exp(-2 * sum(axis**2 for axis in axes)) + 80 * np.sin(6 * axes[0] + number)
        voxels = np.clip(body + random.normal(0, noise, shape), 0, None).astype(np.float32)
        affine = np.diag([spacing, spacing, spacing, 1.0])
        affine[:3, 3] = -spacing * (np.array(shape) - 1) / 2
        case[key] = str(folder / f"{case['case']}_{key}.nii")
        nibabel.save(nibabel.Nifti1Image(voxels, affine), case[key])
    return case


class Sample:
    """Notes what memory is held when a case is written, and removes what the tenth case before left."""

    def __init__(self, sources: Path, output_dir: Path) -> None:
        self.folders = sources, output_dir
        self.names: list[str] = []
        self.memory: list[int] = []

    def __call__(self, data: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Note, and clear; the record stays, as the run looks for it at its end."""
        self.names.append(str(data["case"]))
        self.memory.append(resident())
        for folder in self.folders if len(self.names) > _KEPT else ():
            for path in folder.glob(f"{self.names[-_KEPT - 1]}_*"):
                path.unlink()
        return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--warm-up", type=int, default=50)
    parser.add_argument("--preset")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.cases <= options.warm_up:
        parser.error(f"--cases must be more than the warm-up, {options.warm_up}, got {options.cases}")
    with tempfile.TemporaryDirectory() as place:
        sources, out = Path(place, "in"), Path(place, "out")
        sources.mkdir()
        config = FusionConfig.of(
            options.preset, anchor="MR", sources=["PET"], output_dir=str(out), device="cpu", threads=1, progress=False
        )
        pipeline = FusionPipeline(config)
        cases = [write_case(sources, number, options.seed) for number in range(options.cases)]
        cohort = Cohort(pipeline, CaseDataset(data=cases, transform=pipeline.preprocessing))
        sample = Sample(sources, out)
        cohort.postprocessing.transform = Compose([cohort.postprocessing.transform, sample])
        cohort.prepare()
        cohort.run(cohort.evaluator())
        states = [note["status"] for note in cohort.run_log.outcomes]
    gc.collect()
    tenth = max(1, options.cases // 10)
    for first in range(0, options.cases, tenth):
        held = median(sample.memory[first : first + tenth]) / 2**20
        print(f"cases {first + 1:4d} to {first + tenth:4d}: {held:.1f} MiB")
    warm = median(sample.memory[options.warm_up : options.warm_up + tenth])
    growth = median(sample.memory[-tenth:]) / warm - 1
    print(
        f"{states.count('finished')} of {options.cases} finished; growth after {options.warm_up} cases: {growth:+.1%}"
    )
    print(f"files open: {len(os.listdir('/proc/self/fd'))}, threads: {threading.active_count()}")


if __name__ == "__main__":
    main()
