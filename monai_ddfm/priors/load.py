# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Reading weights without running anybody's code."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

__all__ = ["load_state", "load_weights", "require_fitting"]

_NAMED_KEYS = 5


def load_state(path: str | Path) -> dict[str, Tensor]:
    """Read a state dict from safetensors, or from a torch file with ``weights_only=True``.

    A torch file may hold the state dict itself or nest it under ``state_dict``, ``model`` or ``network``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is truncated, holds code, holds no state dict, or weights that are no numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such weights file; the shipped weights are bundle/models/prior.safetensors"
        )
    try:
        if path.suffix == ".safetensors":
            return _finite(load_file(path), path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path}: refused, this checkpoint is damaged, or holds more than tensors and loading it could run code; "
            "copy it again, or ask its author for a safetensors file or a plain state dict"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"{path}: not a readable weights file ({error}); copy or download it again") from error
    for key in ("state_dict", "model", "network"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise ValueError(f"{path}: expected a state dict of tensors, found {type(content).__name__}")
    return _finite(content, path)


def _finite(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    wrong = [key for key, value in state.items() if not value.isfinite().all()]
    if wrong:
        raise ValueError(
            f"{path}: {len(wrong)} of {len(state)} tensors hold NaN or infinite values ({wrong[0]}, ...); the training "
            "has diverged, or the file is damaged: take an earlier checkpoint, or copy it again"
        )
    return state


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Load `path` into `network`; every key and every shape must fit.

    Raises:
        FileNotFoundError, ValueError: see `load_state`; also keys that are missing, extra or of another shape, by name.
    """
    state = load_state(path)
    require_fitting(network, state, path)
    network.load_state_dict(state)


def require_fitting(network: nn.Module, state: Mapping[str, Tensor], path: str | Path) -> None:
    """Require that every key and every shape of weights is the network's.

    Raises:
        ValueError: keys that are missing, extra or of another shape, by name.
    """
    expected = network.state_dict()
    missing = [key for key in expected if key not in state]
    extra = [key for key in state if key not in expected]
    reshaped = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(expected[key].shape)}"
        for key in expected
        if key in state and state[key].shape != expected[key].shape
    ]
    faults = [
        f"{len(keys)} {what} ({', '.join(keys[:_NAMED_KEYS])}{', ...' if len(keys) > _NAMED_KEYS else ''})"
        for what, keys in (("missing", missing), ("extra", extra), ("of another shape", reshaped))
        if keys
    ]
    if faults:
        raise ValueError(
            f"{path}: weights of another architecture than the {type(network).__name__} here: {'; '.join(faults)}; "
            "give the network_def that these weights were trained with"
        )
