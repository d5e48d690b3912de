# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings as typed after ``--set``: a name and a value in YAML, and nothing that only a document has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from monai_ddfm.pipeline import setting_names
from monai_ddfm.pipeline.settings import require_known

__all__ = ["typed_settings"]


_DEEPEST = 10  # a noise model, the deepest of settings, has four


class _Value(yaml.SafeLoader):
    """YAML without what makes a line of text a value without end (aliases, depth), and with every key once."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*) stands for nothing here")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise yaml.YAMLError("it is nested too deeply to be a setting")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        pairs = [(self.construct_object(key, deep=True), value) for key, value in node.value]
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(pairs):
            raise yaml.YAMLError(f"a key stands twice among {', '.join(str(key) for key, _ in pairs)}")
        return mapping


# YAML 1.1 takes 1e-3 for a text, since it has no point
_Value.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def typed_settings(typed: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return settings by name from ``--set NAME VALUE``; of one that is given twice the last counts.

    Raises:
        ValueError: no such setting, or a value that cannot be read; the message names the setting.
    """
    given = dict(typed)
    require_known("setting", given, setting_names())
    return {name: _value(name, text) for name, text in given.items()}


def _value(name: str, text: str) -> Any:
    try:
        return yaml.load(text, _Value)  # a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError) as error:
        # the marks of where it is wrong repeat the text, over several lines
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or error
        raise ValueError(
            f"--set {name}: cannot read {text[:60]!r} ({reason}); a value is written as in YAML, a text with signs "
            "such as @ % [ { in quotes of its own: --set NAME '\"@text\"'"
        ) from None
