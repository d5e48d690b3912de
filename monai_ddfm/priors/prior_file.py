# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""One safetensors file that says itself which network its weights are of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from monai_ddfm.io.atomic import atomic_file

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
        FileNotFoundError, ValueError: no such file, not a safetensors file, or one that says something unreadable.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            texts = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path}: not a readable safetensors file ({error}); copy or download it again") from error
    return {key: _value(path, key, text) for key, text in texts.items()}


def schedule_of(header: Mapping[str, Any]) -> Tensor | None:
    """Return ᾱ_t as a header says it, None where it does not.

    Raises:
        ValueError: it is no list of numbers.
    """
    said = header.get("alphas_cumprod")
    if said is None:
        return None
    if not isinstance(said, list) or not all(isinstance(value, (int, float)) for value in said):
        raise ValueError(f"alphas_cumprod is {str(said)[:40]!r}, expected a list of numbers")
    return torch.tensor(said, dtype=torch.float64)


def _value(path: str | Path, key: str, text: str) -> Any:
    try:
        return json.loads(text) if text[:1] in ("{", "[") else text
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: its {key} is no JSON ({type(error).__name__}); convert the weights again with convert-prior"
        ) from error
