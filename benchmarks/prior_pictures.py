# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Pictures for the model card: the curves of a training, what the prior dreams, and what it makes of noise.

    python benchmarks/prior_pictures.py --run RUN... --image NAME FILE [--image NAME FILE]... --out bundle/docs

Needs matplotlib and tensorboard. A RUN goes on from the one before it. Writes prior_curves.png (training loss,
validation PSNR by noise level) and prior_samples.png (samples from pure noise; then clean, noisy and denoised slices
at two noise levels).
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from monai.transforms import LoadImage
from torch import Tensor

from monai_ddfm.denoising.clean_sources import ask_prior
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.priors.convert import open_prior
from monai_ddfm.samplers import sample_ddim, spaced_timesteps
from monai_ddfm.training import middle_slices
from monai_ddfm.transforms.normalize_modality import NormalizeModality

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # the backend comes first


def losses_of(run: Path) -> list[float]:
    """The loss of every iteration of a run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    points: dict[int, float] = {}
    for events in sorted((run / "tensorboard").glob("events.*")):  # a resumed run has several; later ones count
        accumulator = EventAccumulator(str(events), size_guidance={"scalars": 0}).Reload()
        for tag in accumulator.Tags()["scalars"]:
            points |= {event.step: event.value for event in accumulator.Scalars(tag)}
    return [points[step] for step in sorted(points)]


def validation_of(runs: Sequence[Path]) -> list[dict[str, str]]:
    """The rows of the validation tables, epochs counted through all runs."""
    rows: list[dict[str, str]] = []
    for run in runs:
        before = int(rows[-1]["epoch"]) if rows else 0
        with (run / "validation.csv").open(newline="", encoding="utf-8") as file:
            rows += [{**row, "epoch": str(before + int(row["epoch"]))} for row in csv.DictReader(file)]
    return rows


def curves(runs: Sequence[Path], out: Path) -> None:
    """Draw the loss and the validation table of runs that went on from each other."""
    losses = np.concatenate([losses_of(run) for run in runs])
    steps = np.arange(1, len(losses) + 1)
    width = min(200, len(losses))
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    left.plot(steps[width - 1 :], np.convolve(losses, np.ones(width) / width, "valid"))
    left.set(xlabel="iteration", ylabel="loss", title=f"training loss, mean of {width} iterations")
    table = defaultdict(list)
    for row in validation_of(runs):
        if int(row["t_to"]) <= 400:
            table[row["modality"], f"{row['sigma_from']}..{row['sigma_to']}"].append(row)
    first = {key: float(rows[0]["psnr"]) for key, rows in table.items()}
    for (modality, sigma), rows in table.items():
        gains = [float(row["psnr"]) - first[modality, sigma] for row in rows]
        right.plot([int(row["epoch"]) for row in rows], gains, label=f"{modality}, sigma {sigma}")
    right.set(xlabel="epoch", ylabel="dB", title="validation PSNR since the first entry")
    right.legend(fontsize=6, ncol=2)
    figure.tight_layout()
    figure.savefig(out / "prior_curves.png", dpi=110)


def samples(prior: DiffusionPrior, images: dict[str, Tensor], out: Path, size: int = 128) -> None:
    """Draw samples from pure noise, and one slice of each image under noise and denoised."""
    noise = torch.randn(len(images), 1, size, size, generator=torch.Generator().manual_seed(0))
    timesteps = spaced_timesteps(100, 999)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        dreamt, _ = sample_ddim(
            noise,
            timesteps,
            prior.alphas_cumprod,
            lambda x, t: prior.predict_x0(x, t),
            lambda x0, t, state: (x0, state),
            None,
        )
    rows = [("sample from noise", dreamt), ("clean", [image[:1] for image in images.values()])]
    for sigma in (0.1, 0.2):
        noisy = [
            x[:1] + sigma * torch.randn(x[:1].shape, generator=torch.Generator().manual_seed(1))
            for x in images.values()
        ]
        cleaned = [ask_prior(prior, x, torch.full((len(x),), sigma)) for x in noisy]
        rows += [(f"sigma {sigma}", noisy), ("denoised", cleaned)]
    figure, axes = plt.subplots(len(rows), len(images), figsize=(1.7 * len(images), 1.75 * len(rows)), squeeze=False)
    for (label, pictures), line in zip(rows, axes, strict=True):
        for axis, picture, name in zip(line, pictures, images, strict=True):
            grey = torch.as_tensor(picture).float().reshape(picture.shape[-2:])
            axis.imshow(grey.rot90().numpy(), cmap="gray", vmin=-1, vmax=1)
            axis.set_xticks([])
            axis.set_yticks([])
            if label == "clean":
                axis.set_title(name, fontsize=8)
        line[0].set_ylabel(label, fontsize=8)
    figure.tight_layout(pad=0.4)
    figure.savefig(out / "prior_samples.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, nargs="+", required=True, help="output_dir of the trainings, in turn")
    parser.add_argument("--image", nargs=2, action="append", required=True, metavar=("NAME", "FILE"))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    curves(args.run, args.out)
    prior = open_prior(args.run[-1] / "prior.safetensors").eval()
    images = {}
    for name, file in args.image:
        volume = NormalizeModality(name)(LoadImage(ensure_channel_first=True)(file))
        images[name] = middle_slices(volume, 1, multiple=prior.spatial_multiple)
    samples(prior, images, args.out)


if __name__ == "__main__":
    main()
