# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""OpenAI's guided-diffusion checkpoints (Dhariwal and Nichol 2021) as a diffusers `UNet2DModel`.

The layout that is read here is the one of ``guided_diffusion/unet.py`` with ``resblock_updown`` and
``use_scale_shift_norm``, which all of OpenAI's published image models have. ``input_blocks`` are one convolution and
then, level by level, the residual blocks and a downsampling one; ``output_blocks`` mirror them with one block more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = [
    "COMMON_ARCHITECTURE",
    "AttentionLayout",
    "cosine_alphas_cumprod",
    "is_guided_diffusion",
    "level_widths",
    "unet_from_guided_diffusion",
]

COMMON_ARCHITECTURE: dict[str, Any] = {  # what all of OpenAI's published image models share
    "downsample_type": "resnet",
    "upsample_type": "resnet",
    "attn_norm_num_groups": 32,
    "norm_num_groups": 32,
    "norm_eps": 1e-5,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "resnet_time_scale_shift": "scale_shift",
}
_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_ENDS = {
    "input_blocks.0.0": "conv_in",
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}


class AttentionLayout(NamedTuple):
    """What the shapes of a checkpoint do not tell about its attentions.

    Args:
        num_head_channels: channels of a head, 64 in OpenAI's 64, 256 and 512 models.
        num_heads: heads of every attention instead, 4 in the 128 model.
        new_order: whether the fused weights are cut into q, k, v before heads, as in the 64 model.
    """

    num_head_channels: int = 64
    num_heads: int | None = None
    new_order: bool = False

    def heads(self, width: int) -> int:
        """Number of heads of an attention of `width` channels.

        Raises:
            ValueError: `width` cannot be cut into such heads.
        """
        unit = self.num_head_channels if self.num_heads is None else self.num_heads
        if width % unit:
            what = "heads of {} channels" if self.num_heads is None else "{} heads"
            raise ValueError(
                f"an attention of {width} channels cannot be cut into {what.format(unit)}; "
                "give num_head_channels or num_heads as the checkpoint was trained with"
            )
        return width // unit if self.num_heads is None else self.num_heads


def is_guided_diffusion(state: Mapping[str, Tensor]) -> bool:
    """Whether a state dict has the keys of a guided-diffusion U-Net."""
    return {"time_embed.0.weight", "input_blocks.0.0.weight", "middle_block.1.qkv.weight"} <= state.keys()


def unet_from_guided_diffusion(
    state: Mapping[str, Tensor], layout: AttentionLayout | None = None, class_label: int | None = None
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Infer the architecture from the shapes and rename the weights.

    Args:
        state: OpenAI's state dict.
        layout: of the attentions.
        class_label: of a class-conditional checkpoint, the class it is to show; None takes the mean over the classes.
            Either is a constant that moves into the bias of the time embedding.

    Returns:
        keyword arguments for `build_unet` and its state dict.

    Raises:
        ValueError: not such a checkpoint, of a variant without residual up- and downsampling or scale-shift norm, or
            attentions that `layout` does not fit.
    """
    layout = layout or AttentionLayout()
    levels, blocks = _levels(state)
    attended = [f"input_blocks.{_level_blocks(n, blocks).start}.1.qkv.weight" in state for n in range(levels)]
    widths = level_widths(state)
    architecture = {
        **COMMON_ARCHITECTURE,
        "in_channels": state["input_blocks.0.0.weight"].shape[1],
        "out_channels": state["out.2.weight"].shape[0],
        "block_out_channels": widths,
        "layers_per_block": blocks,
        "down_block_types": ["AttnDownBlock2D" if has else "ResnetDownsampleBlock2D" for has in attended],
        "up_block_types": ["AttnUpBlock2D" if has else "ResnetUpsampleBlock2D" for has in reversed(attended)],
        "attention_head_dim": layout.num_head_channels if layout.num_heads is None else 1,
        "time_embedding_dim": state["time_embed.0.weight"].shape[0],
    }
    timestep_channels = state["time_embed.0.weight"].shape[1]
    if timestep_channels != widths[0]:  # the 512 model, whose first level is half as wide
        architecture["timestep_channels"] = timestep_channels
    if layout.num_heads is not None:
        architecture["num_heads"] = layout.num_heads
    return architecture, _renamed(state, _parts(levels, blocks, attended), layout, class_label)


def level_widths(state: Mapping[str, Tensor]) -> list[int]:
    """Return the channels of each level, from the finest on."""
    levels, blocks = _levels(state)
    first = [_level_blocks(level, blocks).start for level in range(levels)]
    return [state[f"input_blocks.{i}.0.out_layers.3.weight"].shape[0] for i in first]


def cosine_alphas_cumprod(num_train_timesteps: int = 1000, most: float = 0.999) -> Tensor:
    """Return ᾱ_t of the cosine schedule (Nichol and Dhariwal 2021, eq. 17), which the 64 model was trained with."""
    steps = torch.linspace(0, 1, num_train_timesteps + 1, dtype=torch.float64)
    wanted = torch.cos((steps + 0.008) / 1.008 * torch.pi / 2) ** 2
    return torch.cumprod(1.0 - (1.0 - wanted[1:] / wanted[:-1]).clamp(max=most), dim=0)


def _levels(state: Mapping[str, Tensor]) -> tuple[int, int]:
    """Return the number of levels and of residual blocks in each: every level but one ends in an upsampling block."""
    if not is_guided_diffusion(state):
        raise ValueError("not a guided-diffusion checkpoint: its keys are not those of OpenAI's U-Net")
    outputs = len({key.split(".")[1] for key in state if key.startswith("output_blocks.")})
    ups = sum(f"output_blocks.{i}.{j}.in_layers.2.weight" in state for i in range(outputs) for j in (1, 2))
    middle = "middle_block.0.emb_layers.1.weight", "middle_block.0.out_layers.0.weight"
    scale_shift = state[middle[0]].shape[0] == 2 * state[middle[1]].shape[0]
    if ups == 0 or outputs % (ups + 1) or not scale_shift:
        raise ValueError(
            "a checkpoint without resblock_updown or use_scale_shift_norm; only those with both can be read"
        )
    return ups + 1, outputs // (ups + 1) - 1


def _level_blocks(level: int, blocks: int) -> range:
    """Indices in ``input_blocks`` of a level's residual blocks; the downsampling one follows them."""
    first = 1 + level * (blocks + 1)
    return range(first, first + blocks)


def _parts(levels: int, blocks: int, attended: list[bool]) -> Iterator[tuple[str, str, bool]]:
    """Yield (their block, its name in UNet2DModel, whether it is an attention)."""
    for level in range(levels):
        down, up = f"down_blocks.{level}", f"up_blocks.{levels - 1 - level}"
        inputs = _level_blocks(level, blocks)
        for number, i in enumerate(inputs):
            yield f"input_blocks.{i}.0", f"{down}.resnets.{number}", False
            if attended[level]:
                yield f"input_blocks.{i}.1", f"{down}.attentions.{number}", True
        if level < levels - 1:
            yield f"input_blocks.{inputs.stop}.0", f"{down}.downsamplers.0", False
        for number in range(blocks + 1):
            i = (levels - 1 - level) * (blocks + 1) + number
            yield f"output_blocks.{i}.0", f"{up}.resnets.{number}", False
            if attended[level]:
                yield f"output_blocks.{i}.1", f"{up}.attentions.{number}", True
            if level > 0 and number == blocks:
                yield f"output_blocks.{i}.{2 if attended[level] else 1}", f"{up}.upsamplers.0", False
    yield "middle_block.0", "mid_block.resnets.0", False
    yield "middle_block.1", "mid_block.attentions.0", True
    yield "middle_block.2", "mid_block.resnets.1", False


def _renamed(
    state: Mapping[str, Tensor],
    parts: Iterator[tuple[str, str, bool]],
    layout: AttentionLayout,
    class_label: int | None,
) -> dict[str, Tensor]:
    rest = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    renamed = {}

    def take(theirs: str, ours: str) -> None:
        for kind in ("weight", "bias"):
            if f"{theirs}.{kind}" in rest:
                renamed[f"{ours}.{kind}"] = rest.pop(f"{theirs}.{kind}")

    for theirs, ours in _ENDS.items():
        take(theirs, ours)
    for theirs, ours, attention in parts:
        if not attention:
            for inner, name in _RESNET.items():
                take(f"{theirs}.{inner}", f"{ours}.{name}")
            continue
        take(f"{theirs}.norm", f"{ours}.group_norm")
        take(f"{theirs}.proj_out", f"{ours}.to_out.0")
        renamed[f"{ours}.to_out.0.weight"] = renamed[f"{ours}.to_out.0.weight"].squeeze(-1)
        for kind in ("weight", "bias"):
            for name, part in zip("qkv", _split_qkv(rest.pop(f"{theirs}.qkv.{kind}"), layout), strict=True):
                renamed[f"{ours}.to_{name}.{kind}"] = part
    if "label_emb.weight" in rest:
        labels = rest.pop("label_emb.weight")
        if class_label is not None and not 0 <= class_label < len(labels):
            raise ValueError(f"class_label must be 0 to {len(labels) - 1}, got {class_label}")
        constant = labels.mean(0) if class_label is None else labels[class_label]
        renamed["time_embedding.linear_2.bias"] = renamed["time_embedding.linear_2.bias"] + constant
    if rest:
        raise ValueError(f"{len(rest)} keys have no place in the network: {', '.join(sorted(rest)[:5])}")
    return renamed


def _split_qkv(fused: Tensor, layout: AttentionLayout) -> list[Tensor]:
    """Cut a fused qkv weight ``[3 C, C, 1]`` or bias ``[3 C]`` into q, k and v."""
    fused = fused.squeeze(-1) if fused.ndim > 1 else fused
    width, columns = fused.shape[0] // 3, fused.shape[1:]
    heads = layout.heads(width)
    if layout.new_order:
        parts = fused.reshape(3, width, *columns)
    else:
        parts = fused.reshape(heads, 3, width // heads, *columns).transpose(0, 1).reshape(3, width, *columns)
    return [part.contiguous() for part in parts]
