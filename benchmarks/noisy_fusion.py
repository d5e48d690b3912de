# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What does cleaning gain in the end, after fusion, under noise as scanners make it?

    python benchmarks/noisy_fusion.py [--pairs DIR] [--volumes ANCHOR OTHER]... [--limit N] [--slices N] [--std ...]

DIR holds slice pairs as for quality.py; ``--volumes`` are NIfTI volumes with their modality in the name, of which the
middle N slices are fused as a volume. Stationary noise of scanner_noise.py is added to both sources in [-1, 1]: 0.1 is
5 percent of the range. PSNR is to the rectifier's fusion of the *clean* sources:

    rectifier   the structure-aware rectifier alone
    estimated   the default: each source's noise is measured on it, on a picture from its own high frequencies
    given       the same, the noise's spectrum given by the user (``noise:``)
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from clean_sources import middle, pipelines
from markdown_table import table
from monai.data import MetaTensor
from monai.transforms import LoadImage
from prior import Case, pair_cases, psnr, slices_of
from scanner_noise import STATIONARY, noise_power
from torch import Tensor

from monai_ddfm.denoising.noise_meta import NOISE
from monai_ddfm.denoising.noise_model import NoiseModel
from monai_ddfm.inferers.slices import voxel_size
from monai_ddfm.pipeline import FusionPipeline
from monai_ddfm.pipeline.names import IMAGE
from monai_ddfm.transforms.modality import modality_of

_FREQUENCIES = 64  # that tell a given spectrum, from 0 to the corner
_FINE = 512  # pixels, on which it is read


def volumes_case(files: list[Path], slices: int) -> Case:
    """The middle slices of registered volumes, as they are fused; what was measured of their own noise is dropped."""
    modalities = [modality_of(file.name.split(".")[0]).name for file in files]
    pipeline, _ = pipelines(modalities, -1, 3)
    loaded = [LoadImage(ensure_channel_first=True)(file) for file in files]
    image = middle(pipeline.preprocessing(dict(zip(pipeline.keys, loaded, strict=True)))[IMAGE], -1, slices)
    image.meta.pop(NOISE, None)
    name = f"{files[0].parent.name} {', '.join(file.name.removesuffix('.nii.gz') for file in files)}"
    return Case(name, f"{slices} slices", image[None], False)


def noisy(case: Case, kind: str, std: float) -> Tensor:
    """The sources of a case with noise in their slices; it follows from the case's name and the kind."""
    plain = case.sources.as_subclass(Tensor)
    volume = plain.ndim == 5
    stack = plain.movedim(-1, 2) if volume else plain
    white = torch.randn(stack.shape, generator=torch.Generator().manual_seed(zlib.crc32(f"{case[:2]}{kind}".encode())))
    noise = torch.fft.ifft2(torch.fft.fft2(white) * noise_power(kind, *stack.shape[-2:], std).sqrt()).real
    added = plain + (noise.movedim(2, -1) if volume else noise)
    return MetaTensor(added, meta=case.sources.meta) if isinstance(case.sources, MetaTensor) else added


def true_noise(kind: str, std: float, spacing: tuple[float, float]) -> NoiseModel:
    """The noise of `noise_power` as a user describes it."""
    step = (spacing[0] * spacing[1]) ** 0.5
    power = noise_power(kind, _FINE, _FINE, std)
    frequencies = torch.linspace(0.0, 0.5 * 2**0.5, _FREQUENCIES)
    diagonal = power.diagonal()[: _FINE // 2 + 1]  # its frequencies are √2 k / _FINE
    at = (frequencies * _FINE / 2**0.5).round().long().clamp(max=_FINE // 2)
    return NoiseModel(
        tuple((frequencies / step).tolist()), tuple((diagonal[at] * step**2).tolist()), spacing=spacing, kind=kind
    )


def ways(pipeline: FusionPipeline, kind: str, std: float) -> dict[str, Callable[[Tensor], Tensor]]:
    """From sources to the fused image."""

    def rectified(sources: Tensor) -> Tensor:
        volume = sources.ndim == 5
        stack = sources.as_subclass(Tensor).movedim(-1, 2) if volume else sources
        solved = pipeline.rectifier.solve(stack, pipeline.rectifier.start(stack))
        return solved.movedim(2, -1) if volume else solved

    def estimated(sources: Tensor) -> Tensor:
        return pipeline.inferer(sources, pipeline.prior)

    def given(sources: Tensor) -> Tensor:
        spacing = (voxel_size(sources, -1) or (1.0, 1.0, 1.0))[1:] if sources.ndim == 5 else (1.0, 1.0)
        pipeline.inferer.noise_models = [true_noise(kind, std, spacing)] * sources.shape[1]
        try:
            return pipeline.inferer(sources, pipeline.prior)
        finally:
            pipeline.inferer.noise_models = None

    return {"rectifier": rectified, "estimated": estimated, "given": given}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, help="folder of slice pairs")
    parser.add_argument("--volumes", nargs=2, type=Path, action="append", default=[], metavar=("ANCHOR", "OTHER"))
    parser.add_argument("--limit", type=int, help="at most so many slice pairs of each set")
    parser.add_argument("--slices", type=int, default=24, help="of a volume")
    parser.add_argument("--std", nargs="+", type=float, default=[0.1, 0.2])
    parser.add_argument("--kinds", nargs="+", default=list(STATIONARY), choices=STATIONARY)
    args = parser.parse_args()
    by_set: dict[str, list[Case]] = {}
    for case in pair_cases(args.pairs, "all") if args.pairs else []:
        by_set.setdefault(case.set, []).append(case)
    cases = [case for own in by_set.values() for case in own[: args.limit]]
    cases += [volumes_case(files, args.slices) for files in args.volumes]
    if not cases:
        parser.error("give --pairs or --volumes")
    built = {dims: pipelines(["MR", "MR"], -1, dims)[0] for dims in (2, 3)}
    found: dict[tuple[str, str, float], list[dict[str, float]]] = {}
    with torch.no_grad():
        for case in cases:
            pipeline = built[case.sources.ndim - 2]
            clean = slices_of(ways(pipeline, "white", 0.1)["rectifier"](case.sources)).clamp(-1, 1)
            for kind in args.kinds:
                for std in args.std:
                    sources = noisy(case, kind, std)
                    row = {
                        name: psnr(slices_of(fuse(sources)), clean) for name, fuse in ways(pipeline, kind, std).items()
                    }
                    found.setdefault((case.set, kind, std), []).append(row)
    rows = []
    for (name, kind, std), values in found.items():
        alone, estimated, given = (sum(row[way] for row in values) / len(values) for way in values[0])
        cells = [f"{v:.2f}" for v in (alone, estimated)] + [f"{estimated - alone:+.2f}", f"{given - alone:+.2f}"]
        rows.append([name, str(len(values)), f"{kind} {50 * std:g} %", *cells])
    print(table(["sources", "cases", "noise", "rectifier dB", "default dB", "gain", "gain, noise given"], rows))


if __name__ == "__main__":
    main()
