# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Makes the benchmark programs importable, which are no part of the package; and two small pairs for them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

SLICES = np.load(Path(__file__).parents[1] / "data" / "fusion_metrics.npz")


def write_pairs(root: Path, cut: slice, names: tuple[str, str]) -> Path:
    """Write a CT-MRI and a PET-MRI pair, rows and columns `cut` of each, as `find_pairs` reads them; returns `root`."""
    sets = (("CT-MRI", "CT", "stroke_mr_62"), ("MRI_PET", "PET", "stroke_mr_84"))
    for (folder, other, key), name in zip(sets, names, strict=True):
        for modality, picture in zip(("MRI", other), SLICES[key], strict=True):
            (root / folder / modality).mkdir(parents=True)
            Image.fromarray(picture[cut, cut]).save(root / folder / modality / name)
    return root


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder of two small pairs, of the choosing and of the reporting half."""
    return write_pairs(tmp_path / "pairs", slice(64), ("33012.png", "2010.png"))
