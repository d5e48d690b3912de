# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Reading a JSON file that somebody wrote by hand or with another program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["parse_json", "read_json"]


def read_json(path: str | Path, expected: str) -> Any:
    """Return what a JSON file holds, in UTF-8, 16 or 32, with or without a byte order mark.

    Args:
        path: the file.
        expected: what it should hold, for the message.

    Raises:
        ValueError: not JSON, nested without end, or an object with one key twice, of which one would be lost.
    """
    return parse_json(Path(path).read_bytes(), str(path), expected)


def parse_json(text: str | bytes, where: str, expected: str) -> Any:
    """Return what a JSON text holds; see `read_json`."""
    try:
        return json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: not valid JSON ({error}); expected {expected}") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for key, value in pairs:
        if key in keys:
            raise ValueError(f"the key {key[:80]!r} stands twice")
        keys[key] = value
    return keys
