# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The U-Net of guided-diffusion as plain functions on its state dict, and state dicts of random weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

State = Mapping[str, Tensor]


def adm_forward(
    state: State, x: Tensor, t: Tensor, heads: int, new_order: bool = False, label: int | None = None
) -> Tensor:
    """Dhariwal and Nichol 2021, appendix: BigGAN residual blocks, scale-shift norm, attention by levels.

    `heads` are the channels of a head when positive, the number of heads when negative.
    """
    width = state["time_embed.0.weight"].shape[1]
    frequencies = torch.exp(-math.log(10000.0) * torch.arange(width // 2) / (width // 2))
    angles = t[:, None].float() * frequencies
    emb = torch.cat([angles.cos(), angles.sin()], dim=1)
    emb = _linear(state, "time_embed.2", F.silu(_linear(state, "time_embed.0", emb)))
    if label is not None:
        emb = emb + state["label_emb.weight"][label]
    levels = 1 + sum(".0.in_layers.2.weight" in k for k in _upsamplers(state))
    blocks = _count(state, "output_blocks") // levels
    h = _conv(state, "input_blocks.0.0", x)
    skips = [h]
    for i in range(1, _count(state, "input_blocks")):
        h = _residual(state, f"input_blocks.{i}.0", h, emb, "down" if i % blocks == 0 else "")
        h = _attention(state, f"input_blocks.{i}.1", h, heads, new_order)
        skips.append(h)
    h = _residual(state, "middle_block.0", h, emb)
    h = _residual(state, "middle_block.2", _attention(state, "middle_block.1", h, heads, new_order), emb)
    for i in range(_count(state, "output_blocks")):
        h = _residual(state, f"output_blocks.{i}.0", torch.cat([h, skips.pop()], dim=1), emb)
        h = _attention(state, f"output_blocks.{i}.1", h, heads, new_order)
        for j in (1, 2):
            if f"output_blocks.{i}.{j}.in_layers.2.weight" in state:
                h = _residual(state, f"output_blocks.{i}.{j}", h, emb, "up")
    return _conv(state, "out.2", F.silu(_norm(state, "out.0", h)))


def random_adm(
    widths: Sequence[int], blocks: int, attended: Sequence[bool], model_channels: int | None = None, classes: int = 0
) -> dict[str, Tensor]:
    """A state dict of random weights, keys and shapes as guided-diffusion has them."""
    generator = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}
    base = model_channels or widths[0]

    def layer(name: str, *shape: int) -> None:
        scale = 1.0 / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else 1.0
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * scale
        state[f"{name}.bias"] = torch.randn(shape[:1], generator=generator) * 0.1

    def residual(name: str, before: int, after: int) -> None:
        layer(f"{name}.in_layers.0", before)
        layer(f"{name}.in_layers.2", after, before, 3, 3)
        layer(f"{name}.emb_layers.1", 2 * after, 4 * base)
        layer(f"{name}.out_layers.0", after)
        layer(f"{name}.out_layers.3", after, after, 3, 3)
        if before != after:
            layer(f"{name}.skip_connection", after, before, 1, 1)

    def attention(name: str, channels: int) -> None:
        layer(f"{name}.norm", channels)
        layer(f"{name}.qkv", 3 * channels, channels, 1)
        layer(f"{name}.proj_out", channels, channels, 1)

    layer("time_embed.0", 4 * base, base)
    layer("time_embed.2", 4 * base, 4 * base)
    layer("input_blocks.0.0", widths[0], 3, 3, 3)
    h, skips, i = widths[0], [widths[0]], 1
    for level, width in enumerate(widths):
        for block in range(blocks + (level < len(widths) - 1)):
            residual(f"input_blocks.{i}.0", h, width)
            if block < blocks and attended[level]:
                attention(f"input_blocks.{i}.1", width)
            h, i = width, i + 1
            skips.append(h)
    residual("middle_block.0", h, h)
    attention("middle_block.1", h)
    residual("middle_block.2", h, h)
    i = 0
    for level, width in reversed(list(enumerate(widths))):
        for block in range(blocks + 1):
            residual(f"output_blocks.{i}.0", h + skips.pop(), width)
            if attended[level]:
                attention(f"output_blocks.{i}.1", width)
            if level and block == blocks:
                residual(f"output_blocks.{i}.{1 + attended[level]}", width, width)
            h, i = width, i + 1
    layer("out.0", h)
    layer("out.2", 6, h, 3, 3)
    if classes:
        state["label_emb.weight"] = torch.randn(classes, 4 * base, generator=generator)
    return state


def _count(state: State, name: str) -> int:
    return 1 + max(int(key.split(".")[1]) for key in state if key.startswith(f"{name}."))


def _upsamplers(state: State) -> list[str]:
    """The residual blocks of `output_blocks` that are not the first of their block, spelt as if they were."""
    return [
        key.replace(f".{key.split('.')[2]}.in_layers", ".0.in_layers")
        for key in state
        if key.startswith("output_blocks.") and key.endswith("in_layers.2.weight") and key.split(".")[2] != "0"
    ]


def _linear(state: State, name: str, x: Tensor) -> Tensor:
    return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def _conv(state: State, name: str, x: Tensor) -> Tensor:
    weight = state[f"{name}.weight"]
    return F.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)


def _norm(state: State, name: str, x: Tensor) -> Tensor:
    return F.group_norm(x, 32, state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-5)


def _residual(state: State, name: str, x: Tensor, emb: Tensor, resample: str = "") -> Tensor:
    def resampled(image: Tensor) -> Tensor:
        if resample == "up":
            return F.interpolate(image, scale_factor=2, mode="nearest")
        return F.avg_pool2d(image, 2) if resample == "down" else image

    h = _conv(state, f"{name}.in_layers.2", resampled(F.silu(_norm(state, f"{name}.in_layers.0", x))))
    scale, shift = _linear(state, f"{name}.emb_layers.1", F.silu(emb))[:, :, None, None].chunk(2, dim=1)
    h = _norm(state, f"{name}.out_layers.0", h) * (1 + scale) + shift
    h = _conv(state, f"{name}.out_layers.3", F.silu(h))
    x = resampled(x)
    return h + (_conv(state, f"{name}.skip_connection", x) if f"{name}.skip_connection.weight" in state else x)


def _attention(state: State, name: str, x: Tensor, heads: int, new_order: bool) -> Tensor:
    if f"{name}.qkv.weight" not in state:
        return x
    batch, channels, height, width = x.shape
    number = channels // heads if heads > 0 else -heads
    flat = _norm(state, f"{name}.norm", x).flatten(2)
    qkv = F.conv1d(flat, state[f"{name}.qkv.weight"], state[f"{name}.qkv.bias"])
    if new_order:
        q, k, v = (part.reshape(batch, number, channels // number, -1) for part in qkv.chunk(3, dim=1))
    else:
        q, k, v = qkv.reshape(batch, number, 3 * channels // number, -1).chunk(3, dim=2)
    weights = torch.softmax(q.transpose(-1, -2) @ k / math.sqrt(channels // number), dim=-1)
    h = (v @ weights.transpose(-1, -2)).reshape(batch, channels, -1)
    out = F.conv1d(h, state[f"{name}.proj_out.weight"], state[f"{name}.proj_out.bias"])
    return x + out.reshape(batch, channels, height, width)
