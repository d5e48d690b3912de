# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Weights that are cut, damaged, of another kind, described wrongly, or made to do harm."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from monai_ddfm.priors.prior_file import write_prior_file
from tests.priors.adm_reference import random_adm
from tests.robustness.corpus.bad_input import BadInput
from tests.tiny_unet import TINY, tiny_unet, write_tiny_prior

__all__ = ["ADM", "bad_checkpoints", "bad_weights"]

ADM: dict[str, Any] = {"widths": [32, 64], "blocks": 1, "attended": [False, True]}
_NAME = "prior.safetensors"
_HEADER = {"kind": "monai", "architecture": TINY, "channels": "1", "unshuffle": "2", "prediction_type": "epsilon"}


@cache
def _whole() -> bytes:
    with TemporaryDirectory() as folder:
        return write_tiny_prior(Path(folder) / _NAME).read_bytes()


def _file(content: Callable[[], bytes], name: str = _NAME) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content())
        return folder / name

    return make


def _packed(header: bytes, data: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def _parts() -> tuple[dict[str, Any], bytes]:
    """The header and the numbers of the good file."""
    (length,) = struct.unpack_from("<Q", _whole())
    return json.loads(_whole()[8 : 8 + length]), _whole()[8 + length :]


def _entry(**changed: Any) -> Callable[[], bytes]:
    """The good file, one tensor's entry in its header changed."""

    def content() -> bytes:
        header, data = _parts()
        header["out.2.conv.bias"] |= changed
        return _packed(json.dumps(header).encode(), data)

    return content


def _metadata(metadata: Any) -> Callable[[], bytes]:
    def content() -> bytes:
        header, data = _parts()
        header["__metadata__"] = metadata
        return _packed(json.dumps(header).encode(), data)

    return content


def _said(**changed: Any) -> Callable[[Path], Path]:
    """The good weights with another description; None takes a word of it away."""

    def make(folder: Path) -> Path:
        header = {key: value for key, value in {**_HEADER, **changed}.items() if value is not None}
        write_prior_file(folder / _NAME, tiny_unet().state_dict(), header)
        return folder / _NAME

    return make


def _architecture(**changed: Any) -> Callable[[Path], Path]:
    return _said(architecture=TINY | changed)


def _state(change: Callable[[dict[str, Tensor]], Mapping[str, Tensor]]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write_prior_file(folder / _NAME, change(tiny_unet().state_dict()), _HEADER)
        return folder / _NAME

    return make


def _spoiled(value: float) -> Callable[[dict[str, Tensor]], Mapping[str, Tensor]]:
    def change(state: dict[str, Tensor]) -> Mapping[str, Tensor]:
        state["conv_in.conv.weight"].view(-1)[5] = value
        return state

    return change


_FOREIGN = {
    "empty": b"",
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n",
    "a web page": b"<!DOCTYPE html><html><body>404</body></html>",
    "a text": b"weights\n" * 40,
    "zeros": bytes(4096),
    "ONNX": b"\x08\x08\x12\x07pytorch\x1a\x052.0.0" + bytes(200),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(300),
}


def _bytes_wrong() -> Iterator[BadInput]:
    for length in (1, 7, 8, 9, 100, 3000):
        yield BadInput(f"cut to {length}", _file(lambda n=length: _whole()[:n]))
    yield BadInput("without its last byte", _file(lambda: _whole()[:-1]))
    yield BadInput("a byte too many", _file(lambda: _whole() + b"\0"))
    for length in (0, 1, 10**6, 2**40, 2**63, 2**64 - 1):
        yield BadInput(f"header of {length} bytes", _file(lambda n=length: struct.pack("<Q", n) + _whole()[8:]))
    headers = {"a list": b"[]", "a number": b"3", "no JSON": b"{tensor:", "not UTF-8": b'{"\xff": 1}', "empty": b"{}"}
    for name, header in {**headers, "nested without end": b"[" * 9000}.items():
        yield BadInput(f"header that is {name}", _file(lambda h=header: _packed(h, _parts()[1])))
    for name, content in _FOREIGN.items():
        yield BadInput(name, _file(lambda c=content: c))
    yield BadInput("gz", _file(lambda: gzip.compress(_whole())))


def _entries() -> Iterator[BadInput]:
    for offsets in ([0, 16], [-4, 12], [10**12, 10**12 + 16], [16, 0], [0], ["0", "16"]):
        yield BadInput(f"offsets {offsets}", _file(_entry(data_offsets=offsets)))
    for dtype in ("F33", "I32", "BOOL", "C64", 7):
        yield BadInput(f"numbers of {dtype}", _file(_entry(dtype=dtype)))
    for shape in ([5], [2, 2], [-4], [2**62, 4], "4", []):
        yield BadInput(f"shape {shape}", _file(_entry(shape=shape)))
    for name, metadata in {"a list": ["kind"], "of numbers": {"kind": 3}, "a text": "monai", "gone": {}}.items():
        yield BadInput(f"metadata {name}", _file(_metadata(metadata)))
    broken = {**{key: str(value) for key, value in _HEADER.items()}, "architecture": "{channels"}
    yield BadInput("architecture that is no JSON", _file(_metadata(broken)))
    yield BadInput("architecture without end", _file(_metadata({**broken, "architecture": "[" * 99999})))


def _tensors() -> Iterator[BadInput]:
    for value in (float("nan"), float("inf"), -float("inf")):
        yield BadInput(f"a weight of {value}", _state(_spoiled(value)))
    yield BadInput("without a tensor", _state(lambda s: {k: v for k, v in s.items() if k != "out.2.conv.bias"}))
    yield BadInput("a tensor too many", _state(lambda s: {**s, "more": torch.zeros(1)}))
    yield BadInput("no tensors", _state(lambda s: {}))
    yield BadInput("a tensor of another shape", _state(lambda s: {**s, "out.2.conv.bias": torch.zeros(7)}))
    yield BadInput("of three channels", _state(lambda s: tiny_unet(3).state_dict()))
    yield BadInput("of guided-diffusion", _state(lambda s: random_adm(**ADM)))


def _descriptions() -> Iterator[BadInput]:
    yield BadInput("the good file", _said(), harmless=True)
    yield BadInput("a note of its author's", _said(author="somebody"), harmless=True)
    wrong: dict[str, list[Any]] = {
        "kind": [None, "keras", "diffusers"],
        "channels": [None, "0", "2", "one", "3", [1]],
        "unshuffle": [None, "0", "-2", "3", "2.0", "1000000"],
        "prediction_type": [None, "x0", ["epsilon"]],
        "architecture": [None, [], "unet", {}],
        "alphas_cumprod": [[], [[0.9]], ["a"], [0.5, 0.9], [0.9, 0.0], [1.5, 0.5], [0.9, float("nan")], {"beta": 1}],
    }
    for key, values in wrong.items():
        for value in values:
            yield BadInput(f"{key} {'gone' if value is None else value}", _said(**{key: value}))
    options: dict[str, list[Any]] = {
        "channels": [[10**6, 10**6], [8], [8] * 10**5, [], [8.5, 8], "88", [0, 0], [-8, -8], [10**30, 8]],
        "num_res_blocks": [10**9, 0, -1, "1", [1]],
        "spatial_dims": [3, 1, 0, 99],
        "in_channels": [10**9, 0, "4"],
        "norm_num_groups": [0, -4, 3],
        "num_class_embeds": [10**12],
        "attention_levels": [[True, True], [False], 7],
        "activation": ["swish"],
    }
    for key, values in options.items():
        for value in values:
            yield BadInput(f"{key} {str(value)[:30]} in the architecture", _architecture(**{key: value}))


def _places() -> Iterator[BadInput]:
    yield BadInput("nothing there", lambda folder: folder / _NAME)
    yield BadInput("an empty folder", _made(lambda path: path.mkdir()))
    yield BadInput("a dangling link", _made(lambda path: path.symlink_to("nowhere")))
    yield BadInput("a link to itself", _made(lambda path: path.symlink_to(_NAME)))
    yield BadInput("a pipe", _made(os.mkfifo))
    yield BadInput("good weights of another ending", _file(_whole, "prior.bin"))


def _made(make_at: Callable[[Path], Any]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        make_at(folder / _NAME)
        return folder / _NAME

    return make


def bad_weights() -> list[BadInput]:
    """What `fuse` is given."""
    return [*_bytes_wrong(), *_entries(), *_tensors(), *_descriptions(), *_places()]


class _RunsCode:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("made_by_checkpoint",)


def _saved(content: Any, name: str = "adm.pt", **how: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        torch.save(content() if isinstance(content, FunctionType) else content, folder / name, **how)
        return folder / name

    return make


def _torch_bytes() -> bytes:
    buffer = io.BytesIO()
    torch.save(random_adm(**ADM), buffer)
    return buffer.getvalue()


def _zip(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _bomb() -> bytes:
    """A checkpoint of zeros, packed to a thousandth."""
    buffer = io.BytesIO()
    torch.save({"time_embed.0.weight": torch.zeros(50 << 20)}, buffer)
    with zipfile.ZipFile(buffer) as archive:
        return _zip({name: archive.read(name) for name in archive.namelist()})


def _adm(**changed: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {key: value for key, value in {**random_adm(**ADM), **changed}.items() if value is not None}


def bad_checkpoints() -> list[BadInput]:
    """What `convert-prior` is given."""
    first = "input_blocks.0.0.weight"
    found: dict[str, Any] = {
        "the good one": _adm(),
        "code": {"weight": _RunsCode()},
        "a whole module": torch.nn.Linear(2, 2),
        "a tensor": torch.zeros(3),
        "a list": [torch.zeros(2)],
        "an empty state": {},
        "keys that are numbers": {1: torch.zeros(2)},
        "another network": tiny_unet().state_dict(),
        "NaN": _adm(**{"out.2.bias": torch.full((6,), float("nan"))}),
        "a key that is gone": _adm(**{"out.2.weight": None}),
        "a key too many": _adm(more=torch.zeros(1)),
        "a block of number 10**12": _adm(**{f"output_blocks.{10**12}.0.in_layers.2.weight": torch.zeros(1)}),
        "a block without number": _adm(**{"output_blocks.x.0.in_layers.2.weight": torch.zeros(1)}),
        "no width": _adm(**{first: torch.zeros(0)}),
        "a number for a matrix": _adm(**{first: torch.tensor(1.0)}),
        "a width of 10**6 of nothing": _adm(**{"input_blocks.1.0.out_layers.3.weight": torch.zeros(10**6, 0, 3, 3)}),
        "integers": _adm(**{"out.2.bias": torch.zeros(6, dtype=torch.int8)}),
        "complex numbers": _adm(**{"out.2.bias": torch.zeros(6, dtype=torch.complex64)}),
        "a sparse tensor": _adm(**{"out.2.weight": torch.zeros(6, 32).to_sparse()}),
        "a tensor without numbers": _adm(**{"out.2.bias": torch.zeros(6, device="meta")}),
        "4 TB of one number": _adm(**{first: torch.zeros(1).expand(10**6, 10**6)}),
    }
    saved = [BadInput(f"holds {name}", _saved(what), name == "the good one") for name, what in found.items()]
    old = BadInput("torch's old format", _saved(_adm(), _use_new_zipfile_serialization=False), harmless=True)
    contents: dict[str, Callable[[], bytes]] = {
        "cut in the middle": lambda: _torch_bytes()[:30000],
        "without its last byte": lambda: _torch_bytes()[:-1],
        "a zip of something else": lambda: _zip({"readme.txt": b"hello"}),
        "a packed bomb": _bomb,
        "a zip of nothing": lambda: _zip({}),
        "a pickle that stops": lambda: pickle.dumps({"a": 1})[:-3],
        "a TorchScript archive": lambda: _zip({"m/code/a.py": b"", "m/data.pkl": b"", "m/constants.pkl": b""}),
        "gz of it": lambda: gzip.compress(_torch_bytes()),
        **{name: (lambda c=content: c) for name, content in _FOREIGN.items()},
    }
    files = [BadInput(name, _file(content, "adm.pt")) for name, content in contents.items()]
    return [*saved, old, *files]
