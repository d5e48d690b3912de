# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""An object's settings as plain JSON, for objects that a user brings and no description knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import torch

from monai_ddfm.pipeline.config import NOT_IN_KEY
from monai_ddfm.priors import DiffusionPrior

__all__ = ["describe"]

_NO_SETTINGS = NOT_IN_KEY | {"callback"}
_LARGEST_TENSOR = 32


def describe(thing: Any) -> Any:
    """Return the settings of an object as plain JSON: its attributes, their attributes, and so on."""
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing.value if isinstance(thing, Enum) else thing
    if isinstance(thing, (Path, torch.device, torch.dtype)):
        return str(thing)
    if isinstance(thing, torch.Tensor):
        return thing.tolist() if thing.numel() <= _LARGEST_TENSOR else list(thing.shape)
    if isinstance(thing, Mapping):
        return {str(key): describe(value) for key, value in thing.items()}
    if isinstance(thing, (Sequence, set)):
        return [describe(value) for value in thing]
    if isinstance(thing, DiffusionPrior):
        return thing.fingerprint()
    settings = {name: describe(value) for name, value in vars(thing).items() if name not in _NO_SETTINGS}
    return {"class": type(thing).__name__, **settings}
