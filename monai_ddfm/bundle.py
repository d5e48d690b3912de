# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The files of the MONAI bundle: where they are, and the presets among them (settings for one use each)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

__all__ = ["BUNDLE_ROOT", "CONFIGS", "WEIGHTS", "config_files", "preset_names", "preset_settings"]

_PACKAGE = Path(__file__).parent
_INSTALLED = _PACKAGE / "bundle_files"  # where setup.cfg installs the folder `bundle/`

BUNDLE_ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "bundle"
"""The installed bundle; in a checkout the folder ``bundle/`` beside the package."""

CONFIGS = "configs"
"""The folder of a bundle's configurations, as MONAI has it."""

WEIGHTS = Path("models", "prior.safetensors")
"""The shipped prior's weights within a bundle."""

_PRESETS = BUNDLE_ROOT / CONFIGS / "presets"


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
    workflow = str(BUNDLE_ROOT / CONFIGS / "inference.yaml")
    return [workflow] if preset is None else [workflow, str(_preset_file(preset))]
