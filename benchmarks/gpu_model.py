# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How long a fusion would take on a GPU that is not there, from what is counted here and what its maker says.

    python benchmarks/gpu_model.py [--volumes 256x256x240 512x512x135] [--noise 0.2 0.01] [--slices-per-batch N]

Fuses two small phantoms on a pretended device (`tests/pretended_device.py`), one with twice the slices of the other,
and counts: kernels, waits and uploads, which grow with the batches that the network is asked about; bytes and
operations (each kernel reads its inputs and writes its results, as no block stays in cache), which grow with the
voxels. What the constants below make of the same for whole volumes is printed as markdown, beside the time that
measuring noise takes on this machine's processor, where it is done. Float32 is counted: autocast would halve some of
the network's bytes and add casts. `--seconds` prints one number for each volume, that time included, and nothing else.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from machine import describe_machine, seconds_of
from markdown_table import table
from roofline import RECTIFIER, counted
from speed import evaluations_of, phantom, shipped_prior
from torch import Tensor
from traffic import Count

from monai_ddfm.denoising.noise_estimate import _VOXELS_AT_ONCE
from monai_ddfm.denoising.noise_model import white_noise
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.inferers.foreground_crop import MARGIN
from monai_ddfm.inferers.memory import _PIXELS_ON_GPU
from monai_ddfm.inferers.source_noise import noise_of_volumes
from monai_ddfm.priors import UNetPrior

sys.path.append(str(Path(__file__).parents[1]))
from tests.pretended_device import DEVICE, PretendedDevice, move_module

# NVIDIA H200 SXM, data sheet: 4.8 TB/s of HBM3e, 989 TFLOP/s in dense bfloat16; PCIe 5.0 x16 is 64 GB/s on paper.
BANDWIDTH, MATRIX_RATE, PCIE = 4.8e12, 989e12, 55e9
BANDWIDTH_REACHED, MATRIX_RATE_REACHED = 0.6, 0.4  # assumed shares of these
LAUNCH = 5e-6  # assumed seconds of the host for one kernel through PyTorch's eager mode
WAIT = 20e-6  # assumed seconds that a wait costs, or an upload from memory that is not pinned: the queue runs empty
NOISY = 0.1  # noise from which on sources are cleaned for certain
_SOURCES = 2
_SMALL, _TWICE = (32, 32, 32), (32, 32, 64)
_BATCH = 64  # images at once of the small cases: all of a plane of the first, half of the slices of the second


class Case(NamedTuple):
    """What one fusion did on the pretended device.

    Attributes:
        shape: of the volumes.
        batches: that the network was asked about.
        launches: of kernels, waits, uploads: see `PretendedDevice`.
        stages: bytes and operations by stage.
    """

    shape: tuple[int, ...]
    batches: int
    launches: int
    waits: int
    uploads: int
    stages: dict[str, Count]


class Prediction(NamedTuple):
    """What a whole volume takes; `launches` and the like are counts, `moved` and `transferred` bytes."""

    batches: int
    launches: float
    waits: float
    uploads: float
    moved: float
    matrix: float
    transferred: float

    @property
    def launching(self) -> float:
        """Seconds in which the host launches kernels; the GPU works meanwhile."""
        return self.launches * LAUNCH

    @property
    def computing(self) -> float:
        """Seconds of the kernels, as if none moved and multiplied at the same time."""
        return self.moved / (BANDWIDTH_REACHED * BANDWIDTH) + self.matrix / (MATRIX_RATE_REACHED * MATRIX_RATE)

    @property
    def standing(self) -> float:
        """Seconds in which one waits for the other, and of copies between them."""
        return (self.waits + self.uploads) * WAIT + self.transferred / PCIE

    @property
    def seconds(self) -> float:
        """All of it."""
        return max(self.launching, self.computing) + self.standing


def count_case(prior: UNetPrior, shape: tuple[int, ...], noisy: bool, at_once: int = _BATCH) -> Case:
    """Fuse phantoms of that shape on the pretended device, whose noise is said, so that nobody measures it."""
    sources = phantom(shape, 0.2 if noisy else 0.01)
    models = [white_noise(0.2 if noisy else 0.0)] * _SOURCES
    inferer = DDFMInferer(precision="float32", slices_per_batch=at_once, noise_models=models)
    with PretendedDevice() as device, evaluations_of(prior) as batches:
        there = sources.to(DEVICE)
        device.launches = device.waits = device.uploads = 0
        inferer(there, prior)
        found = len(batches), device.launches, device.waits, device.uploads
        stages = counted(partial(inferer, there, prior), passes=False, where=_is_there)
    return Case(shape, *found, stages)


def _is_there(tensors: Sequence[Tensor]) -> bool:
    return any(tensor.device == DEVICE for tensor in tensors)


def batches_of(shape: Sequence[int], at_once: int) -> int:
    """Batches of the cleaning of two sources, which looks once along each axis."""
    return sum(-(-_SOURCES * count // at_once) for count in shape)


def on_gpu(shape: Sequence[int]) -> int:
    """Slices that a GPU is shown at once where nobody says."""
    return max(1, _PIXELS_ON_GPU // (shape[0] * shape[1]))


def predict(small: Case, twice: Case, shape: Sequence[int], at_once: int | None = None) -> Prediction:
    """What a volume of that shape, full of tissue, takes, by what two small ones took: see `Case`."""
    noisy = small.batches > 0
    batches = batches_of(shape, at_once or on_gpu(shape)) if noisy else 0
    more = (batches - small.batches) / max(1, twice.batches - small.batches)
    parts = math.ceil(_SOURCES * _completed(shape) / _VOXELS_AT_ONCE) - 1  # of the rectifier's noise estimate
    of_noise = small.stages[RECTIFIER + "noise"].launches

    def grown(what: str) -> float:
        first, second = getattr(small, what), getattr(twice, what)
        return first + (second - first) * more

    def scaled(what: str) -> float:
        total = 0.0
        for name, count in twice.stages.items():
            voxels = _completed if name.startswith(RECTIFIER) else math.prod
            total += getattr(count, what) * voxels(shape) / voxels(twice.shape)
        return total

    return Prediction(
        batches,
        grown("launches") + parts * of_noise,
        grown("waits"),
        grown("uploads"),
        scaled("moved"),
        scaled("matrix"),
        4.0 * math.prod(shape) * (2 * _SOURCES + 1),  # sources there, back to have their noise measured, the result
    )


def _completed(shape: Sequence[int]) -> int:
    """Voxels that the rectifier sees: with the margin around the tissue."""
    return (shape[0] + 2 * MARGIN) * (shape[1] + 2 * MARGIN) * shape[2]


def measuring(shape: Sequence[int], noise: float) -> float:
    """Seconds in which this machine's processor measures the noise of phantoms."""
    sources = phantom(shape, noise)
    return seconds_of(lambda: noise_of_volumes(sources, -1, None), torch.device("cpu"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", nargs="+", default=["256x256x240", "512x512x135"])
    parser.add_argument("--noise", nargs="+", type=float, default=[0.2, 0.01], help="of each volume")
    parser.add_argument("--slices-per-batch", type=int, help="what the network sees at once; default: as on a GPU")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seconds", action="store_true", help="print the predicted seconds alone")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    prior = move_module(shipped_prior(torch.device("cpu")))
    rows = []
    for text, noise in zip(options.volumes, options.noise, strict=True):
        shape = [int(side) for side in text.split("x")]
        cases = (count_case(prior, small, noise >= NOISY) for small in (_SMALL, _TWICE))
        predicted = predict(*cases, shape, options.slices_per_batch)
        host = measuring(shape, noise)
        if options.seconds:
            print(predicted.seconds + host)
            continue
        rows.append([
            f"{text}, noise {noise}",
            *(f"{value:.0f}" for value in predicted[:4]),
            f"{predicted.moved / 1e9:.0f}",
            f"{predicted.matrix / 1e12:.1f}",
            *(f"{value:.2f}" for value in (predicted.launching, predicted.computing, predicted.standing)),
            f"{predicted.seconds:.2f}",
            f"{host:.2f}",
        ])  # fmt: skip
    if rows:
        print(f"{describe_machine(torch.device('cpu'))}\n")
        columns = ["volume", "batches", "launches", "waits", "uploads", "GB", "TFLOP"]
        columns += ["launching, s", "computing, s", "standing, s", "predicted, s", "measuring noise here, s"]
        print(table(columns, rows))


if __name__ == "__main__":
    main()
