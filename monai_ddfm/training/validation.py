# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How well a prior denoises people it never saw, by noise level."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import numpy as np
import torch
import torch.nn.functional as F
from ignite.engine import Engine, Events
from monai.data import MetaTensor
from torch import Tensor

from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.priors.base import DiffusionPrior
from monai_ddfm.priors.predict_padded import predict_padded

__all__ = ["DenoisingTable", "denoising_psnr", "middle_slices"]

_COLUMNS = ("epoch", "modality", "t_from", "t_to", "sigma_from", "sigma_to", "images", "psnr")


class DenoisingTable:
    """An ignite handler that adds rows to a CSV table: PSNR of x0 from x_t in bins of t, for each modality.

    Args:
        path: the table; rewritten whole, rows of epochs to come (of a run that was stopped) are dropped.
        prior: the averaged prior.
        volumes: dictionaries with the volume ``[1, H, W, D]`` under ``image`` and its ``modality``.
        bins: rising edges of the bins of t; the last is the number of timesteps.
        slices: slices of each volume.
        interval: epochs between rows.
        seed: of the noise; the same at every epoch.
        dtype: autocast type of the evaluation, None for full precision.
    """

    def __init__(
        self,
        path: str | Path,
        prior: DiffusionPrior,
        volumes: Iterable[Mapping[str, Any]],
        bins: Sequence[int] = (0, 25, 100, 200, 400, 700, 1000),
        slices: int = 4,
        interval: int = 1,
        seed: int = 0,
        dtype: str | None = "bfloat16",
    ) -> None:
        self.path = Path(path)
        self.prior = prior
        self.volumes = volumes
        self.bins = list(bins)
        self.slices = slices
        self.interval = interval
        self.seed = seed
        self.dtype = None if dtype is None else getattr(torch, dtype)

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self)

    def __call__(self, engine: Engine) -> None:
        """Measure and write."""
        if idist.get_rank() != 0:
            return
        epoch = engine.state.epoch
        rows = [row for row in _read(self.path) if int(row["epoch"]) < epoch] + self.measure(epoch)
        writing = atomic_file(self.path, overwrite=True, sole_writer=True)
        with writing as partial, partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(rows)

    def measure(self, epoch: int) -> list[dict[str, Any]]:
        """Return the rows of the prior as it stands."""
        device = next(self.prior.parameters()).device
        images: dict[str, list[Tensor]] = {}
        for volume in self.volumes:
            cut = middle_slices(volume["image"], self.slices, self.prior.spatial_multiple)
            images.setdefault(str(volume["modality"]), []).append(cut.to(device))
        rows = []
        sigma = torch.sqrt(1.0 / self.prior.alphas_cumprod - 1.0)
        for modality, batches in sorted(images.items()):
            for first, end in zip(self.bins[:-1], self.bins[1:], strict=True):
                with torch.autocast(device.type, dtype=self.dtype, enabled=self.dtype is not None):
                    psnr = [denoising_psnr(self.prior, batch, (first, end), self.seed) for batch in batches]
                values = (
                    epoch,
                    modality,
                    first,
                    end,
                    sigma[first].item(),
                    sigma[end - 1].item(),
                    sum(map(len, batches)),
                )
                row = dict(zip(_COLUMNS, values, strict=False))
                rows.append({**row, "psnr": round(float(np.mean(psnr)), 3)})
                rows[-1].update(sigma_from=round(values[4], 4), sigma_to=round(values[5], 4))
        return rows


@torch.no_grad()
def denoising_psnr(prior: DiffusionPrior, images: Tensor, timesteps: Sequence[int], seed: int = 0) -> float:
    """Return the PSNR (dB, range 2) of x0 from x_t, averaged over the images.

    Args:
        prior: the prior to measure.
        images: clean images ``[B, 1, H, W]`` in [-1, 1], of any size.
        timesteps: first t and the end (not included), from which one t an image is drawn.
        seed: of noise and timesteps.
    """
    generator = torch.Generator().manual_seed(seed)
    t = torch.randint(int(timesteps[0]), int(timesteps[1]), (len(images),), generator=generator)
    alpha = prior.alphas_cumprod.cpu()[t].view(-1, 1, 1, 1).float()
    noise = torch.randn(images.shape, generator=generator)
    noisy = (alpha.sqrt() * images.cpu() + (1.0 - alpha).sqrt() * noise).to(images.device)
    x0 = torch.cat([predict_padded(prior, x[None], int(step), torch.float32) for x, step in zip(noisy, t, strict=True)])
    errors = (x0.float() - images).pow(2).mean(dim=(1, 2, 3)).clamp_min(1e-12)
    return float((10.0 * torch.log10(4.0 / errors)).mean()) if len(images) else math.nan


def middle_slices(
    volume: Tensor, count: int, multiple: int = 1, pixel_mm: float | None = 1.5, axis: int | None = None
) -> Tensor:
    """Cut slices around the middle of a volume.

    Args:
        volume: ``[1, H, W, D]``; ``MetaTensor`` spacing is used, 1 mm without.
        count: slices, from 35 to 65 percent of the axis.
        multiple: height and width are cut down to multiples of it.
        pixel_mm: coarser slices (PET) are upsampled to this pixel size or finer, as onto an anchor's grid; None keeps
            the grid of the volume.
        axis: spatial axis to cut across; None takes the coarsest.

    Returns:
        ``[count, 1, H, W]``.
    """
    spacing = np.asarray(volume.pixdim) if isinstance(volume, MetaTensor) else np.ones(3)
    if axis is None:
        axis = 2 - int(np.argmax(spacing[::-1]))
    depth = volume.shape[1 + axis]
    places = np.linspace(0.35, 0.65, count) * (depth - 1)
    images = torch.as_tensor(volume).as_subclass(Tensor).index_select(1 + axis, torch.as_tensor(places.round()).long())
    images = images.movedim(1 + axis, 0)
    factor = 1 if pixel_mm is None else math.ceil(float(np.delete(spacing, axis).min()) / pixel_mm)
    if factor > 1:
        images = F.interpolate(images, scale_factor=factor, mode="bicubic").clamp(-1.0, 1.0)
    height, width = (side // multiple * multiple for side in images.shape[-2:])
    return images[..., :height, :width].contiguous()


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
