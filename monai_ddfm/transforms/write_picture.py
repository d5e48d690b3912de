# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A fused picture under the name a person gave it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from monai_ddfm.transforms.write_fused import WriteFused, result_path

__all__ = ["WritePictureD", "WritePictureDict", "WritePictured"]


class WritePictured(MapTransform):
    """Write ``output_dir/<case>.png``: the colour picture where there is one, and then the grey one beside it.

    Args:
        keys: the fused picture ``[1, H, W, 1]`` in grey levels.
        output_dir: folder, made when missing.
        colour: key of the colour picture ``[3, H, W, 1]`` in [0, 1], which a case may lack.
        grey_suffix: end of the grey picture's name where the colour picture has the case's own.
        case_key: key of the case's name.
        overwrite: replace existing files.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        colour: str = "colour",
        grey_suffix: str = "grey",
        case_key: str = "case",
        overwrite: bool = False,
    ) -> None:
        super().__init__(keys)
        self.output_dir = output_dir
        self.colour = colour
        self.grey_suffix = grey_suffix
        self.case_key = case_key
        self.write_grey, self.write_colour = WriteFused(False, overwrite), WriteFused(True, overwrite)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the pictures; the data is returned unchanged."""
        in_colour = self.colour in data
        if in_colour:
            self.write_colour(data[self.colour], self._path(data, ""))
        for key in self.key_iterator(dict(data)):
            self.write_grey(data[key], self._path(data, self.grey_suffix if in_colour else ""))
        return dict(data)

    def _path(self, data: Mapping[Hashable, Any], suffix: str) -> Path:
        return result_path(self.output_dir, data[self.case_key], suffix, ".png")


WritePictureD = WritePictureDict = WritePictured
