# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How well do priors denoise? PSNR of x0 from x_t, by timestep, on volumes of your choice.

    python benchmarks/denoising.py --weights A.safetensors B.safetensors --image NAME FILE [--image NAME FILE]...

Weights are files that say their architecture, as training and convert-prior write them. NAME must have the modality in
it (``head FLAIR``). Slices around the middle, across the coarsest axis, are scaled as for fusion and noised with the
same noise for all weights; ``--native`` keeps the grid of the volume (coarse pixels of PET) and ``--axis`` cuts across
another axis (thick slices from the side). Each image and weights make a row of a markdown table; with more than one
file of weights the rows after the first are followed by rows of what was gained over it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

import torch
from monai.transforms import LoadImage

from monai_ddfm.priors.convert import open_prior
from monai_ddfm.training import denoising_psnr, middle_slices
from monai_ddfm.transforms.normalize_modality import NormalizeModality

TIMESTEPS = (10, 25, 50, 100, 150, 200, 300, 380, 500, 800)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", nargs="+", required=True)
    parser.add_argument("--image", nargs=2, action="append", required=True, metavar=("NAME", "FILE"))
    parser.add_argument("--slices", type=int, default=6)
    parser.add_argument("--timesteps", type=int, nargs="+", default=TIMESTEPS)
    parser.add_argument("--native", action="store_true", help="do not make coarse pixels finer")
    parser.add_argument("--axis", type=int, choices=(0, 1, 2), help="to cut across; the coarsest without it")
    args = parser.parse_args(arguments)
    priors = {weights: open_prior(weights).eval() for weights in args.weights}
    multiple = math.lcm(*(prior.spatial_multiple for prior in priors.values()))
    schedule = next(iter(priors.values())).alphas_cumprod
    levels = [f"t={t} (sigma {float((1 / schedule[t] - 1).sqrt()):.2f})" for t in args.timesteps]
    print(f"| image | weights | {' | '.join(levels)} |\n|---|---|{'---:|' * len(levels)}")
    for name, file in args.image:
        volume = NormalizeModality(name)(LoadImage(ensure_channel_first=True)(file))
        pixel_mm = None if args.native else 1.5
        images = middle_slices(volume, args.slices, 1 if args.native else multiple, pixel_mm, args.axis)
        first: list[float] = []
        for weights, prior in priors.items():
            with torch.autocast("cpu", torch.bfloat16):
                values = [denoising_psnr(prior, images, (t, t + 1)) for t in args.timesteps]
            print(f"| {name} | {weights} | {' | '.join(f'{v:.2f}' for v in values)} |", flush=True)
            if first:
                gains = " | ".join(f"{v - u:+.2f}" for v, u in zip(values, first, strict=True))
                print(f"| {name} | gain | {gains} |", flush=True)
            first = first or values


if __name__ == "__main__":
    main()
