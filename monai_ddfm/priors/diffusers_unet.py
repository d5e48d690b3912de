# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Any unconditional `UNet2DModel` of the diffusers library as prior."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from monai_ddfm.io.json_file import read_json
from monai_ddfm.priors.load import load_state, put_weights
from monai_ddfm.priors.network import NetworkPrior
from monai_ddfm.priors.prior_file import read_header, schedule_of
from monai_ddfm.priors.sketch import require_buildable

__all__ = ["DiffusersPrior", "UNet2DPrior", "build_unet"]

_MOST_TIMESTEPS = 100_000  # a hundred times what anybody trains with; diffusers would allocate any number
_WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")


class UNet2DPrior(NetworkPrior):
    """A diffusers `UNet2DModel` that is already built; channels beyond the image's (a learned variance) are ignored.

    Args:
        network: the model.
        architecture: its keyword arguments, see `build_unet`.
        prediction_type: ``epsilon``, ``v_prediction`` or ``sample``.
        alphas_cumprod: ᾱ_t of the training schedule; linear by default.
    """

    def __init__(
        self,
        network: nn.Module,
        architecture: Mapping[str, Any],
        prediction_type: str = "epsilon",
        alphas_cumprod: Tensor | None = None,
    ) -> None:
        whole: Mapping[str, Any] = network.config  # type: ignore[assignment] # with the defaults of what is not given
        multiple = 2 ** (len(whole["block_out_channels"]) - 1)
        super().__init__(int(whole["in_channels"]), prediction_type, alphas_cumprod, spatial_multiple=multiple)
        self.architecture = dict(architecture)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Return the raw prediction for ``x`` ``[B, channels, H, W]`` at ``timesteps`` ``[B]``."""
        last = x.contiguous(memory_format=torch.channels_last)  # as the weights are: convolutions run faster in it
        prediction: Tensor = self.network(last, timesteps, return_dict=False)[0]
        return prediction


class DiffusersPrior(UNet2DPrior):
    """A diffusers `UNet2DModel`, from a folder as diffusers saves it or from one file of `convert_prior`.

    Needs the extra ``diffusers``.

    Args:
        weights: a folder with ``config.json`` and weights, a pipeline's folder with ``unet`` and ``scheduler`` in it,
            or a ``.safetensors`` file that `convert_prior` wrote.
        prediction_type: ``epsilon``, ``v_prediction`` or ``sample``; None takes what the scheduler's configuration or
            the file says, ``epsilon`` where nothing does.
        alphas_cumprod: ᾱ_t of the training schedule; None likewise, linear where nothing says it.

    Raises:
        FileNotFoundError: no such folder or file, or no weights in it.
        ValueError: weights that are corrupt, hold code or are of another architecture, or a class-conditional network.
        ImportError: diffusers is not installed.
    """

    def __init__(
        self, weights: str | Path, prediction_type: str | None = None, alphas_cumprod: Tensor | None = None
    ) -> None:
        path = Path(weights)
        if path.is_dir():
            architecture, file, said = _read_folder(path)
        else:
            said, file = read_header(path), path
            if said.get("kind") != "diffusers":
                raise ValueError(
                    f"{path}: does not say that it holds a diffusers UNet2DModel; give the folder with config.json, "
                    "or convert it: python -m monai_ddfm convert-prior IN OUT"
                )
            architecture = said.get("architecture", {})
        state = load_state(file)

        def described() -> tuple[nn.Module, Mapping[str, Any], str, Tensor | None]:
            schedule = schedule_of(said) if alphas_cumprod is None else alphas_cumprod
            kind = prediction_type or said.get("prediction_type", "epsilon")
            return build_unet(architecture), architecture, kind, schedule

        require_buildable(path, state, lambda: UNet2DPrior(*described()))
        super().__init__(*described())
        put_weights(self.network, state, file)


def build_unet(architecture: Mapping[str, Any]) -> nn.Module:
    """Return a `UNet2DModel` with random weights.

    Args:
        architecture: its keyword arguments, and two more for what those cannot say: ``timestep_channels``, width of the
            sinusoidal embedding where it is not the first level's, and ``num_heads``, heads of every attention.
    """
    try:
        from diffusers import UNet2DModel
        from diffusers.models.attention_processor import Attention
        from diffusers.models.embeddings import TimestepEmbedding, Timesteps
    except ImportError as error:
        raise ImportError("this prior needs diffusers: pip install 'monai-ddfm[diffusers]'") from error
    if not isinstance(architecture, Mapping):
        raise ValueError(f"expected the arguments of UNet2DModel, found {type(architecture).__name__}")
    if architecture.get("class_embed_type") is not None or architecture.get("num_class_embeds") is not None:
        raise ValueError("this UNet2DModel wants a class label at every call; a prior must be unconditional")
    own = {key: value for key, value in architecture.items() if not key.startswith("_")}
    timestep_channels, num_heads = own.pop("timestep_channels", None), own.pop("num_heads", None)
    network = UNet2DModel.from_config(own)
    if timestep_channels is not None:
        embedded = network.time_embedding.linear_1.out_features
        network.time_proj = Timesteps(timestep_channels, own["flip_sin_to_cos"], own["freq_shift"])
        network.time_embedding = TimestepEmbedding(timestep_channels, embedded)
    if num_heads is not None:
        for attention in network.modules():
            if isinstance(attention, Attention):
                attention.heads = num_heads
                attention.scale = (attention.inner_dim // num_heads) ** -0.5
    module: nn.Module = network.eval()
    return module


def _read_folder(folder: Path) -> tuple[dict[str, Any], Path, dict[str, Any]]:
    """Return architecture, weights file and what the scheduler next to it says."""
    inner = folder / "unet" if (folder / "unet").is_dir() else folder
    config = inner / "config.json"
    if not config.is_file():
        raise FileNotFoundError(
            f"{folder}: no config.json in it; expected a folder that UNet2DModel.save_pretrained wrote"
        )
    architecture = _read_object(config)
    name = architecture.get("_class_name", "UNet2DModel")
    if name != "UNet2DModel":
        raise ValueError(f"{config}: is of a {name}; only the unconditional UNet2DModel can be a prior")
    files = [inner / name for name in _WEIGHTS if (inner / name).is_file()]
    if not files:
        raise FileNotFoundError(f"{inner}: holds none of {', '.join(_WEIGHTS)}")
    schedulers = [inner / "scheduler_config.json", inner.parent / "scheduler" / "scheduler_config.json"]
    said = [_read_scheduler(file) for file in schedulers if file.is_file()]
    return architecture, files[0], said[0] if said else {}


def _read_scheduler(file: Path) -> dict[str, Any]:
    from diffusers import DDPMScheduler

    config = _read_object(file)
    steps = config.get("num_train_timesteps", 1000)
    if not isinstance(steps, int) or not 1 <= steps <= _MOST_TIMESTEPS:
        raise ValueError(f"{file}: num_train_timesteps is {steps!r}, expected 1 to {_MOST_TIMESTEPS}; correct it")
    try:
        scheduler = DDPMScheduler.from_config(config)
    except Exception as error:  # options of a wrong kind let diffusers raise anything
        raise ValueError(f"{file}: describes no noise schedule ({error}); give it as its author wrote it") from error
    return {
        "prediction_type": scheduler.config.prediction_type,
        "alphas_cumprod": scheduler.alphas_cumprod.double().tolist(),
    }


def _read_object(file: Path) -> dict[str, Any]:
    expected = "a configuration that diffusers wrote"
    content = read_json(file, expected)
    if not isinstance(content, dict):
        raise ValueError(f"{file}: holds a {type(content).__name__}, expected {expected}; download it again")
    return content
