# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Bad datalists are refused in one line that names them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from monai_ddfm.cohort.cases import find_cases
from tests.robustness.corpus.datalists import GOOD, bad_datalists
from tests.robustness.corpus.verdict import met_whole, require_right


def test_datalists(tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    for entry in GOOD:
        for key in ("MR", "PET"):
            file = dataset / entry[key]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()

    def door(datalist: Path) -> np.ndarray:
        found = find_cases(dataset, ["MR", "PET"], datalist)
        return np.frombuffer(json.dumps(found).encode(), dtype=np.uint8)

    (tmp_path / "whole.json").write_text(json.dumps(GOOD))
    require_right(bad_datalists(), door, *met_whole(door, tmp_path / "whole.json"), tmp_path)
