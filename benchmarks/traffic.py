# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What torch's operations read, write and compute, counted as they are called.

An operation reads each tensor it is given once and writes each result once; an axis that is merely repeated costs
nothing, nor do views and memory that is only asked for. Operations are counted one for each element of the largest
tensor (two for a fused multiply-add), 5 N log2 N for a Fourier transform, and those of matrix products and convolutions
apart, by `torch.utils.flop_counter`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

__all__ = ["Count", "Traffic", "size_of"]

_aten = torch.ops.aten
_ALLOCATE = {_aten.empty, _aten.empty_like, _aten.empty_strided, _aten.new_empty, _aten.new_empty_strided}
_OVERWRITE = {_aten.copy_, _aten.fill_, _aten.zero_}  # what their first argument held is not read
_PICK = {_aten.index, _aten.index_select, _aten.gather}  # read no more of their first argument than they return
_PUT = {_aten.index_put_, _aten._index_put_impl_}  # touch no more of their first argument than they are given
_FOURIER = {_aten._fft_r2c, _aten._fft_c2r, _aten._fft_c2c}
_MULTIPLY_ADD = {_aten.addcmul, _aten.addcmul_, _aten.lerp, _aten.lerp_}


@dataclass
class Count:
    """What was done.

    Attributes:
        moved: bytes read and written.
        operations: of all but matrix products and convolutions.
        matrix: operations of matrix products and convolutions.
        launches: operations of torch that do something.
    """

    moved: int = 0
    operations: float = 0.0
    matrix: float = 0.0
    launches: int = 0


class Traffic(TorchDispatchMode):
    """Counts what is done within it.

    Args:
        stage: tells what to count for.
        fused: tells whether the memory traffic is counted elsewhere at the moment.
        counted: which operations count, by their tensors; all by default.

    Attributes:
        counts: by stage.
    """

    def __init__(
        self,
        stage: Callable[[], str] = str,
        fused: Callable[[], bool] = bool,
        counted: Callable[[Sequence[Tensor]], bool] = bool,
    ) -> None:
        super().__init__()
        self.counts: defaultdict[str, Count] = defaultdict(Count)
        self._stage, self._fused, self._counted = stage, fused, counted

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        tensors = _tensors((args, kwargs, result))
        operation = func.overloadpacket
        if func.is_view or operation in _ALLOCATE or not self._counted(tensors):
            return result
        count = self.counts[self._stage()]
        count.launches += 1
        count.moved += 0 if self._fused() else _moved(func, args, kwargs, result)
        if operation in flop_registry:
            count.matrix += flop_registry[operation](*args, **kwargs, out_val=result)
        else:
            count.operations += _operations(operation, tensors)
        return result


def size_of(tensor: Tensor) -> int:
    """Bytes of a tensor in memory, each axis that is repeated counted once."""
    sides = (side for side, step in zip(tensor.shape, tensor.stride(), strict=True) if step or not side)
    return tensor.element_size() * math.prod(sides)


def _tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def _moved(func: Any, args: Sequence[Any], kwargs: dict[str, Any], result: Any) -> int:
    """Bytes that an operation reads and writes."""
    operation, written = func.overloadpacket, sum(map(size_of, _tensors(result)))
    if operation in _PUT:
        return sum(map(size_of, _tensors(args[1:]))) + size_of(args[2])
    if operation in _PICK:
        return sum(map(size_of, _tensors(args[1:]))) + min(size_of(args[0]), written) + written
    read = args[1:] if operation in _OVERWRITE else args
    only_written = {argument.name for argument in func._schema.arguments if argument.is_out}
    others = [value for name, value in kwargs.items() if name not in only_written]
    return sum(map(size_of, _tensors((read, others)))) + written


def _operations(operation: Any, tensors: Sequence[Tensor]) -> float:
    elements = max((tensor.numel() for tensor in tensors), default=0)
    if operation in _FOURIER:
        return 2.5 * elements * math.log2(max(2, math.prod(tensors[0].shape[-2:])))  # of real numbers: half
    return float(elements * (2 if operation in _MULTIPLY_ADD else 1))
