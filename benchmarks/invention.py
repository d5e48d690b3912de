# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How much of a fused volume is in no source?

    python benchmarks/invention.py --volumes DIR [--slices 24] [--noise 0 0.1]

DIR holds folders of volumes; every pair of `consistency.py` that a folder has is fused by the default preset, as it is
and with white noise of that standard deviation in [-1, 1] in both sources. Prints markdown: the share of tissue voxels
within the range of all sources in their 3 x 3 x 3 neighbourhood, up to the novelty's allowance.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from consistency import PAIRS, volumes_of
from markdown_table import table
from torch import Tensor

from monai_ddfm.foreground import has_foreground
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.pipeline import FusionConfig, FusionPipeline


def share_within(inferer: DDFMInferer, prior: torch.nn.Module, sources: Tensor, noise: float) -> float:
    """Share of tissue of ``[1, 2, H, W, D]`` that is fused without novelty."""
    grain = torch.randn(sources.shape, generator=torch.Generator().manual_seed(0))
    noisy = (sources + noise * grain).clamp(-1.0, 1.0)
    novelty = inferer(noisy, prior).as_subclass(Tensor)[:, 1:]
    return float((novelty[has_foreground(sources.as_subclass(Tensor))] == 0.0).float().mean())


def main() -> None:
    """Fuse all pairs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=Path, required=True)
    parser.add_argument("--slices", type=int, default=24, help="middle slices of each volume")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.1])
    options = parser.parse_args()
    pipeline = FusionPipeline(FusionConfig.of(device="cpu", maps=["novelty"], progress=False))
    rows = []
    for folder in sorted(path for path in options.volumes.iterdir() if path.is_dir()):
        for pair in PAIRS:
            sources = volumes_of(folder, pair, options.slices)
            if sources is not None:
                shares = (share_within(pipeline.inferer, pipeline.prior, sources, noise) for noise in options.noise)
                rows.append([f"{folder.name}, {' and '.join(pair)}", *(f"{100 * share:.3f} %" for share in shares)])
                print(f"<!-- {rows[-1]} -->", flush=True)
    print(table(["", *(f"noise {noise:g}" for noise in options.noise)], rows))


if __name__ == "__main__":
    main()
