# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Every bad picture gives the clean one's pixels, or one line that names it, in bounded time and memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.transforms.keep_chroma import picture_colours
from tests.robustness.corpus.pictures import bad_pictures, clean_picture, encoded
from tests.robustness.corpus.verdict import met_whole, require_right


def test_pictures(tmp_path: Path) -> None:
    for name in ("whole.png", "PET.png"):
        (tmp_path / name).write_bytes(encoded(clean_picture()))
    settings = {"anchor": "MR", "sources": ["PET"], "check_registration": False, "denoise_sources": False}
    prepare = FusionPipeline(FusionConfig.of(**settings)).preprocessing

    def door(path: Path) -> np.ndarray:
        read = prepare({"MR": str(path), "PET": str(tmp_path / "PET.png")})["image"].numpy()
        assert picture_colours(path) is None
        return read

    require_right(bad_pictures(), door, *met_whole(door, tmp_path / "whole.png"), tmp_path)
