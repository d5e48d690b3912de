# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Is another backend faster for the prior? torch, TorchScript and onnxruntime on the same slices.

    python benchmarks/export.py [--runs 5] [--slices 4] [--size 192] [--threads N]

Exports the shipped prior, compares what each backend says with torch in float32, and prints seconds per batch: medians
with the smallest and the largest value. On a busy machine compare the CPU seconds.
Needs onnx, onnxscript and onnxruntime.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import torch
from machine import describe_machine
from markdown_table import spread, table
from speed import shipped_prior
from torch import Tensor
from torch.export import Dim

from monai_ddfm.priors import UNetPrior
from monai_ddfm.priors.trace import trace_prior

Backend = Callable[[Tensor, Tensor], Tensor]

_REST = 0.2  # seconds; threads of onnxruntime that wait for work keep their cores busy for a while


def export_onnx(prior: UNetPrior, path: Path) -> None:
    """Write ``forward(x, timesteps)`` as ONNX, for any batch and any size that the prior takes."""
    multiple = prior.spatial_multiple
    batch, height, width = Dim("batch", min=1, max=256), Dim("height", min=2, max=128), Dim("width", min=2, max=128)
    shapes = ({0: batch, 2: multiple * height, 3: multiple * width}, {0: batch})
    example = (torch.zeros(2, prior.channels, 8 * multiple, 8 * multiple), torch.tensor([0, 1]))
    names = {"input_names": ["x", "timesteps"], "output_names": ["prediction"]}
    torch.onnx.export(prior, example, str(path), dynamo=True, dynamic_shapes=shapes, verbose=False, **names)


def onnx_backend(path: Path, threads: int) -> Backend:
    """The file in onnxruntime, on the CPU."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return lambda x, t: torch.from_numpy(session.run(None, {"x": x.numpy(), "timesteps": t.numpy()})[0])


def in_bfloat16(network: Backend) -> Backend:
    """The network under autocast."""

    def predict(x: Tensor, timesteps: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return network(x, timesteps)

    return predict


def compare(backends: dict[str, Backend], x: Tensor, timesteps: Tensor, runs: int) -> str:
    """The table; backends take turns."""
    with torch.no_grad():
        answers = {name: backend(x, timesteps).float() for name, backend in backends.items()}
        wall: dict[str, list[float]] = {name: [] for name in backends}
        cpu: dict[str, list[float]] = {name: [] for name in backends}
        for _ in range(runs):
            for name, backend in backends.items():
                time.sleep(_REST)
                begun, begun_cpu = time.perf_counter(), time.process_time()
                backend(x, timesteps)
                wall[name].append(time.perf_counter() - begun)
                cpu[name].append(time.process_time() - begun_cpu)
    exact = next(iter(answers.values()))
    rows = [
        [name, spread(wall[name], ".3f"), spread(cpu[name], ".3f"), f"{(answers[name] - exact).abs().max():.1e}"]
        for name in backends
    ]
    return table(["backend", "seconds", "CPU seconds", "largest difference"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--slices", type=int, default=4)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(options.threads)
    prior = shipped_prior(torch.device("cpu"))
    x = torch.randn(options.slices, 1, options.size, options.size, generator=torch.Generator().manual_seed(0))
    timesteps = torch.full((options.slices,), 100)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        export_onnx(prior, Path(folder) / "prior.onnx")
        traced = trace_prior(prior)
        backends: dict[str, Backend] = {
            "torch float32": prior,
            "torch bfloat16": in_bfloat16(prior),
            "TorchScript float32": traced,
            "TorchScript bfloat16": in_bfloat16(traced),
            "onnxruntime float32": onnx_backend(Path(folder) / "prior.onnx", options.threads),
        }
        print(describe_machine(torch.device("cpu")))
        print(f"{options.slices} slices of {options.size} x {options.size}, {options.runs} runs\n")
        print(compare(backends, x, timesteps, options.runs))


if __name__ == "__main__":
    main()
