# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The bundle's own files, and the presets laid over its inference configuration."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

__all__ = ["BUNDLE_ROOT", "config_files", "parse_preset", "preset_names"]


def _beside_package(name: str) -> Path:
    """The folder `name`: within the installed package, or beside the package in a source checkout."""
    package = Path(str(files("monai_ddfm")))
    installed = package / name
    return installed if installed.is_dir() else package.parent / name


BUNDLE_ROOT = _beside_package("bundle")
_OVERLAYS = _beside_package("configs")


def preset_names() -> list[str]:
    """Return the names of the presets: the overlays in ``configs/``."""
    return sorted(path.stem for path in _OVERLAYS.glob("*.yaml"))


def config_files(preset: str | None = None) -> list[str]:
    """Return the configuration files of a run: the bundle's inference workflow and the preset's overlay.

    Raises:
        ValueError: no such preset.
    """
    workflow = str(BUNDLE_ROOT / "configs" / "inference.yaml")
    if preset is None:
        return [workflow]
    if preset not in preset_names():
        raise ValueError(f"no preset {preset!r}; there are {', '.join(preset_names())}")
    return [workflow, str(_OVERLAYS / f"{preset}.yaml")]


def parse_preset(preset: str | None = None, **overrides: Any) -> ConfigParser:
    """Return the parsed configuration of a preset, with `overrides` by id: ``parse_preset("mri_pet", steps=10)``.

    Its ``get_parsed_content("network_def")`` and ``("inferer")`` are what the bundle runs.
    """
    parser = ConfigParser()
    parser.read_config(config_files(preset))
    parser.update(overrides)
    return parser
