# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Known noise on clean volumes: how well is it measured, and how well is it cleaned?

    python benchmarks/noise.py estimate FILE... [--kinds KIND...] [--std STD...] [--pictures]
    python benchmarks/noise.py clean FILE... [--kinds KIND...] [--std STD...] [--places SHARE...] [--cleaners NAME...]
                                                   [--own SHARE]

FILEs are NIfTI volumes with their modality in the name (``MR_T1.nii.gz``). They are scaled as for fusion, noise of the
kinds of scanner_noise.py is added to the whole volume, and

    estimate   `estimate_noise_model` measures it on the noisy volume (with ``--pictures`` on its middle slice alone).
               Volumes have noise of their own: it is measured without any added, and its power is taken off; where it
               is more than what is added, the cell is empty. Printed are level, estimated over true, and the largest
               error of the spectrum in dB, at the frequencies where the added noise holds more than 1/30 of its highest
               power and more than the volume's own noise. For noise that depends on brightness or place instead the
               error of the local standard deviation (spread in dB; in brackets that of a constant).
    clean      three slices (or those at ``--places``) are cleaned in all ways of cleaners.py: mean PSNR in dB to the
               slices without added noise, over the volumes, at a range of 2 where these are above -0.95. Those have
               noise of their own, which good cleaning takes off as well, and is blamed for: with ``--own 0.5`` volumes
               that have more of it than half of what is added are left out.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from cleaners import CLEANERS, NoisySource
from markdown_table import table
from monai.transforms import LoadImage
from scanner_noise import FOREGROUND, LOCAL, STATIONARY, add_noise, noise_power
from torch import Tensor

from monai_ddfm.denoising.estimate_noise_model import estimate_noise_model
from monai_ddfm.denoising.noise_model import NoiseModel
from monai_ddfm.transforms.modality import Modality, modality_of
from monai_ddfm.transforms.normalize_modality import NormalizeModality

_RINGS = 32  # frequencies from 0 to the sampling rate
_PLACES = (0.4, 0.5, 0.6)  # of the cleaned slices in the volume
_MIDDLE = 40  # slices that are looked at


class Volume(NamedTuple):
    """The middle of a volume ``[D, H, W]`` in [-1, 1], with the spacing ``(D, H, W)`` in mm."""

    name: str
    slices: Tensor
    spacing: tuple[float, float, float]
    modality: Modality

    def measured(self, slices: Tensor) -> NoiseModel:
        """The noise of `slices` on this volume's grid."""
        depth, height, width = self.spacing
        if len(slices) == 1:
            return estimate_noise_model(slices, (height, width), self.modality)
        return estimate_noise_model(slices.movedim(0, -1)[None], (height, width, depth), self.modality)

    @property
    def affine(self) -> Tensor:
        """Row, column and slice to mm."""
        return torch.diag(torch.tensor([*self.spacing[1:], self.spacing[0], 1.0]))


def read(file: Path) -> Volume:
    """The middle slices of a volume, scaled as for fusion."""
    image = LoadImage(ensure_channel_first=True)(file)
    modality = modality_of(file.name.split(".")[0])
    scaled = NormalizeModality(modality)(image).as_subclass(Tensor)[0].movedim(-1, 0).float()
    first = max(0, (len(scaled) - _MIDDLE) // 2)
    height, width, depth = (float(step) for step in image.pixdim[:3])
    name = f"{file.parent.name}/{file.name}".removesuffix(".nii.gz")
    return Volume(name, scaled[first : first + _MIDDLE], (depth, height, width), modality)


def in_rings(power: Tensor) -> Tensor:
    """Mean of a spectrum ``[H, W]`` in rings of equal frequency, up to half the sampling rate of the pixels."""
    axes = [torch.fft.fftfreq(size) for size in power.shape]
    rings = (torch.hypot(axes[0][:, None], axes[1][None]) * _RINGS).round().long().flatten()
    total = torch.zeros(int(rings.max()) + 1).index_add_(0, rings, power.flatten())
    return (total / torch.bincount(rings))[1 : _RINGS // 2 + 1]


def spectrum_error(found: NoiseModel, own: NoiseModel, true: Tensor) -> tuple[float, float]:
    """Level over the true one, and the largest error in dB where added noise holds power (NaN: nowhere)."""
    shape = true.shape
    added = found.spectrum(shape) - own.spectrum(shape)
    level = math.sqrt(max(0.0, float(added.mean())) / float(true.mean()))
    estimated, expected = in_rings(added), in_rings(true)
    holds = (expected > expected.max() / 30) & (expected > in_rings(own.spectrum(shape)))
    decibels = 10 * torch.log10(estimated[holds].clamp_min(1e-12) / expected[holds])
    return level, float(decibels.abs().max()) if len(decibels) else math.nan


def local_error(found: NoiseModel, volume: Volume, true: Tensor) -> tuple[float, float]:
    """Error of the local standard deviation over the foreground in dB, of the model and of a constant."""
    place = found.place_map(tuple(volume.slices.movedim(0, -1).shape), volume.affine)
    local = found.local(volume.slices, None if place is None else place.movedim(-1, 0))
    inside = volume.slices > FOREGROUND
    errors = []
    for estimate in (local[inside], torch.ones_like(local)[inside]):
        decibels = 20 * torch.log10(estimate.clamp_min(1e-3) / true[inside].clamp_min(1e-6))
        errors.append(float(decibels.std()))
    return errors[0], errors[1]


def estimate_row(volume: Volume, kinds: list[str], levels: list[float], picture: bool) -> list[str]:
    """Name, the volume's own noise, and one cell for each kind and level."""
    middle = slice(len(volume.slices) // 2, len(volume.slices) // 2 + 1) if picture else slice(None)
    own = volume.measured(volume.slices[middle])
    row = [volume.name, f"{own.std:.3f} {own.kind}"]
    for kind in kinds:
        for std in levels:
            noisy = add_noise(volume.slices, kind, std, volume.spacing, seed=1)
            if std < own.std:
                row.append("")
                continue
            found = volume.measured(noisy.noisy[middle])
            if kind in STATIONARY:
                level, error = spectrum_error(found, own, noise_power(kind, 96, 96, std))
                row.append(f"{level:.2f}, {error:.1f}")
            else:
                level = math.sqrt(max(0.0, found.std**2 - own.std**2)) / std
                errors = local_error(found, volume, noisy.local) if noisy.local is not None and not picture else None
                row.append(f"{level:.2f}" + (f", {errors[0]:.1f} ({errors[1]:.1f})" if errors else ""))
    return row


def psnr(image: Tensor, clean: Tensor) -> float:
    """Return dB of a range of 2, over the foreground of `clean`."""
    inside = clean > FOREGROUND
    return 10 * math.log10(4 / float((image - clean)[inside].square().mean()))


def good_scans(volumes: list[Volume], std: float, own: float) -> list[Volume]:
    """Those whose own noise is at most `own` times `std`."""
    return [volume for volume in volumes if volume.measured(volume.slices).std <= own * std]


def clean_cells(
    volume: Volume, kind: str, std: float, names: list[str], places: Sequence[float] = _PLACES
) -> dict[str, float]:
    """PSNR of each way of cleaning that can be used."""
    noisy = add_noise(volume.slices, kind, std, volume.spacing, seed=1)
    chosen = [round(place * (len(volume.slices) - 1)) for place in places]
    height, width = volume.slices.shape[-2:]
    source = NoisySource(
        noisy.noisy,
        chosen,
        std,
        noise_power(kind, height, width, std) if kind in STATIONARY else None,
        volume.measured(noisy.noisy),
        volume.affine,
    )
    cleaned = {name: CLEANERS[name](source) for name in names}
    reference = volume.slices[chosen][:, None]
    return {name: psnr(images, reference) for name, images in cleaned.items() if images is not None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("estimate", "clean"))
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--kinds", nargs="+", default=list(STATIONARY), choices=(*STATIONARY, *LOCAL))
    parser.add_argument("--std", nargs="+", type=float, default=[0.05, 0.1, 0.2])
    parser.add_argument("--places", nargs="+", type=float, default=_PLACES, help="of the cleaned slices, of 0 to 1")
    parser.add_argument("--pictures", action="store_true", help="estimate on the middle slice alone")
    parser.add_argument("--own", type=float, default=math.inf, help="a volume's own noise, times the added, at most")
    parser.add_argument("--cleaners", nargs="+", default=list(CLEANERS), choices=list(CLEANERS), metavar="NAME")
    args = parser.parse_args()
    volumes = [read(file) for file in args.files]
    columns = [f"{kind} {std:g}" for kind in args.kinds for std in args.std]
    if args.part == "estimate":
        rows = [estimate_row(volume, args.kinds, args.std, args.pictures) for volume in volumes]
        print(table(["volume", "own noise", *columns], rows))
        return
    cells: dict[str, list[str]] = {name: [] for name in args.cleaners}
    for kind in args.kinds:
        for std in args.std:
            chosen = volumes if args.own == math.inf else good_scans(volumes, std, args.own)
            measured = [clean_cells(volume, kind, std, args.cleaners, args.places) for volume in chosen]
            for name, row in cells.items():
                values = [cell[name] for cell in measured if name in cell]
                row.append(f"{statistics.mean(values):.2f}" if values and len(values) == len(chosen) else "")
    print(table(["cleaned by", *columns], [[name, *row] for name, row in cells.items()]))


if __name__ == "__main__":
    main()
