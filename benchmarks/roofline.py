# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What each stage of a fusion could take by memory and arithmetic, and what it takes.

    python benchmarks/roofline.py [--shape 190x230x190] [--noise 0.2] [--runs 5] [--device cpu|cuda]

Fuses MR and PET of the shipped patient, interpolated to that shape, with white noise of that standard deviation added
to both (of a range of 2; from 0.1 on sources are cleaned). Prints markdown, one row for each stage: bytes moved at
least (what each pass over memory reads once and writes once; blocks that stay in cache are one pass), operations,
seconds, and what that is of the machine's bandwidth (a triad over arrays far beyond cache) and, of the network, of its
rate in matrix products of the same precision, both measured before each run. On one core of a CPU, as threads
work on several stages' blocks at once otherwise, and one thread alone can be watched. Medians over the runs, with the
smallest and the largest value. Reading, colouring and writing files are not in it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from machine import bandwidth, describe_machine, peak_flops
from markdown_table import spread, table
from monai.data import MetaTensor
from stage_watch import StageWatch, TensorsOf
from torch import Tensor
from traffic import Count, Traffic, size_of

from monai_ddfm import blocks
from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.denoising import tissue_blocks
from monai_ddfm.denoising.clean_sources import clean_sources
from monai_ddfm.denoising.estimate_noise_model import estimate_noise_model
from monai_ddfm.denoising.half_quadratic import half_quadratic_splitting
from monai_ddfm.denoising.noise_estimate import estimate_noise
from monai_ddfm.denoising.noise_likelihood import NoiseLikelihood
from monai_ddfm.inferers.precision import resolve_precision
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors.predict_padded import predict_padded
from monai_ddfm.rectifiers import StructureRectifier, grid, mixture, salience
from monai_ddfm.transforms.restore_intensity import RestoreIntensity

NETWORK, RECTIFIER = "network", "rectifier: "
STAGES: Mapping[Callable[..., Any], str] = {
    estimate_noise_model: "measuring noise (CPU)",
    clean_sources: "cleaning: views, means",
    half_quadratic_splitting: "cleaning: views, means",
    NoiseLikelihood.closest: "cleaning: likelihood",
    resolve_precision: "choosing the precision",
    predict_padded: NETWORK,
    StructureRectifier.for_volume: RECTIFIER + "noise",
    estimate_noise: RECTIFIER + "noise",
    StructureRectifier.start: RECTIFIER + "start, its rest",
    salience.fine_detail: RECTIFIER + "detail",
    salience.typical_detail: RECTIFIER + "detail",
    salience.salience: RECTIFIER + "salience",
    grid.local_range: RECTIFIER + "bounds",
    salience.inject_base_layer: RECTIFIER + "base layers",
    salience.contrast_gain: RECTIFIER + "contrast",
    salience.salient_gradient: RECTIFIER + "gradients",
    mixture.fit_intensities_and_gradients: RECTIFIER + "start, its rest",
    mixture._expect: RECTIFIER + "EM, E-steps",
    mixture._sweep: RECTIFIER + "EM, sweeps",
    StructureRectifier._weigh: RECTIFIER + "timesteps",
    RestoreIntensity.__call__: "restoring units",
}
"""What is told apart, by the functions that do it."""


def _of_expectation(given: Mapping[str, Any], result: Any) -> list[Tensor]:
    edges = [values for edge in given["edges"] for values in (edge.wanted, edge.precision)]
    own = [given["f"], *(values for source in given["sources"] for values in source), *edges]
    return [values[slice(*given["block"])] for values in (*own, given["target"], given["inverse"])]


def _of_sweep(given: Mapping[str, Any], result: Any) -> list[Tensor]:
    own = [given[name] for name in ("f", "target", "inverse", "low", "high", "before", "before")]  # read and written
    return [values[slice(*given["block"])] for values in (*own, *(edge.precision for edge in given["edges"]))]


PASSES: Mapping[Callable[..., Any], TensorsOf] = {
    blocks.by_blocks: lambda given, result: [*given["volumes"], *result],
    grid._mean_along: lambda given, result: [given["x"], given["out"]],
    mixture._expect: _of_expectation,
    mixture._sweep: _of_sweep,
    tissue_blocks.local_mean: lambda given, result: [given["slices"], result],
}
"""Functions that go through memory once, in blocks or slices that stay in a CPU's cache, and the tensors they touch."""


class Case(NamedTuple):
    """A fusion to look at: what fuses, the sources ``[1, 2, *shape]`` in [-1, 1], the prior, and the anchor's units."""

    inferer: Callable[..., Tensor]
    sources: Tensor
    prior: Any
    anchor: MetaTensor

    def run(self) -> Tensor:
        """Fuse and restore the anchor's units."""
        with torch.no_grad():
            return RestoreIntensity()(self.inferer(self.sources, self.prior)[0].as_subclass(Tensor).cpu(), self.anchor)


def example_case(shape: Sequence[int], noise: float, device: torch.device, **settings: Any) -> Case:
    """MR and PET of the shipped patient, interpolated to `shape`, with white noise added."""
    pipeline = FusionPipeline(FusionConfig.of("mri_pet", device=device, progress=False, **settings))
    folder = BUNDLE_ROOT / "example" / "sts_010"
    ready = pipeline.preprocess({"MR": folder / "MR_T1.nii.gz", "PET": folder / "PET.nii.gz"})
    smooth = F.interpolate(ready["image"].as_subclass(Tensor)[None].float(), size=list(shape), mode="trilinear")
    grain = torch.randn(smooth.shape, generator=torch.Generator().manual_seed(0))
    sources = smooth.add_(grain, alpha=noise).clamp_(-1.0, 1.0)
    anchor = MetaTensor(sources[0, :1].clone(), meta=dict(ready["MR"].meta))
    return Case(pipeline.inferer, sources.to(device), pipeline.prior, anchor)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in this thread alone, the only one that is watched."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def counted(
    work: Callable[[], object], passes: bool = True, where: Callable[[Sequence[Tensor]], bool] = bool
) -> dict[str, Count]:
    """What each stage moves and computes.

    Args:
        work: what to count.
        passes: count what `PASSES` go through once; else each operation as one that knows no cache.
        where: which operations count, by their tensors; all by default.
    """

    def note(tensors: Iterable[Tensor]) -> None:
        traffic.counts[watch.stage].moved += sum(map(size_of, tensors))

    watch = StageWatch(STAGES, PASSES if passes else {}, on_pass=note)
    traffic = Traffic(stage=lambda: watch.stage, fused=lambda: watch.passing, counted=where)
    with one_thread(), watch(), traffic:
        work()
    return dict(traffic.counts)


def timed(work: Callable[[], object], device: torch.device) -> dict[str, float]:
    """Seconds of each stage."""
    watch = StageWatch(
        STAGES, settle=partial(torch.cuda.synchronize, device) if device.type == "cuda" else lambda: None
    )
    with one_thread(), watch():
        work()
    return dict(watch.seconds)


def summed(counts: Iterable[Count]) -> Count:
    """All of them together."""
    total = Count()
    for count in counts:
        for name, value in vars(count).items():
            setattr(total, name, getattr(total, name) + value)
    return total


class Run(NamedTuple):
    """Seconds of each stage of one run, and what the machine did just before: bytes and operations per second."""

    seconds: Mapping[str, float]
    bandwidth: float
    rate: float

    def of(self, stages: Iterable[str]) -> float:
        """Seconds of some stages together."""
        return max(sum(self.seconds.get(name, 0.0) for name in stages), 1e-9)


def row(name: str, stages: Sequence[str], counts: Mapping[str, Count], runs: Sequence[Run]) -> list[str]:
    """One row of the table, for some stages together."""
    count = summed(counts.get(stage, Count()) for stage in stages)
    shares = [100.0 * count.moved / run.of(stages) / run.bandwidth for run in runs]
    of_matrix = [100.0 * count.matrix / run.of(stages) / run.rate for run in runs]
    return [
        name,
        f"{count.moved / 1e9:.2f}",
        f"{(count.operations + count.matrix) / 1e9:.2f}",
        spread([run.of(stages) for run in runs]),
        spread([count.moved / run.of(stages) / 1e9 for run in runs], ".1f"),
        spread(shares, ".0f"),
        spread(of_matrix, ".0f") if count.matrix > count.operations else "",
    ]


def roofline(counts: Mapping[str, Count], runs: Sequence[Run]) -> str:
    """The table: stages in the order they ran in, then the rectifier and the whole."""
    names = list(runs[0].seconds)
    groups = {name: [name] for name in names}
    groups["**rectifier, all of it**"] = [name for name in names if name.startswith(RECTIFIER)]
    groups["**fusion**"] = names
    columns = ["stage", "GB at least", "10^9 operations", "seconds", "GB/s", "% of bandwidth", "% of matrix rate"]
    return table(columns, [row(name, stages, counts, runs) for name, stages in groups.items()])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=torch.device, default="cpu")
    parser.add_argument("--shape", default="190x230x190")
    parser.add_argument("--noise", type=float, default=0.2)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    case = example_case([int(side) for side in options.shape.split("x")], options.noise, options.device)
    print(f"{describe_machine(options.device)}; {options.runs} runs, {time.strftime('%Y-%m-%d')}\n")
    counts = counted(case.run)  # and warm
    dtype = resolve_precision("auto", case.prior, options.device)
    runs = []
    for _ in range(options.runs):
        most = bandwidth(options.device), peak_flops(options.device, dtype)
        runs.append(Run(timed(case.run, options.device), *most))
    print(f"MR and PET of {options.shape} voxels, noise {options.noise}\n")
    print(roofline(counts, runs))
    triad, product = (spread([run[index] / 1e9 for run in runs], ".1f") for index in (1, 2))
    print(f"Triad: {triad} GB/s. Matrix product in {str(dtype).removeprefix('torch.')}: {product} GFLOP/s.")


if __name__ == "__main__":
    main()
