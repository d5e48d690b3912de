# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A network built from what a file says of it, which may be wrong: tried without memory, then compared, then built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from monai_ddfm.errors import reason_of
from monai_ddfm.priors.load import require_fitting
from monai_ddfm.priors.network import NetworkPrior

__all__ = ["build_described"]

P = TypeVar("P", bound=NetworkPrior)
_LAYER_COUNTS = ("num_res_blocks", "layers_per_block")


def build_described(
    path: Path,
    said: Mapping[str, Any],
    state: Mapping[str, Tensor],
    build: Callable[[Mapping[str, Any]], nn.Module],
    wrap: Callable[[nn.Module], P],
) -> P:
    """Return a prior with weights, if it works and they are its.

    Args:
        path: where the description stands, for messages.
        said: the description; its ``architecture`` is what `build` takes.
        state: the weights.
        build: makes the network.
        wrap: makes the prior of it.

    Raises:
        ValueError: the description is of no network that works, or of another than the weights are of. No more memory
            was taken than the weights take.
    """
    try:
        architecture = said["architecture"]
        _require_countable(architecture, len(state))
        with torch.device("meta"):  # shapes without numbers
            tried = build(architecture)
        _try_out(wrap(tried))
    except ImportError:
        raise
    except Exception as error:  # whatever the libraries make of it
        reason = reason_of(error)
        text = (str(reason).strip().splitlines() or [""])[0][:200]
        told = f"{reason.args[0]} is missing" if isinstance(reason, KeyError) else text or type(reason).__name__
        raise ValueError(
            f"{path}: describes no network that works ({told}); expected what convert-prior, the training workflow or "
            "diffusers wrote: convert the weights again, or name the network in network_def"
        ) from error
    require_fitting(tried, state, path)
    network = build(architecture)
    network.load_state_dict(state)
    return wrap(network)


def _require_countable(architecture: Any, tensors: int) -> None:
    """Refuse an architecture of more layers than there are weights: building it might never end.

    Raises:
        TypeError, ValueError: it is no mapping, or counts more.
    """
    if not isinstance(architecture, Mapping):
        raise TypeError(f"architecture is {str(architecture)[:40]!r}, expected names and values")
    for name, value in architecture.items():
        count = len(value) if isinstance(value, (list, str)) else 0
        if name in _LAYER_COUNTS:
            count = max((one for one in (value if isinstance(value, list) else [value])), default=0)
        if count > max(tensors, 64):
            raise ValueError(f"{name} counts {count}, with {tensors} tensors in the file")


def _try_out(prior: NetworkPrior) -> None:
    """Ask a network without numbers, and compare shapes.

    Raises:
        ValueError: it answers with something else than an image.
    """
    side = prior.spatial_multiple * 2
    asked = torch.empty(1, prior.channels, side, side, device="meta")
    answer = prior(asked, torch.zeros(1, dtype=torch.long, device="meta"))
    if answer.shape[1] < prior.channels or answer.shape[2:] != asked.shape[2:]:
        raise ValueError(f"it answers {tuple(answer.shape)} to {tuple(asked.shape)}")
