# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How fast is fusion, against the plain way and against what the machine can do?

    python benchmarks/speed.py [--device cpu|cuda] [--runs 5] [--steps 5] [--slices 8] [--size 192]
        [--volumes 124x160x140 190x230x190] [--threads N] [--network large]

Prints markdown: ours against the plain way (one slice at a time, float32, default memory format, colours converted by
scikit-image at each step) on the same network, steps and slices; the network's share of the time and its operations per
second against measured matrix products; how time and memory grow with slices; and whole volumes (phantoms of that size)
with the bundle's default. ``--network large`` measures only the use of the 553M-parameter network of 256 x 256
(needs the extra ``diffusers``). Medians over the runs, with the smallest and the largest value.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path

import torch
from large_network import large_prior
from machine import describe_machine, peak_flops, peak_resident, seconds_of
from markdown_table import spread, table
from plain_way import PlainWay
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.inferers.precision import resolve_precision
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors import DiffusionPrior, UNetPrior

_GIGA = 1e9


def phantom(shape: Sequence[int], noise: float = 0.05, seed: int = 0) -> Tensor:
    """Two sources ``[1, 2, *shape]`` in [-1, 1]: noisy smooth structure in an ellipsoid, background outside."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, 2, *(max(2, side // 8) for side in shape), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=tuple(shape), mode="trilinear").tanh()
    noisy = (0.7 * smooth + noise * torch.randn(1, 2, *shape, generator=generator)).clamp(-0.9, 1.0)
    axes = torch.meshgrid(*(torch.linspace(-1.0, 1.0, side) for side in shape), indexing="ij")
    return torch.where(sum(axis**2 for axis in axes) < 1.0, noisy, -1.0)


def central_slices(count: int, size: int) -> Tensor:
    """A volume ``[1, 2, size, size, count]`` with tissue in each slice."""
    first = (count + 1) // 2
    return phantom((size, size, 2 * count + 1))[..., first : first + count].contiguous()


def shipped_prior(device: torch.device) -> UNetPrior:
    """The bundle's prior."""
    return FusionPipeline(FusionConfig.of(device=device)).prior


def paper_inferer(steps: int, precision: str = "auto") -> DDFMInferer:
    """The paper's method: every step asks the network about every slice."""
    return FusionPipeline(FusionConfig.of("paper", steps=steps, precision=precision, progress=False)).inferer


def against_plain(options: argparse.Namespace, prior: UNetPrior) -> str:
    """Ours and the plain way in turn, so that a busy machine treats them alike."""
    volume = central_slices(options.slices, options.size).to(options.device)
    ways: dict[str, Callable[[], Tensor]] = {
        "plain way": partial(
            PlainWay(prior, paper_inferer(options.steps).slice_fusion.rectifier, options.steps), volume
        ),
        "ours, float32": partial(paper_inferer(options.steps, "float32"), volume, prior),
        "ours": partial(paper_inferer(options.steps), volume, prior),
    }
    results = {name: way() for name, way in ways.items()}  # warm
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.runs):
        for name, way in ways.items():
            times[name].append(seconds_of(way, options.device))
    rows = []
    for name, seconds in times.items():
        faster = [plain / own for plain, own in zip(times["plain way"], seconds, strict=True)]
        error = (results[name] - results["plain way"]).square().mean().clamp_min(1e-20)
        psnr = "" if name == "plain way" else f"{10 * float(torch.log10(4.0 / error)):.1f}"
        rows.append([name, spread(seconds), spread([options.slices / s for s in seconds]), spread(faster), psnr])
    heading = f"{options.slices} slices of {options.size} x {options.size}, {options.steps} steps"
    return f"### {heading}\n\n" + table(["", "seconds", "slices/s", "times faster", "PSNR to the plain way, dB"], rows)


@contextmanager
def evaluations_of(prior: UNetPrior) -> Iterator[list[int]]:
    """Collect the batch sizes of the evaluations of the network inside."""
    batches: list[int] = []
    hook = prior.network.register_forward_pre_hook(lambda module, inputs: batches.append(len(inputs[0])))
    try:
        yield batches
    finally:
        hook.remove()


@contextmanager
def network_clock(prior: DiffusionPrior, device: torch.device) -> Iterator[list[float]]:
    """Collect the seconds of every network evaluation inside."""
    seconds: list[float] = []
    predict_x0 = prior.predict_x0

    def timed(x_t: Tensor, t: int) -> Tensor:
        answers: list[Tensor] = []
        seconds.append(seconds_of(lambda: answers.append(predict_x0(x_t, t)), device))
        return answers[0]

    prior.predict_x0 = timed  # type: ignore[method-assign]
    try:
        yield seconds
    finally:
        del prior.predict_x0


def network_use(options: argparse.Namespace, prior: DiffusionPrior) -> str:
    """The network's share of the time, and its operations per second against the machine's."""
    volume = central_slices(options.slices, options.size).to(options.device)
    with torch.no_grad():
        dtype = resolve_precision("auto", prior, options.device)
        with FlopCounterMode(display=False) as counter:
            prior.predict_x0(volume[0, :1].movedim(-1, 0).expand(-1, prior.channels, -1, -1), 500)
    operations = counter.get_total_flops()
    name = str(dtype).removeprefix("torch.")
    inferer = paper_inferer(options.steps, name)
    inferer(volume, prior)  # warm
    shares, speeds = [], []
    at_once = torch.get_num_threads() if options.device.type == "cpu" else 1  # evaluations, one a thread
    for _ in range(options.runs):
        with network_clock(prior, options.device) as inside:
            whole = seconds_of(partial(inferer, volume, prior), options.device)
        shares.append(100.0 * sum(inside) / at_once / whole)
        speeds.append(options.steps * operations * at_once / sum(inside))
    peaks = {kind: peak_flops(options.device, getattr(torch, kind)) for kind in ("float32", "bfloat16")}
    rows = [
        ["network's share of the time, %", spread(shares, ".0f")],
        ["operations per slice and step, GFLOP", f"{operations / options.slices / _GIGA:.2f}"],
        [f"network in {name}, GFLOP/s", spread([speed / _GIGA for speed in speeds], ".0f")],
        *([f"matrix product in {kind}, GFLOP/s", f"{peak / _GIGA:.0f}"] for kind, peak in peaks.items()),
        [f"network, % of that in {name}", spread([100.0 * speed / peaks[name] for speed in speeds], ".0f")],
    ]
    return "### The network\n\n" + table(["", ""], rows)


def measured_alone(
    options: argparse.Namespace, shape: Sequence[int], preset: str, noise: float = 0.05
) -> dict[str, float]:
    """Fuse a phantom in a process of its own; returns seconds, network evaluations and peak memory in MiB."""
    command = [sys.executable, __file__, "--device", str(options.device), "--threads", str(torch.get_num_threads())]
    command += ["--steps", str(options.steps), "--alone", preset, "x".join(map(str, shape)), str(noise)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def fuse_alone(options: argparse.Namespace) -> None:
    """What `measured_alone` starts."""
    preset, shape, noise = (
        options.alone[0],
        [int(side) for side in options.alone[1].split("x")],
        float(options.alone[2]),
    )
    prior = shipped_prior(options.device)
    inferer = (
        paper_inferer(options.steps) if preset == "steps" else FusionPipeline(FusionConfig.of(progress=False)).inferer
    )
    sources = phantom(shape, noise).to(options.device)
    with evaluations_of(prior) as batches:
        seconds = seconds_of(partial(inferer, sources, prior), options.device)
    on_gpu = torch.cuda.max_memory_allocated(options.device) / 2**20 if options.device.type == "cuda" else 0.0
    print(json.dumps({"seconds": seconds, "evaluations": sum(batches), "host": peak_resident(), "gpu": on_gpu}))


def growth(options: argparse.Namespace) -> str:
    """Time and memory of twice as many slices."""
    once, twice = (options.size, options.size, options.slices), (options.size, options.size, 2 * options.slices)
    first, second = ([measured_alone(options, shape, "steps") for _ in range(options.runs)] for shape in (once, twice))
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(first, second, strict=True)]
    rows = [
        [f"{shape[2]} slices", *(spread([run[what] for run in runs], ".1f") for what in ("seconds", "host", "gpu"))]
        for shape, runs in ((once, first), (twice, second))
    ]
    columns = ["", "seconds", "peak resident, MiB", "peak GPU, MiB"]
    return "### Growth\n\n" + table(columns, rows) + f"\nTwice the slices take {spread(ratios)} times as long.\n"


def predicted_alone(options: argparse.Namespace, shape: str, noise: float) -> list[str]:
    """What `gpu_model.py`, in a process of its own, predicts for an H200; nothing where no GPU is measured."""
    if options.device.type != "cuda":
        return []
    command = [sys.executable, str(Path(__file__).with_name("gpu_model.py")), "--seconds", "--volumes", shape]
    command += ["--noise", str(noise), "--threads", str(torch.get_num_threads())]
    return [f"{float(subprocess.run(command, check=True, capture_output=True, text=True).stdout):.1f}"]


def volumes(options: argparse.Namespace) -> str:
    """Whole volumes with the bundle's default, the model's loading not counted."""
    rows = []
    for text, (kind, noise) in product(options.volumes, (("precise", 0.01), ("noisy", 0.2))):
        shape = [int(side) for side in text.split("x")]
        runs = [measured_alone(options, shape, "default", noise) for _ in range(options.runs)]
        figures = (spread([run[what] for run in runs], ".1f") for what in ("seconds", "host", "gpu"))
        predicted = predicted_alone(options, text, noise)
        rows.append([f"{text}, {kind} sources", f"{runs[0]['evaluations']:.0f}", *figures, *predicted])
    columns = ["", "network evaluations", "seconds", "peak resident, MiB", "peak GPU, MiB"]
    columns += ["predicted for an H200, s"] if options.device.type == "cuda" else []
    return "### Whole volumes, default preset\n\n" + table(columns, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=torch.device, default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--size", type=int, default=192, help="height and width, a multiple of 16")
    parser.add_argument("--volumes", nargs="*", default=["124x160x140", "190x230x190"])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--network", choices=("shipped", "large"), default="shipped")
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.alone:
        fuse_alone(options)
        return
    print(f"{describe_machine(options.device)}; {options.runs} runs, {time.strftime('%Y-%m-%d')}\n")
    if options.network == "large":
        print(network_use(options, large_prior(options.device)))
        return
    prior = shipped_prior(options.device)
    for measure in (partial(against_plain, options, prior), partial(network_use, options, prior)):
        print(measure(), flush=True)
    print(growth(options), flush=True)
    if options.volumes:
        print(volumes(options), flush=True)


if __name__ == "__main__":
    main()
