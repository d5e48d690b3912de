# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A prior drawn up without memory, to see whether weights fit a description before it is built.

A description is text: a few bytes can ask for terabytes. The sketch is made on torch's device ``meta``, where tensors
have shapes and no numbers; what fits the tensors of the file is no larger than the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from monai_ddfm.priors.load import require_fit
from monai_ddfm.priors.network import NetworkPrior

__all__ = ["require_buildable"]


def require_buildable(path: Path, state: Mapping[str, Tensor], make: Callable[[], NetworkPrior]) -> None:
    """Refuse a description that is of no prior, or of another one than the weights are of.

    Args:
        path: where the description stands.
        state: the weights.
        make: builds the prior, whose ``network`` has the weights, as the description says.

    Raises:
        ImportError: a library that the prior needs is not installed.
        ValueError: no such network can be built, the weights do not fit it, or it does not answer with an image.
    """
    try:
        with torch.device("meta"), _AtMost(2 * len(state) + 100):
            sketch = make()
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # options of a wrong kind let the libraries raise anything
        raise _no_prior(path, error) from error
    require_fit(sketch.network, state, path)
    try:
        _require_image(sketch)
    except Exception as error:
        raise _no_prior(path, error) from error


def _no_prior(path: Path, error: Exception) -> ValueError:
    said = (str(error).strip().splitlines() or [""])[0][:300]
    reason = f"it lacks {said}" if isinstance(error, KeyError) else said or type(error).__name__
    return ValueError(
        f"{path}: describes no network that can be a prior ({reason}); give the file as its author wrote it"
    )


def _require_image(sketch: NetworkPrior) -> None:
    """Ask the sketch for a prediction, which costs no arithmetic: it must be an image of the same size."""
    size = 2 * sketch.spatial_multiple  # normalisation refuses a single number
    x = torch.zeros(1, sketch.channels, size, size, device="meta")
    with torch.device("meta"), torch.no_grad():
        answer = sketch(x, torch.zeros(1, dtype=torch.long, device="meta"))
    if answer.ndim != 4 or answer.shape[1] < sketch.channels or answer.shape[2:] != x.shape[2:]:
        raise ValueError(f"it answers with {tuple(answer.shape)} to an image of {tuple(x.shape)}")


class _AtMost(TorchFunctionMode):
    """Stops what makes more tensors than the weights can be of: a count of layers may be any number."""

    def __init__(self, tensors: int) -> None:
        super().__init__()
        self._left = tensors

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.empty:  # how every layer begins
            self._left -= 1
            if self._left < 0:
                raise ValueError("it has many more layers than there are weights")
        return func(*args, **(kwargs or {}))
