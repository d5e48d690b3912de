# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The presets: settings for one use each, as small YAML files of the bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from monai_ddfm.bundle import BUNDLE_ROOT

__all__ = ["config_files", "preset_names", "preset_settings"]

_PRESETS = BUNDLE_ROOT / "configs" / "presets"


def preset_names() -> list[str]:
    """Return the names of the presets."""
    return sorted(path.stem for path in _PRESETS.glob("*.yaml"))


def _preset_file(preset: str) -> Path:
    if preset not in preset_names():
        raise ValueError(f"no preset {preset!r}; there are {', '.join(preset_names())}")
    return _PRESETS / f"{preset}.yaml"


def preset_settings(preset: str | None = None) -> dict[str, Any]:
    """Return the settings in which a preset differs from the defaults; none differ for None.

    Raises:
        ValueError: no such preset.
    """
    return {} if preset is None else yaml.safe_load(_preset_file(preset).read_text())


def config_files(preset: str | None = None) -> list[str]:
    """Return the configuration files of a run by MONAI's bundle runner: the inference workflow and the preset.

    Raises:
        ValueError: no such preset.
    """
    workflow = str(BUNDLE_ROOT / "configs" / "inference.yaml")
    return [workflow] if preset is None else [workflow, str(_preset_file(preset))]
