# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How well do priors denoise? PSNR of x0 from x_t, by timestep, on volumes of your choice.

    python benchmarks/denoising.py --weights A.safetensors B.safetensors --image NAME FILE [--image NAME FILE]...

Weights are files that say their architecture, as training and convert-prior write them. NAME must have the modality in
it (``head FLAIR``). Slices around the middle, across the coarsest axis, are scaled as for fusion and noised with the
same noise for all weights. Each image and weights make a row of a markdown table.
"""

from __future__ import annotations

import argparse
import math

import torch
from monai.transforms import LoadImage

from monai_ddfm.priors.convert import open_prior
from monai_ddfm.training import denoising_psnr, middle_slices
from monai_ddfm.transforms.normalize_modality import NormalizeModality

TIMESTEPS = (10, 25, 50, 100, 150, 300, 500, 800)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", nargs="+", required=True)
    parser.add_argument("--image", nargs=2, action="append", required=True, metavar=("NAME", "FILE"))
    parser.add_argument("--slices", type=int, default=6)
    args = parser.parse_args()
    priors = {weights: open_prior(weights).eval() for weights in args.weights}
    multiple = math.lcm(*(prior.spatial_multiple for prior in priors.values()))
    schedule = next(iter(priors.values())).alphas_cumprod
    levels = [f"t={t} (sigma {float((1 / schedule[t] - 1).sqrt()):.2f})" for t in TIMESTEPS]
    print(f"| image | weights | {' | '.join(levels)} |\n|---|---|{'---:|' * len(levels)}")
    for name, file in args.image:
        volume = NormalizeModality(name)(LoadImage(ensure_channel_first=True)(file))
        images = middle_slices(volume, args.slices, multiple)
        for weights, prior in priors.items():
            with torch.autocast("cpu", torch.bfloat16):
                values = [denoising_psnr(prior, images, (t, t + 1)) for t in TIMESTEPS]
            print(f"| {name} | {weights} | {' | '.join(f'{v:.2f}' for v in values)} |", flush=True)


if __name__ == "__main__":
    main()
