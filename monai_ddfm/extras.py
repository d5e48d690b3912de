# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Packages that not everybody needs, and the extra of this one that installs them."""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["require_extra"]


def require_extra(extra: str, *packages: str) -> None:
    """Make sure that the packages of an extra are installed.

    Args:
        extra: its name in ``setup.cfg``.
        *packages: what is imported of it.

    Raises:
        ImportError: one is missing; says what to install.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise ImportError(f"{', '.join(missing)}: not installed; pip install 'monai-ddfm[{extra}]'")
