# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Does the uncertainty hold what it says? How often its interval holds the fusion of the clean sources.

    python benchmarks/calibration.py --pair MR FILE CT FILE [--pair ...] [--std 0.1 0.2] [--slices 24] [--plot FILE.png]

The middle slices of each pair, on the first one's grid and in [-1, 1], get noise of four spectra (white; interpolated,
as of resampled MR; CT's ramp; PET's 4.7 voxels) and of counts (PET's, growing with brightness), which is then
*estimated* as in any fusion: each source as of its modality, counts as of PET, whose noise is looked at for growth
with brightness. For the intervals of 50 to 99 percent of a normal distribution, the share of foreground
voxels whose clean fusion lies inside; for that of 90 percent also in the faintest and the brightest tenth of the
fusion.
"""

from __future__ import annotations

import argparse
import math
from statistics import NormalDist

import torch
from monai.transforms import LoadImage
from torch import Tensor

from monai_ddfm.bundle import BUNDLE_ROOT, WEIGHTS
from monai_ddfm.denoising.estimate_noise_model import estimate_noise_model
from monai_ddfm.foreground import has_foreground
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.inferers.check_input import _FURTHEST
from monai_ddfm.priors import DiffusionPrior, open_prior
from monai_ddfm.rectifiers import StructureRectifier
from monai_ddfm.transforms import MatchGrids, NormalizeModality
from monai_ddfm.transforms.modality import Modality, modality_of

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
KINDS = ("white", "interpolated", "ct", "pet", "counts")
_FLOOR = 1e-4  # of the power at its mean


def power(kind: str, height: int, width: int, std: float) -> Tensor:
    """Power at each frequency of ``torch.fft.fft2``, whose mean is ``std`` squared."""
    r = torch.sqrt(torch.fft.fftfreq(height)[:, None] ** 2 + torch.fft.fftfreq(width)[None] ** 2)
    blurred = {"interpolated": 0.7, "pet": 2.0, "counts": 2.0}
    if kind in blurred:
        shape = torch.exp(-((2 * math.pi * r * blurred[kind]) ** 2)) + _FLOOR
    else:
        shape = r * torch.exp(-((r / 0.22) ** 2)) + _FLOOR if kind == "ct" else torch.ones_like(r)
    return shape / shape.mean() * std**2


def add_noise(clean: Tensor, kind: str, std: float, seed: int) -> Tensor:
    """Return volumes ``[B, K, H, W, D]`` with noise in their slices."""
    white = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed)).movedim(-1, 2)
    noise = torch.fft.ifft2(torch.fft.fft2(white) * power(kind, *clean.shape[2:4], std).sqrt()).real.movedim(2, -1)
    if kind != "counts":
        return clean + noise
    gain = ((clean + 1) / 2 + 0.02).sqrt()
    return clean + noise * gain / gain[clean > -0.98].square().mean().sqrt()


def inside(
    fusion: Tensor, clean: Tensor, uncertainty: Tensor, where: Tensor, level: float
) -> tuple[float, float, float]:
    """Share of voxels whose clean fusion lies in the interval: of all, the faintest and the brightest tenth."""
    reach = NormalDist().inv_cdf(0.5 + level / 2)
    held = ((fusion - clean).abs() <= reach * uncertainty)[where].float()
    ordered = held[fusion[where].argsort()]
    tenth = len(ordered) // 10
    return float(held.mean()), float(ordered[:tenth].mean()), float(ordered[-tenth:].mean())


def load_pair(names: tuple[str, str], files: tuple[str, str], slices: int) -> Tensor:
    """Return the middle slices of two volumes ``[1, 2, H, W, D]`` in [-1, 1]."""
    load = LoadImage(ensure_channel_first=True)
    anchor = load(files[0])
    other = MatchGrids()(load(files[1]), anchor)
    pair = [
        NormalizeModality(n, ct_window=(-100, 900))(v).as_tensor() for n, v in zip(names, (anchor, other), strict=True)
    ]
    first = max(0, (pair[0].shape[-1] - slices) // 2)
    return torch.cat(pair)[None, ..., first : first + slices].float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pair", nargs=4, action="append", required=True, metavar=("NAME", "FILE", "NAME", "FILE"))
    parser.add_argument("--std", type=float, nargs="+", default=[0.1])
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--slices", type=int, default=24)
    parser.add_argument("--weights", default=str(BUNDLE_ROOT / WEIGHTS))
    parser.add_argument("--plot", help="a PNG: nominal against found, a line for each row of the table")
    args = parser.parse_args()
    prior = open_prior(args.weights).eval()
    curves: dict[str, list[float]] = {}
    titles = [f"{level:.0%}" for level in LEVELS]
    print(f"| sources | noise | std | mean uncertainty | {' | '.join(titles)} | 90% faintest | 90% brightest |")
    print(f"|---|---|---:|---:|{'---:|' * (len(LEVELS) + 2)}")
    for name, file, other, other_file in args.pair:
        clean = load_pair((name, other), (file, other_file), args.slices)
        for kind in args.kind:
            for std in args.std:
                modalities = [Modality.PT if kind == "counts" else modality_of(of) for of in (name, other)]
                found, tenths, mean = _row(clean, kind, std, modalities, prior)
                curves[f"{name} {other}, {kind} {std}"] = found
                shares = " | ".join(f"{share:.3f}" for share in (*found, *tenths))
                print(f"| {name}, {other} | {kind} | {std} | {mean:.4f} | {shares} |", flush=True)
    if args.plot:
        _plot(curves, args.plot)


def _row(
    clean: Tensor, kind: str, std: float, modalities: list[Modality], prior: DiffusionPrior
) -> tuple[list[float], tuple[float, float], float]:
    """What was found for each of `LEVELS`, in the faintest and brightest tenth, and the mean uncertainty."""
    rectifier = StructureRectifier(spatial_dims=3)
    plain = {"start": "sources", "start_timestep": 150, "steps": 2}
    wanted = DDFMInferer(rectifier, denoise_sources=False, **plain)(clean, prior)
    noisy = add_noise(clean, kind, std, seed=1).clamp(-_FURTHEST, _FURTHEST)  # as far as an inferer takes it
    models = [estimate_noise_model(v[None], modality=of) for v, of in zip(noisy[0], modalities, strict=True)]
    told = DDFMInferer(rectifier, noise_models=models, clean_in_three_planes=True, maps=["uncertainty"], **plain)
    fusion, uncertainty = told(noisy, prior).split(1, dim=1)
    where = has_foreground(clean)
    shares = [inside(fusion, wanted, uncertainty, where, level) for level in LEVELS]
    ninety = shares[LEVELS.index(0.9)]
    return [share[0] for share in shares], ninety[1:], float(uncertainty[where].mean())


def _plot(curves: dict[str, list[float]], file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0.4, 1], [0.4, 1], color="black", linewidth=1)
    axes.fill_between([0.88, 0.92], 0.85, 0.95, color="tab:green", alpha=0.3)
    for label, found in curves.items():
        axes.plot(LEVELS, found, marker=".", label=label)
    axes.set(xlabel="interval of the uncertainty", ylabel="share of voxels whose clean fusion is inside")
    axes.legend(fontsize=6)
    figure.savefig(file, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()
