# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The door of MONAI's bundle runner: a fusion's description out of the configuration that is being run.

MONAI tells the expressions of a configuration neither its file nor the ids that it holds, so that both are asked of
the objects that are evaluating them, up the stack.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from monai.bundle import ConfigParser, ConfigWorkflow

from monai_ddfm.bundle import BUNDLE_ROOT, CONFIGS
from monai_ddfm.pipeline.config import FusionConfig, setting_names
from monai_ddfm.pipeline.settings import require_known
from monai_ddfm.rectifiers import Rectifier

__all__ = ["bundle_root_of_run", "config_of_parser", "config_of_run", "rectifier_of_run"]

_Caller = TypeVar("_Caller")
_TYPED = {"true": True, "false": False}  # MONAI's command line leaves these as texts


def _caller(kind: type[_Caller]) -> _Caller | None:
    """The nearest object of a kind whose method is running."""
    frame = inspect.currentframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, kind):
            return owner
        frame = frame.f_back
    return None


def bundle_root_of_run() -> str:
    """Return the bundle of the configuration that is run: the parent of its folder ``configs``, else the installed."""
    workflow = _caller(ConfigWorkflow)
    folder = None if workflow is None else Path(workflow.config_root_path).resolve()
    return str(folder.parent if folder is not None and folder.name == CONFIGS else BUNDLE_ROOT)


def _running_parser() -> ConfigParser:
    parser = _caller(ConfigParser)
    if parser is None:
        raise RuntimeError("no configuration is being parsed: this is for expressions of a bundle's configuration")
    return parser


def config_of_run() -> FusionConfig:
    """Return the description that the configuration being parsed gives; see `config_of_parser`."""
    return config_of_parser(_running_parser())


def config_of_parser(parser: ConfigParser) -> FusionConfig:
    """Return the description that a configuration gives by the ids that are settings.

    Raises:
        ValueError: an id that is no setting, and that nothing in the configuration refers to; or see `FusionConfig.of`.
    """
    _require_used(parser)
    settings = {name: _value(parser, name) for name in setting_names() if name in parser}
    if isinstance(settings.get("rectifier"), Rectifier):
        del settings["rectifier"]  # an object of the configuration's own, see `rectifier_of_run`
    return FusionConfig.of(**settings)


def rectifier_of_run() -> Rectifier[Any] | None:
    """Return the rectifier that the configuration being parsed makes itself (``_target_``), None where it names one."""
    rectifier = _value(_running_parser(), "rectifier")
    return rectifier if isinstance(rectifier, Rectifier) else None


def _value(parser: ConfigParser, name: str) -> Any:
    value = parser.get_parsed_content(name)
    return _TYPED.get(value, value) if isinstance(value, str) else value


def _require_used(parser: ConfigParser) -> None:
    """Refuse plain values under ids that nobody asks for, such as a misspelt setting."""
    ids: dict[str, Any] = parser.get()
    known = {*setting_names(), *_shipped_ids()}
    written = json.dumps(ids, default=str)
    for name, value in ids.items():
        plain = not isinstance(value, (dict, list)) and not str(value).startswith("$")
        if plain and not name.startswith("_") and f"@{name}" not in written and f"%{name}" not in written:
            require_known("setting", [name], known)


def _shipped_ids() -> set[str]:
    """The ids of the bundle's own configurations."""
    files = (BUNDLE_ROOT / CONFIGS).glob("*.yaml")
    return {name.lstrip("+") for file in files for name in yaml.safe_load(file.read_text())}
