# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm convert-prior``: other people's checkpoints as one safetensors file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

__all__ = ["EXAMPLES", "NAME", "SUMMARY", "add_arguments", "run"]

NAME, SUMMARY = "convert-prior", "Convert a checkpoint of a diffusion model to safetensors, with its architecture."
EXAMPLES = (
    "monai-ddfm convert-prior ddpm-celebahq-256 celebahq.safetensors",
    "monai-ddfm convert-prior 256x256_diffusion_uncond.pt adm256.safetensors --sha256 a37c32ff...",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "source", metavar="IN", help="OpenAI guided-diffusion checkpoint, or a diffusers UNet2DModel folder"
    )
    parser.add_argument("target", metavar="OUT", help="the .safetensors file to write")
    parser.add_argument("--num-head-channels", type=int, help="of an OpenAI model that is not a published one")
    parser.add_argument("--num-heads", type=int, help="the same in heads of every attention")
    parser.add_argument("--new-attention-order", action="store_const", const=True, help="it was trained with that")
    parser.add_argument("--class-label", type=int, help="class of a class-conditional model; else the mean of all")
    parser.add_argument("--sha256", help="checksum that an OpenAI checkpoint must have")


def run(options: Namespace) -> dict[str, Any]:
    """Convert; returns the file that was written.

    Raises:
        ValueError: options of an OpenAI checkpoint for a diffusers folder.
    """
    from monai_ddfm.priors.convert import convert_prior  # needs the extra `diffusers`, which fusing does not

    names = ("num_head_channels", "num_heads", "new_attention_order", "class_label", "sha256")
    given = {name: value for name, value in vars(options).items() if name in names and value is not None}
    if given and Path(options.source).is_dir():
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ValueError(f"{options.source}: a diffusers folder describes itself; leave out {flags}")
    convert_prior(options.source, options.target, **given)
    return {"files": [options.target]}
