# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What the bundle's YAML shows a reader are the settings there are, with the defaults they have."""

from __future__ import annotations

import yaml

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.pipeline import FusionConfig, setting_names

SHOWN = yaml.safe_load((BUNDLE_ROOT / "configs" / "inference.yaml").read_text())


def test_every_setting_is_shown() -> None:
    assert set(setting_names()) <= set(SHOWN)


def test_with_its_default() -> None:
    shown = {name: SHOWN[name] for name in setting_names() if not str(SHOWN[name]).startswith("$")}
    assert {name for name in setting_names() if name not in shown} == {"device", "weights"}  # worked out when it is run
    defaults = FusionConfig.of().settings()
    assert FusionConfig.of(**shown).settings() == defaults
