# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""One safetensors file that says itself which network its weights are of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.io.json_file import parse_json
from monai_ddfm.priors.load import unreadable

__all__ = ["read_header", "schedule_of", "write_prior_file"]


def write_prior_file(path: str | Path, state: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write weights (float32) and what they are of, whole or not at all; an existing file is replaced.

    Args:
        path: the ``.safetensors`` file.
        state: state dict of the network.
        header: ``kind`` (``monai`` or ``diffusers``), ``architecture`` (keyword arguments of the network),
            ``prediction_type`` and, when it is not the linear default, ``alphas_cumprod`` (a list). Anything that is
            not a text is kept as JSON.
    """
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in header.items()}
    tensors = {
        key: value.detach().to("cpu", torch.float32, copy=True, memory_format=torch.contiguous_format)
        for key, value in state.items()
    }
    with atomic_file(path, overwrite=True, sole_writer=True) as partial:
        partial.touch()  # with the rights of any file of the user's, which safetensors would narrow
        rights = partial.stat().st_mode
        save_file(tensors, partial, metadata=texts)
        partial.chmod(rights)


def read_header(path: str | Path) -> dict[str, Any]:
    """Return what `write_prior_file` was told, empty for a safetensors file of another origin.

    Raises:
        FileNotFoundError, ValueError: no such file, not a safetensors file, or JSON in it that is none.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            texts = file.metadata() or {}
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes let safetensors raise more than its own error
        raise unreadable(path, error) from error
    return {key: _parsed(text, f"{path}: {key} in its header") for key, text in texts.items()}


def _parsed(text: str, where: str) -> Any:
    return parse_json(text, where, "what convert-prior or a training wrote") if text[:1] in ("{", "[") else text


def schedule_of(header: Mapping[str, Any]) -> Tensor | None:
    """Return ᾱ_t as a header has it; None where it says nothing, which means the linear default."""
    schedule = header.get("alphas_cumprod")
    return None if schedule is None else torch.as_tensor(schedule, dtype=torch.float64, device="cpu")
