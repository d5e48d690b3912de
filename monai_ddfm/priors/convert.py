# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Other people's checkpoints, rewritten once as one safetensors file that any configuration loads in one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from monai_ddfm.bundle import BUNDLE_ROOT, WEIGHTS
from monai_ddfm.priors.diffusers_unet import DiffusersPrior
from monai_ddfm.priors.foreign_file import mistaken_for
from monai_ddfm.priors.guided_diffusion import GuidedDiffusionPrior
from monai_ddfm.priors.load import load_state, put_weights
from monai_ddfm.priors.prior_file import read_header, schedule_of, write_prior_file
from monai_ddfm.priors.sketch import require_buildable
from monai_ddfm.priors.torchscript import TorchScriptPrior, is_torchscript
from monai_ddfm.priors.unet import UNetPrior

__all__ = ["convert_prior", "open_prior"]


def convert_prior(source: str | Path, target: str | Path, **options: Any) -> None:
    """Write a checkpoint as ``.safetensors`` with its architecture and noise schedule in the header.

    Args:
        source: OpenAI guided-diffusion checkpoint (``.pt``), or a folder of a diffusers `UNet2DModel` or pipeline.
        target: the file to write.
        **options: further arguments of `GuidedDiffusionPrior` or `DiffusersPrior`, whichever reads `source`.

    Raises:
        FileNotFoundError: no such checkpoint.
        FileExistsError: `target` is there already.
        ValueError: a checkpoint that cannot be read, holds code or is of another kind.
    """
    target = Path(target)
    if target.suffix != ".safetensors":
        raise ValueError(f"{target}: the converted file must end in .safetensors")
    if target.exists():
        raise FileExistsError(f"{target}: is there already; remove it or give another name")
    reader = DiffusersPrior if Path(source).is_dir() else GuidedDiffusionPrior
    prior = reader(source, **options)
    header = {
        "kind": "diffusers",
        "architecture": prior.architecture,
        "prediction_type": prior.prediction_type,
        "alphas_cumprod": prior.alphas_cumprod.tolist(),
    }
    write_prior_file(target, prior.network.state_dict(), header)


def open_prior(
    weights: str | Path | None, compile_mode: str | None = None, trust_torchscript: bool = False
) -> DiffusersPrior | TorchScriptPrior | UNetPrior:
    """Return the prior that a file of `convert_prior` or of the training workflow, or a diffusers folder, describes.

    In a configuration: ``network_def: {_target_: monai_ddfm.priors.open_prior, weights: FILE}``. The global random
    state stays as it was, although networks draw their first weights from it.

    Args:
        weights: the file or folder; None for the shipped weights.
        compile_mode: a mode of `torch.compile`, e.g. ``default``; None runs the network as it is.

        trust_torchscript: open a TorchScript file, too, as a `TorchScriptPrior` with its defaults. It is a program.

    Raises:
        FileNotFoundError, ValueError: see `DiffusersPrior` and `UNetPrior`; also a file without architecture.
        PermissionError: a TorchScript file without `trust_torchscript`.
    """
    path = BUNDLE_ROOT / WEIGHTS if weights is None else Path(weights)
    with torch.random.fork_rng(devices=[]):
        runs = is_torchscript(path)
        prior = TorchScriptPrior(path, trusted=trust_torchscript) if runs else _open(path, weights is None)
    if compile_mode is not None:
        prior.network.compile(mode=compile_mode)
    return prior


def _open(path: Path, shipped: bool) -> DiffusersPrior | UNetPrior:
    header = {} if path.is_dir() or path.suffix != ".safetensors" else read_header(path)
    if header.get("kind") == "monai":
        return _monai_prior(path, header, shipped)
    if path.is_dir() or header.get("kind") == "diffusers":
        return DiffusersPrior(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such weights file")
    if (mistake := mistaken_for(path)) is not None:
        raise ValueError(f"{path}: no weights file: {mistake}")
    raise ValueError(
        f"{path}: does not say of which architecture it is; convert it (python -m monai_ddfm convert-prior IN OUT), or "
        "name the network in the configuration (UNetPrior, TorchScriptPrior)"
    )


def _monai_prior(path: Path, header: Mapping[str, Any], shipped: bool) -> UNetPrior:
    """The prior of a file that the training workflow wrote."""
    from monai.networks.nets import DiffusionModelUNet

    def make() -> UNetPrior:
        return UNetPrior(
            DiffusionModelUNet(**header["architecture"]),
            channels=int(header["channels"]),
            unshuffle=int(header["unshuffle"]),
            prediction_type=header["prediction_type"],
            alphas_cumprod=schedule_of(header),
        )

    state = load_state(path)
    if not shipped:  # a second of imports
        require_buildable(path, state, make)
    prior = make()
    put_weights(prior.network, state, path)
    return prior
