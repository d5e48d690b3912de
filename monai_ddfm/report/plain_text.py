# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What is said without saying where files lie: folders are often called after patients."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["without_folders"]

_PART = r"[^\s/\\'\",:;()\[\]<>|*?=&]+"
_FOLDERS = re.compile(rf"(?<![\w:/\\.<])(?:~|\.{{1,2}}|[A-Za-z]:)?[/\\](?:{_PART}[/\\])+")


def without_folders(said: Any, paths: Iterable[str | Path] = ()) -> Any:
    """Return texts, or lists and mappings of them, in which every path is its last part.

    Args:
        said: what is to be shown.
        paths: that are known to be spoken of; others are found by their look, which fails at spaces in them.
    """
    known = sorted({str(Path(path).parent) for path in paths} - {".", "/"}, key=len, reverse=True)
    return _shortened(said, known)


def _shortened(said: Any, known: list[str]) -> Any:
    if isinstance(said, dict):
        return {key: _shortened(value, known) for key, value in said.items()}
    if isinstance(said, (list, tuple)):
        return [_shortened(value, known) for value in said]
    if not isinstance(said, str):
        return said
    for folder in known:
        said = said.replace(folder + "/", "").replace(folder + "\\", "")
    return _FOLDERS.sub("", said)
