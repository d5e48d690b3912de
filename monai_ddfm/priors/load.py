# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Reading weights without running anybody's code, and without believing what the file claims."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from monai_ddfm.errors import named
from monai_ddfm.priors.foreign_file import mistaken_for

__all__ = ["load_state", "load_weights", "put_weights", "require_fit", "unreadable"]


def load_state(path: str | Path) -> dict[str, Tensor]:
    """Read a state dict from safetensors, or from a torch file with ``weights_only=True``.

    A torch file may hold the state dict itself or nest it under ``state_dict``, ``model`` or ``network``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is truncated, holds code, or holds no state dict of finite real numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such weights file; the shipped weights are bundle/models/prior.safetensors"
        )
    try:
        content = load_file(path) if path.suffix == ".safetensors" else _load_torch(path)
    except pickle.UnpicklingError as error:
        if mistaken_for(path) is not None:
            raise unreadable(path, error) from error
        raise ValueError(
            f"{path}: refused, this checkpoint is damaged, or holds more than tensors and loading it could run code; "
            "copy it again, or ask its author for a safetensors file or a plain state dict"
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes let the two libraries raise anything
        raise unreadable(path, error) from error
    for key in ("state_dict", "model", "network"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not _is_state(content):
        raise ValueError(
            f"{path}: expected a state dict of tensors, found {type(content).__name__}; give the weights alone"
        )
    _require_numbers(path, content)
    return content


def unreadable(path: Path, error: Exception) -> ValueError:
    """Return the error that says why a file is no weights file."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    reason = mistaken_for(path) or f"{said[0]}; copy or download it again"
    return ValueError(f"{path}: not a readable weights file: {reason}")


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Load `path` into `network`; every key and every shape must fit.

    Raises:
        FileNotFoundError, ValueError: see `load_state` and `require_fit`.
    """
    put_weights(network, load_state(path), path)


def put_weights(network: nn.Module, state: Mapping[str, Tensor], path: str | Path) -> None:
    """Load what was read from `path` into `network`; see `require_fit`."""
    require_fit(network, state, path)
    network.load_state_dict(state)


def require_fit(network: nn.Module, state: Mapping[str, Tensor], path: str | Path) -> None:
    """Refuse weights of another architecture.

    Raises:
        ValueError: keys that are missing, extra, of another shape or of another kind of number, by name.
    """
    expected = network.state_dict()
    shared = [key for key in expected if key in state]
    missing = [key for key in expected if key not in state]
    extra = [key for key in state if key not in expected]
    reshaped = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(expected[key].shape)}"
        for key in shared
        if state[key].shape != expected[key].shape
    ]
    retyped = [
        f"{key} {state[key].dtype} instead of {expected[key].dtype}"
        for key in shared
        if state[key].is_floating_point() != expected[key].is_floating_point()
    ]
    faults = [
        f"{len(keys)} {what} ({named(keys)})"
        for what, keys in (
            ("missing", missing),
            ("extra", extra),
            ("of another shape", reshaped),
            ("of another kind of number", retyped),
        )
        if keys
    ]
    if faults:
        raise ValueError(
            f"{path}: weights of another architecture than the {type(network).__name__} here: {'; '.join(faults)}; "
            "give the network_def that these weights were trained with"
        )


def _load_torch(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > path.stat().st_size:  # torch never packs; a bomb does
            raise ValueError(f"it claims to unpack to {unpacked} bytes, more than it has")
    return torch.load(path, map_location="cpu", weights_only=True)


def _is_state(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items())
    )


def _require_numbers(path: Path, state: Mapping[str, Tensor]) -> None:
    """Refuse what a network cannot compute with, and tensors that repeat few bytes to become large."""
    kinds = [
        f"{key} is {value.dtype} ({value.layout}, {value.device})"
        for key, value in state.items()
        if value.layout != torch.strided or value.is_quantized or value.is_complex() or value.device.type != "cpu"
    ]
    if kinds:
        raise ValueError(f"{path}: expected plain real tensors; {named(kinds)}; save them so")
    claimed, held = sum(value.numel() * value.element_size() for value in state.values()), path.stat().st_size
    if claimed > 2 * held:  # twice: tensors may be tied
        raise ValueError(
            f"{path}: its tensors claim {claimed} bytes, the file has {held}: it is damaged, or made to exhaust "
            "memory; save them with safetensors"
        )
    broken = [key for key, value in state.items() if not _is_finite(value)]
    if broken:
        raise ValueError(
            f"{path}: {len(broken)} of {len(state)} tensors hold NaN or infinity ({named(broken)}): the training "
            "diverged or the file is damaged; give weights from before, or copy the file again"
        )


def _is_finite(value: Tensor) -> bool:
    """Without a copy of the tensor, of which there may be gigabytes: NaN and infinity show in its extremes."""
    if not value.is_floating_point() or value.numel() == 0:
        return True
    ends = torch.aminmax(value.float() if value.element_size() == 1 else value)
    return bool(torch.isfinite(ends.min) & torch.isfinite(ends.max))
