# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Where the files of the MONAI bundle are: configurations, presets, weights, the example."""

from __future__ import annotations

from pathlib import Path

__all__ = ["BUNDLE_ROOT", "WEIGHTS"]

_PACKAGE = Path(__file__).parent
_INSTALLED = _PACKAGE / "bundle_files"  # where setup.cfg installs the folder `bundle/`

BUNDLE_ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "bundle"
"""The installed bundle; in a checkout the folder ``bundle/`` beside the package."""

WEIGHTS = Path("models", "prior.safetensors")
"""The shipped prior's weights within a bundle."""
