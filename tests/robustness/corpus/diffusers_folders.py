# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Folders of diffusers whose configuration is broken, odd or absurd."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from monai_ddfm.priors.diffusers_unet import build_unet
from tests.robustness.corpus.bad_input import BadInput

__all__ = ["bad_folders", "write_folder"]

_CONFIG, _SCHEDULE = "config.json", "scheduler_config.json"
_ARCHITECTURE: dict[str, Any] = {
    "_class_name": "UNet2DModel",
    "in_channels": 1,
    "out_channels": 1,
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 4,
}


def write_folder(folder: Path, **changed: Any) -> Path:
    """Write a good folder, options of its configuration changed; returns it."""
    target = folder / "unet2d"
    target.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = build_unet(_ARCHITECTURE).state_dict()
    torch.save(state, target / "diffusion_pytorch_model.bin")
    (target / _CONFIG).write_text(json.dumps(_ARCHITECTURE | changed))
    return target


def _with(name: str, content: bytes | None) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        target = write_folder(folder)
        (target / name).unlink(missing_ok=True) if content is None else (target / name).write_bytes(content)
        return target

    return make


def bad_folders() -> list[BadInput]:
    """What `convert-prior` is given."""
    broken = {"empty": b"", "no JSON": b"{", "a list": b"[]", "not UTF-8": b'{"a": "\xff"}', "endless": b"[" * 99999}
    options: dict[str, list[Any]] = {
        "block_out_channels": [[10**6, 10**6], [8], [], 8],
        "layers_per_block": [10**9, -1],
        "down_block_types": [["Attn", "Attn"], None],
        "in_channels": [2, 10**9],
        "norm_num_groups": [0],
        "num_class_embeds": [10],
        "_class_name": ["UNet2DConditionModel"],
    }
    schedules: dict[str, list[Any]] = {
        "num_train_timesteps": [10**11, 0, -1, "1000", 2.5],
        "beta_start": ["low", float("nan"), -1.0],
        "beta_end": [1.0, 5.0],
        "beta_schedule": ["linaer", None],
        "trained_betas": [[], "none", [0.1, float("inf")]],
        "prediction_type": ["x0", 3],
    }
    return [
        BadInput("the good one", write_folder, harmless=True),
        BadInput("an option of a later diffusers", lambda f: write_folder(f, later_option=3), harmless=True),
        BadInput("a byte order mark", _with(_CONFIG, b"\xef\xbb\xbf" + json.dumps(_ARCHITECTURE).encode()), True),
        BadInput("without configuration", _with(_CONFIG, None)),
        BadInput("without weights", _with("diffusion_pytorch_model.bin", None)),
        *(
            BadInput(f"{name} that is {what}", _with(name, content))
            for name in (_CONFIG, _SCHEDULE)
            for what, content in broken.items()
        ),
        *(
            BadInput(f"{key} {str(value)[:30]}", lambda f, k=key, v=value: write_folder(f, **{k: v}))
            for key, values in options.items()
            for value in values
        ),
        *(
            BadInput(f"{key} {value} of the schedule", _with(_SCHEDULE, json.dumps({key: value}).encode()))
            for key, values in schedules.items()
            for value in values
        ),
    ]
