# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Weights that are damaged, of another network, described wrongly, or no weights at all."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.robustness.corpus.bad_input import BadInput
from tests.tiny_unet import TINY, tiny_unet, write_tiny_prior

__all__ = ["bad_weights"]

Header = dict[str, Any]


def _parts(folder: Path) -> tuple[Header, bytes]:
    """The header of a good file, and its numbers."""
    whole = write_tiny_prior(folder / "good.safetensors").read_bytes()
    (folder / "good.safetensors").unlink()
    (length,) = struct.unpack("<Q", whole[:8])
    return json.loads(whole[8 : 8 + length]), whole[8 + length :]


def _file(folder: Path, content: bytes, name: str = "prior.safetensors") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def _packed(header: bytes, data: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def _with_header(change: Callable[[Header], Any]) -> Callable[[Path], Path]:
    """A file whose header was changed in place, or replaced by what is returned."""

    def make(folder: Path) -> Path:
        header, data = _parts(folder)
        changed = change(header)
        text = changed if isinstance(changed, bytes) else json.dumps(header if changed is None else changed).encode()
        return _file(folder, _packed(text, data))

    return make


def _with_bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    return lambda folder: _file(folder, change(_packed(*_as_bytes(folder))))


def _as_bytes(folder: Path) -> tuple[bytes, bytes]:
    header, data = _parts(folder)
    return json.dumps(header).encode(), data


def _said(**said: Any) -> Callable[[Path], Path]:
    """A file whose description was changed; None takes a part of it out."""

    def change(header: Header) -> None:
        texts = header["__metadata__"]
        for name, value in said.items():
            texts.pop(name, None)
            if value is not None:
                texts[name] = value if isinstance(value, str) else json.dumps(value)

    return _with_header(change)


def _architecture(**options: Any) -> Callable[[Path], Path]:
    return _said(architecture={**TINY, **options})


def _first(header: Header) -> Any:
    return header[min(name for name in header if name != "__metadata__")]


def _set_first(name: str, value: Any) -> Callable[[Path], Path]:
    return _with_header(lambda header: _first(header).__setitem__(name, value))


def _drop_first(header: Header) -> None:
    del header[min(name for name in header if name != "__metadata__")]


def _number(value: float) -> Callable[[bytes], bytes]:
    """One weight is no number."""
    return lambda whole: whole[:-4] + np.float32(value).tobytes()


def _torch_file(content: Callable[[], Any], name: str = "prior.pt") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        torch.save(content(), folder / name)
        return folder / name

    return make


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("owned",)


def _torchscript(folder: Path) -> Path:
    torch.jit.script(nn.Identity()).save(str(folder / "prior.pt"))
    return folder / "prior.pt"


def _dangling(folder: Path) -> Path:
    (folder / "prior.safetensors").symlink_to(folder / "gone.safetensors")
    return folder / "prior.safetensors"


def _folder(**files: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "network").mkdir()
        for name, text in files.items():
            (folder / "network" / name.replace("__", ".")).write_text(text)
        return folder / "network"

    return make


def _of(content: bytes, name: str = "prior.safetensors") -> Callable[[Path], Path]:
    return lambda folder: _file(folder, content, name)


_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 14900000\n"
_UNET2D = '"_class_name": "UNet2DModel", "in_channels": 1, "out_channels": 1'

_MADE: dict[str, Callable[[Path], Path]] = {
    "empty file": _of(b""),
    "seven bytes": _of(b"\1\0\0\0\0\0\0"),
    "zeros": _of(bytes(4096)),
    "pointer of git-lfs": _of(_LFS),
    "page of a web server": _of(b"<!DOCTYPE html><html><body>404</body></html>"),
    "packed by gzip": _with_bytes(gzip.compress),
    "cut in its numbers": _with_bytes(lambda whole: whole[:-1000]),
    "cut in its header": _with_bytes(lambda whole: whole[:200]),
    "more behind its end": _with_bytes(lambda whole: whole + b"more"),
    "header longer than the file": lambda f: _file(f, _packed(*_as_bytes(f), length=2**40)),
    "header of no length": lambda f: _file(f, _packed(*_as_bytes(f), length=0)),
    "header that is no JSON": _with_header(lambda header: b"{'a': 1}"),
    "header that is a list": _with_header(lambda header: [1, 2]),
    "header that is no UTF-8": _with_header(lambda header: b'{"\xff\xfe": {}}'),
    "header nested without end": _with_header(lambda header: b'{"a":' * 100_000),
    "numbers beyond the end": _set_first("data_offsets", [0, 2**40]),
    "numbers that end before they begin": _set_first("data_offsets", [64, 0]),
    "unknown type of numbers": _set_first("dtype", "F31"),
    "shape that does not fit": _set_first("shape", [3, 5]),
    "negative shape": _set_first("shape", [-8]),
    "shape that overflows": _set_first("shape", [2**40, 2**40]),
    "tensor missing": _with_header(_drop_first),
    "NaN": _with_bytes(_number(float("nan"))),
    "infinite": _with_bytes(_number(float("-inf"))),
    "without description": _with_header(lambda header: {k: v for k, v in header.items() if k != "__metadata__"}),
    "unknown kind": _said(kind="keras"),
    "no kind": _said(kind=None),
    "no architecture": _said(architecture=None),
    "architecture that is no JSON": _said(architecture="{spatial_dims: 2"),
    "architecture as text": _said(architecture="DiffusionModelUNet"),
    "architecture as list": _said(architecture=[1, 2]),
    "architecture nested without end": _said(architecture="[" * 100_000),
    "unknown option": _architecture(frobnicate=1),
    "volumes": _architecture(spatial_dims=3),
    "no dimensions": _architecture(spatial_dims=0),
    "no levels": _architecture(channels=[], attention_levels=[]),
    "levels as text": _architecture(channels="8, 8"),
    "channels as numbers with a point": _architecture(channels=[8.5, 8]),
    "groups that do not divide": _architecture(norm_num_groups=3),
    "no groups": _architecture(norm_num_groups=0),
    "no heads": _architecture(attention_levels=[True, True], num_head_channels=0),
    "epsilon as text": _architecture(norm_eps="small"),
    "wide beyond memory": _architecture(channels=[2**20, 2**20]),
    "deep beyond patience": _architecture(num_res_blocks=10**8),
    "levels beyond patience": _architecture(channels=[8] * 10_000, attention_levels=[False] * 10_000),
    "wider than its weights": _architecture(channels=[16, 16]),
    "wants a class": _architecture(num_class_embeds=3),
    "wants a context": _architecture(with_conditioning=True, cross_attention_dim=8),
    "other number of channels in": _architecture(in_channels=1),
    "channels of no image": _said(channels="2"),
    "channels as word": _said(channels="grey"),
    "no channels": _said(channels=None),
    "unshuffled by another factor": _said(unshuffle="4"),
    "unshuffled by nothing": _said(unshuffle="0"),
    "unshuffled by a word": _said(unshuffle="twice"),
    "unknown prediction": _said(prediction_type="noise"),
    "no prediction": _said(prediction_type=None),
    "schedule of text": _said(alphas_cumprod="linear"),
    "schedule of NaN": _said(alphas_cumprod="[0.9, NaN, 0.1]"),
    "schedule that rises": _said(alphas_cumprod=[0.1, 0.5, 0.9]),
    "schedule beyond 1": _said(alphas_cumprod=[1.5, 0.5]),
    "schedule of nothing": _said(alphas_cumprod=[]),
    "of diffusers, described as MONAI's": _said(kind="diffusers"),
    "pickle that runs code": _of(pickle.dumps(_Runs()), "prior.pt"),
    "torch file that runs code": _torch_file(_Runs),
    "whole module": _torch_file(tiny_unet),
    "list of tensors": _torch_file(lambda: [torch.zeros(3)]),
    "one tensor": _torch_file(lambda: torch.zeros(3)),
    "no tensors": _torch_file(dict),
    "state without architecture": _torch_file(lambda: tiny_unet().state_dict()),
    "torch file named safetensors": _torch_file(lambda: tiny_unet().state_dict(), "prior.safetensors"),
    "zip of nothing": _of(b"PK\5\6" + bytes(18), "prior.pt"),
    "TorchScript": _torchscript,
    "ONNX": _of(b"\x08\x07\x12\x07pytorch\x1a\x032.1:\x00", "prior.onnx"),
    "dangling link": _dangling,
    "not there": lambda folder: folder / "prior.safetensors",
    "folder": _folder(),
    "folder with a broken configuration": _folder(config__json="{"),
    "folder with a list as configuration": _folder(config__json="[]"),
    "folder without weights": _folder(config__json=f"{{{_UNET2D}}}"),
    "folder of another class": _folder(config__json='{"_class_name": "UNet2DConditionModel"}'),
    "folder with absurd options": _folder(
        config__json=f'{{{_UNET2D}, "block_out_channels": "wide"}}', diffusion_pytorch_model__bin="nothing"
    ),
    "folder with broken weights": _folder(config__json=f"{{{_UNET2D}}}", diffusion_pytorch_model__bin="nothing"),
    "folder with a broken scheduler": _folder(
        config__json=f"{{{_UNET2D}}}", diffusion_pytorch_model__bin="nothing", scheduler_config__json="[1"
    ),
}

_HARMLESS = {
    "more in its description": _said(author="somebody"),
    "schedule as it is anyway": _said(alphas_cumprod=np.cumprod(1 - np.linspace(1e-4, 2e-2, 1000)).tolist()),
    "order of its description": _with_header(lambda header: dict(reversed(header.items()))),
}


def bad_weights() -> list[BadInput]:
    """All of them, for ``weights``."""
    bad = [BadInput(name, make) for name, make in _MADE.items()]
    return bad + [BadInput(name, make, harmless=True) for name, make in _HARMLESS.items()]
