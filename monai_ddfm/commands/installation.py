# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What ``monai-ddfm selftest`` checks: the shipped weights, arithmetic against stored values, geometry, bfloat16."""

from __future__ import annotations

import hashlib
import itertools
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from torch import Tensor

from monai_ddfm.bundle import BUNDLE_ROOT, WEIGHTS
from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.dicom.write.grey import write_grey_series
from monai_ddfm.errors import reason_of
from monai_ddfm.inferers.precision import LEAST_PSNR
from monai_ddfm.pipeline import FuseDDFM
from monai_ddfm.pipeline.device import available_device
from monai_ddfm.priors import open_prior
from monai_ddfm.priors.predict_padded import predict_padded
from monai_ddfm.transforms import ReadSource, WriteFused

__all__ = ["GOLDEN", "Outcome", "check_installation", "fused_means", "prior_means"]

GOLDEN = BUNDLE_ROOT / "models" / "selftest.json"  # written when the weights are: tests/commands/test_selftest.py
_TOLERANCE = 2e-3  # of the range [-1, 1]; float32 on another CPU differs by 1e-5, TF32 on a GPU by 1e-3
_QUIET: dict[str, Any] = {"check_registration": False, "progress": False}
_TIMESTEP = 100
_SHAPES = list(itertools.product((1, 8), (1, 16, 31, 65), (7, 32, 64)))  # slices, rows, columns: odd, narrow, wide


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        name: of the check.
        passed: whether it is as it should be.
        found: in words.
        seconds: wall time.
    """

    name: str
    passed: bool
    found: str
    seconds: float


def check_installation(device: str = "auto") -> Iterator[Outcome]:
    """Yield the outcome of every check; one that raises has failed, with the reason.

    Args:
        device: where the network computes.

    Raises:
        ValueError: no such device.
    """
    place = available_device(device)
    checks: dict[str, Callable[[torch.device], str]] = {
        "weights": _weights,
        "prior": _prior,
        "fusion": _fusion,
        "same image twice": _same_image_twice,
        "NIfTI geometry": _nifti,
        "DICOM geometry": _dicom,
        "bfloat16": _bfloat16,
    }
    for name, check in checks.items():
        begun = time.perf_counter()
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found, passed = check(place), True
        except Exception as error:  # whatever it is, the other checks go on
            reason = reason_of(error)
            found, passed = f"{type(reason).__name__}: {' '.join(str(reason).split())}", False
        yield Outcome(name, passed, found, round(time.perf_counter() - begun, 3))


def _require(holds: bool, fault: str) -> None:
    if not holds:
        raise ValueError(fault)


def _golden(name: str) -> list[float] | str:
    return json.loads(GOLDEN.read_text())[name]


def _weights(_: torch.device) -> str:
    path = BUNDLE_ROOT / WEIGHTS
    found, expected = hashlib.sha256(path.read_bytes()).hexdigest(), _golden("weights_sha256")
    _require(found == expected, f"{path} has SHA-256 {found}, expected {expected}: it was changed or damaged")
    return f"SHA-256 {found[:16]}... of {path.name} as released"


def _pattern(*shape: int) -> Tensor:
    """Smooth waves with something like noise, in [-1, 1], the same on every machine and in every version."""
    count = torch.arange(int(np.prod(shape)), dtype=torch.float64)
    rough = torch.remainder(torch.sin(12.9898 * count + 1.0) * 43758.5453, 1.0) - 0.5
    return (0.6 * torch.sin(count / 37.0) + 0.5 * rough).float().view(shape)


def _means(image: Tensor) -> list[float]:
    """Means over a grid of 4 x 4 fields of the last two axes."""
    fields = torch.nn.functional.adaptive_avg_pool2d(image.reshape(1, -1, *image.shape[-2:]).double().cpu(), 4)
    return [round(float(value), 6) for value in fields.mean(dim=1).ravel()]


def prior_means(device: torch.device) -> list[float]:
    """Return what the shipped prior makes of a fixed picture, as means over fields of it."""
    prior = open_prior(None).eval().to(device)
    return _means(predict_padded(prior, _pattern(1, 1, 64, 64).to(device), _TIMESTEP, torch.float32))


def fused_means(device: torch.device) -> list[float]:
    """Return a fusion by the paper's preset from noise of a fixed seed, as means over fields of it, of a range of 2."""
    mr, pet = 500 * (_pattern(1, 2, 48, 64) + 1.2), 500 * (_pattern(1, 2, 64, 48).transpose(-1, -2) + 1.2)
    sources = [image.permute(0, 2, 3, 1) for image in (mr, pet)]  # [1, H, W, D]
    fuse = FuseDDFM(["MR", "PET"], preset="paper", steps=4, device=str(device), precision="float32", **_QUIET)
    return _means(fuse(sources).as_tensor().permute(0, 3, 1, 2) / 500)


def _compare(found: list[float], expected: list[float] | str) -> str:
    off = float(np.abs(np.subtract(found, expected)).max())
    _require(off <= _TOLERANCE, f"off by {off:.2g} from the stored values, allowed {_TOLERANCE:g}")
    return f"within {off:.1g} of the stored values"


def _prior(device: torch.device) -> str:
    return _compare(prior_means(device), _golden("prior")) + f", on {device}"


def _fusion(device: torch.device) -> str:
    return _compare(fused_means(device), _golden("fusion")) + f", on {device}"


def _same_image_twice(device: torch.device) -> str:
    """The defaults fuse an image with itself to itself."""
    image = torch.sin(torch.arange(40.0) / 5)[:, None, None] * torch.cos(torch.arange(36.0) / 7)[:, None].expand(36, 3)
    image = 400 * (image + 1.5)[None]
    off = float((FuseDDFM(["MR", "MR"], device=str(device), **_QUIET)([image, image]) - image).abs().max() / 800)
    _require(off <= 0.01, f"an image fused with itself is off by {off:.2%} of its range")
    return f"fused to itself within {off:.1g} of its range, on {device}"


def _nifti(_: torch.device) -> str:
    turn = torch.matrix_exp(torch.tensor([[0, -0.5, 0.2], [0.5, 0, -0.3], [-0.2, 0.3, 0]], dtype=torch.float64))
    affine = torch.eye(4, dtype=torch.float64)
    affine[:3, :3], affine[:3, 3] = turn * torch.tensor([-0.9, 1.1, 3.0]), torch.tensor([80.0, -120.0, 30.0])
    image = MetaTensor(_pattern(1, 11, 13, 7), affine=affine)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.nii.gz")
        WriteFused()(image, path)
        again = ReadSource()(path)
    _require(bool((again.as_tensor() == image.as_tensor()).all()), "voxels changed on the way out and in")
    return _near(again, image)


def _dicom(_: torch.device) -> str:
    source = read_series(BUNDLE_ROOT / "example" / "dicom_sts_013" / "PET", suv=False)
    identity = SeriesIdentity.from_meta(source.meta)
    _require(identity is not None, "the shipped series has no identity")
    assert identity is not None
    with tempfile.TemporaryDirectory() as folder:
        again = read_series(
            write_grey_series(source, source.affine, identity, [identity], Path(folder, "out")), suv=False
        )
    step = float(source.as_tensor().max()) / 32767
    off = float((again.as_tensor() - source.as_tensor()).abs().max())
    _require(off <= 0.51 * step, f"voxels are {off / step:.2f} steps of 15 bits off on the way out and in")
    return _near(again, source)


def _near(found: MetaTensor, expected: MetaTensor) -> str:
    """Compare where the corners lie."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(expected.shape[1:]) - 1)
    places = [corners @ image.affine.numpy()[:3, :3].T + image.affine.numpy()[:3, 3] for image in (found, expected)]
    off = float(np.abs(places[0] - places[1]).max())
    _require(found.shape == expected.shape and off <= 1e-3, f"a corner moved by {off:.3g} mm on the way out and in")
    return f"out and in again, corners within {off:.1g} mm"


def _bfloat16(device: torch.device) -> str:
    prior, least = open_prior(None).eval().to(device), float("inf")
    for shape in _SHAPES:
        images = _pattern(shape[0], 1, *shape[1:]).to(device)
        exact, rounded = (predict_padded(prior, images, _TIMESTEP, kind) for kind in (torch.float32, torch.bfloat16))
        error = float((exact - rounded).square().mean())
        psnr = 10 * np.log10(4 / max(error, 1e-12))
        _require(psnr >= LEAST_PSNR, f"{shape} is {psnr:.0f} dB from float32; give precision float32")
        least = min(least, psnr)
    return f"{len(_SHAPES)} shapes within {least:.0f} dB of float32, on {device}"
