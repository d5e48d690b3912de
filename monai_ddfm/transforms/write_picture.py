# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A fused picture under the name a person gave it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform

from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.write_fused import WriteFused, result_path

__all__ = ["WritePicture", "WritePictureD", "WritePictureDict", "WritePictured"]


class WritePicture(ArgumentRepr, Transform):
    """Write ``<stem>.png``: the colour picture where there is one, and then the grey one beside it.

    Args:
        grey_suffix: end of the grey picture's name where the colour picture has the stem alone.
        overwrite: replace existing files.
    """

    def __init__(self, grey_suffix: str = "grey", overwrite: bool = False) -> None:
        self.grey_suffix = grey_suffix
        self.write_grey, self.write_colour = WriteFused(False, overwrite), WriteFused(True, overwrite)

    def __call__(  # type: ignore[override]
        self, img: torch.Tensor, stem: str | Path, colour: torch.Tensor | None = None
    ) -> list[Path]:
        """Write a picture; returns the paths.

        Args:
            img: grey levels ``[1, H, W, 1]``.
            stem: path without its ending.
            colour: ``[3, H, W, 1]`` in [0, 1].

        Raises:
            FileExistsError: a file exists and `overwrite` is off.
        """
        stem = Path(stem)
        if colour is None:
            return [self.write_grey(img, result_path(stem.parent, stem.name, "", ".png"))]
        return [
            self.write_colour(colour, result_path(stem.parent, stem.name, "", ".png")),
            self.write_grey(img, result_path(stem.parent, stem.name, self.grey_suffix, ".png")),
        ]


class WritePictured(ArgumentRepr, MapTransform):
    """Dictionary version of `WritePicture`: writes ``output_dir/<case>.png``.

    Args:
        keys: the fused picture.
        output_dir: folder, made when missing.
        colour: key of the colour picture, which a case may lack.
        grey_suffix: see `WritePicture`.
        case_key: key of the case's name.
        overwrite: replace existing files.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        colour: str = "colour",
        grey_suffix: str = "grey",
        case_key: str = "case",
        overwrite: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_dir = Path(output_dir)
        self.colour = colour
        self.case_key = case_key
        self.write = WritePicture(grey_suffix, overwrite)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the pictures; the data is returned unchanged."""
        for key in self.key_iterator(dict(data)):
            self.write(data[key], self.output_dir / data[self.case_key], data.get(self.colour))
        return dict(data)


WritePictureD = WritePictureDict = WritePictured
