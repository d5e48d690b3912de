# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A device that is not there: its tensors compute on the CPU, refuse the CPU's, and what a GPU would feel is counted.

Within `PretendedDevice` the device ``pretended`` exists: ``x.to(DEVICE)`` and ``torch.zeros(3, device=DEVICE)`` give
its tensors. Tensor subclasses (MetaTensor) and autocast are not carried. See "Extending PyTorch" and
`torch.utils.backend_registration` in torch's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode
from torch.utils._pytree import tree_flatten, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

__all__ = ["DEVICE", "PretendedDevice", "move_module"]

_setup_privateuseone_for_python_backend("pretended")
DEVICE = torch.device("pretended", 0)
torch.get_device_module(DEVICE).device_count = lambda: 0  # who looks for accelerators to seed or use finds none

_aten = torch.ops.aten
_TRANSFERS = {_aten._to_copy.default, _aten.copy_.default}
_INDEXING = {_aten.index.Tensor, _aten.index_put_.default, _aten._index_put_impl_.default}  # CUDA takes CPU indices
_READ = {_aten._local_scalar_dense.default, _aten.equal.default}
_OF_UNKNOWN_SIZE = {_aten.nonzero.default, _aten.masked_select.default, _aten._unique2.default, _aten.bincount.default}
_AS_COPIES = {_aten._conj.default: _aten.conj_physical.default}  # a wrapper has no conjugate bit
_IN_ONE_PIECE = {torch.quantile, torch.nanquantile, Tensor.quantile, Tensor.nanquantile}  # reshape in place inside


class _PretendedTensor(torch.Tensor):
    """Says it lies on `DEVICE`; `host` holds its values."""

    host: Tensor

    @staticmethod
    def __new__(cls, host: Tensor) -> _PretendedTensor:
        wrapper = torch.Tensor._make_wrapper_subclass(
            cls,
            host.shape,
            strides=host.stride(),
            storage_offset=host.storage_offset(),
            dtype=host.dtype,
            device=DEVICE,
        )
        wrapper.host = host
        return wrapper

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override] # torch's is not typed
        return f"pretended({self.host})"

    def tolist(self) -> Any:
        return self.cpu().tolist()

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in _IN_ONE_PIECE:
            return _wrap(func(*_unwrap(args), **_unwrap(dict(kwargs or {}))))
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(  # type: ignore[override] # torch's own says nothing of defaults
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _compute(func, args, dict(kwargs or {}))  # where torch sets modes aside, as in `as_subclass`


class PretendedDevice(TorchDispatchMode):
    """Makes `DEVICE` exist, and counts.

    Attributes:
        launches: operations that compute; about the kernels a GPU would be given.
        waits: points where the host must wait for the device: numbers read, sizes asked for, copies to the host.
        uploads: copies from the host; CUDA's host waits for these, too, unless they come from pinned memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.launches = self.waits = self.uploads = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        ours = [tensor for tensor in tensors if isinstance(tensor, _PretendedTensor)]
        target = None if kwargs.get("device") is None else torch.device(kwargs["device"])
        if not ours and (target is None or target.type != DEVICE.type):
            return func(*args, **kwargs)
        if func in _INDEXING:
            _refuse_mixture(func, [args[0], *args[2:], *filter(_is_there, args[1])])  # indices may come from the CPU
        elif func not in _TRANSFERS:
            _refuse_mixture(func, tensors)
        self._count(func, args, ours, target)
        return _compute(func, args, kwargs)

    def _count(self, func: Any, args: Any, ours: Sequence[Tensor], target: torch.device | None) -> None:
        self.launches += not func.is_view
        if func in _TRANSFERS:
            source = args[1] if func is _aten.copy_.default else args[0]
            self.count_transfer(source, _is_there(args[0]) if target is None else target.type == DEVICE.type)
        elif func in _INDEXING and _is_there(args[0]):
            indices = [index for index in args[1] if index is not None]
            self.uploads += sum(not _is_there(index) for index in indices)
            masks = [index for index in indices if index.dtype == torch.bool]
            self.waits += any(map(_is_there, masks))  # how many voxels are chosen only the device knows
        self.waits += bool(ours) and (func in _READ or func in _OF_UNKNOWN_SIZE)

    def count_transfer(self, source: Tensor, arrives: bool) -> None:
        """Count a copy of `source`, to the device if it `arrives` there, else to the CPU."""
        self.waits += _is_there(source) and not arrives
        self.uploads += arrives and not _is_there(source)


def move_module(module: nn.Module) -> nn.Module:
    """Move a module's parameters and buffers to the device, in place; `nn.Module.to` would keep their type."""
    for part in module.modules():
        for store in (part._parameters, part._buffers):
            for name, value in list(store.items()):
                if value is not None:
                    store[name] = _PretendedTensor(value.detach())  # type: ignore[assignment]
    return module


def _is_there(value: Any) -> bool:
    return isinstance(value, _PretendedTensor)


def _refuse_mixture(func: Any, values: Sequence[Any]) -> None:
    """Raise as CUDA does; numbers in tensors of no dimension may come from the CPU."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    if any(map(_is_there, tensors)) and any(not _is_there(tensor) and tensor.ndim > 0 for tensor in tensors):
        raise RuntimeError(f"Expected all tensors to be on the same device, but {func} found {DEVICE} and cpu")


def _compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute on the CPU; the answer lies where it was asked for, else on the device."""
    target = None if kwargs.get("device") is None else torch.device(kwargs["device"])
    if target is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    values = _AS_COPIES.get(func, func)(*_unwrap(args), **_unwrap(kwargs))
    if func._schema.is_mutable and isinstance(args[0], Tensor):
        return args[0]
    return values if target is not None and target.type != DEVICE.type else _wrap(values)


def _wrap(values: Any) -> Any:
    return tree_map_only(Tensor, _PretendedTensor, values)


def _unwrap(values: Any) -> Any:
    return tree_map_only(_PretendedTensor, lambda tensor: tensor.host, values)


# What torch does below Python's dispatch (`torch.tensor(..., device=DEVICE)`, `new_tensor`, an index that is a list)
# reaches the kernels of the backend: an empty tensor is made and the host's numbers are copied into it.


def _empty(size: Sequence[int], dtype: torch.dtype | None = None, **_: Any) -> Tensor:
    return _PretendedTensor(torch.empty(size, dtype=dtype))


def _empty_strided(size: Sequence[int], stride: Sequence[int], dtype: torch.dtype | None = None, **_: Any) -> Tensor:
    return _PretendedTensor(torch.empty_strided(size, stride, dtype=dtype))


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    device = _get_current_dispatch_mode()
    if isinstance(device, PretendedDevice):
        device.count_transfer(source, _is_there(target))
    _unwrap(target).copy_(_unwrap(source))
    return target


_KERNELS = torch.library.Library("aten", "IMPL")  # kept, since its kernels leave with it
_KERNELS.impl("empty.memory_format", _empty, "PrivateUse1")
_KERNELS.impl("empty_strided", _empty_strided, "PrivateUse1")
_KERNELS.impl("_copy_from", _copy_from, "PrivateUse1")
