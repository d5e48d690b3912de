# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""OpenAI's guided-diffusion models (Dhariwal and Nichol 2021) as prior."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

from torch import Tensor, nn

from monai_ddfm.priors.diffusers_unet import UNet2DPrior, build_unet
from monai_ddfm.priors.guided_diffusion_weights import (
    AttentionLayout,
    cosine_alphas_cumprod,
    is_guided_diffusion,
    level_widths,
    unet_from_guided_diffusion,
)
from monai_ddfm.priors.load import load_state, put_weights
from monai_ddfm.priors.sketch import require_buildable

__all__ = ["GuidedDiffusionPrior"]

# OpenAI's 64 and 128 models by the widths of their levels; all others have 64 channels a head and the linear schedule.
_WIDTHS_64 = [192, 384, 576, 768]
_WIDTHS_128 = [256, 256, 512, 768, 1024]


class GuidedDiffusionPrior(UNet2DPrior):
    """A checkpoint of OpenAI's guided-diffusion, such as ``256x256_diffusion_uncond.pt``, read as it is.

    The architecture follows from the shapes. How attentions are cut into heads does not: what is not given is what
    OpenAI's published models have (64 channels a head; 4 heads in the 128 model; the new order and the cosine schedule
    in the 64 model). The learned variance is ignored. Needs the extra ``diffusers``.

    Args:
        weights: the ``.pt`` file.
        num_head_channels: channels of an attention head.
        num_heads: heads of every attention, instead.
        new_attention_order: layout of the fused attention weights.
        class_label: of a class-conditional model, the class to show; None takes the mean over the classes.
        alphas_cumprod: ᾱ_t of the training schedule.
        sha256: checksum the file must have, 64 hexadecimal digits.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file has another checksum, is corrupt, holds code, or is no such checkpoint.
        ImportError: diffusers is not installed.
    """

    def __init__(
        self,
        weights: str | Path,
        num_head_channels: int | None = None,
        num_heads: int | None = None,
        new_attention_order: bool | None = None,
        class_label: int | None = None,
        alphas_cumprod: Tensor | None = None,
        sha256: str | None = None,
    ) -> None:
        if sha256 is not None:
            _check_sum(Path(weights), sha256)
        state = load_state(weights)
        if not is_guided_diffusion(state):
            raise ValueError(
                f"{weights}: not a guided-diffusion checkpoint, its first keys are {', '.join(list(state)[:3])}; give "
                "OpenAI's .pt file, use DiffusersPrior for a diffusers folder or UNetPrior for a MONAI checkpoint"
            )
        try:
            widths = level_widths(state)
            if num_heads is None and num_head_channels is None and widths == _WIDTHS_128:
                num_heads = 4
            if new_attention_order is None:
                new_attention_order = widths == _WIDTHS_64
            if alphas_cumprod is None and widths == _WIDTHS_64:
                alphas_cumprod = cosine_alphas_cumprod()
            layout = AttentionLayout(num_head_channels or 64, num_heads, new_attention_order)
            architecture, renamed = unet_from_guided_diffusion(state, layout, class_label)
        except KeyError as error:
            raise ValueError(f"{weights}: lacks {error}, which guided-diffusion has; download it again") from error
        except (ValueError, IndexError, RuntimeError) as error:
            raise ValueError(f"{weights}: {error}") from error

        def described() -> tuple[nn.Module, dict[str, Any], str, Tensor | None]:
            return build_unet(architecture), architecture, "epsilon", alphas_cumprod

        require_buildable(Path(weights), renamed, lambda: UNet2DPrior(*described()))
        super().__init__(*described())
        put_weights(self.network, renamed, weights)


def _check_sum(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    with path.open("rb") as file:
        found = _digest(file)
    if found != sha256.lower():
        raise ValueError(f"{path}: has SHA-256 {found} instead of {sha256.lower()}; download it again")


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest()
