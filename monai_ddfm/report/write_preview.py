# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The preview on disk."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform

from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.report.preview import preview_picture
from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.write_fused import result_path

__all__ = ["WritePreview", "WritePreviewD", "WritePreviewDict", "WritePreviewd"]


class WritePreview(ArgumentRepr, Transform):
    """Write a PNG of volumes side by side, in three planes.

    Args:
        overwrite: replace an existing file.
    """

    def __init__(self, overwrite: bool = False) -> None:
        self.overwrite = overwrite

    def __call__(self, columns: Mapping[str, torch.Tensor], path: str | Path) -> Path:  # type: ignore[override]
        """Write the picture; returns its path.

        Args:
            columns: volumes by their title, on one grid; see `preview_picture`.
            path: ends in ``.png``.

        Raises:
            FileExistsError: the file exists and `overwrite` is off.
        """
        picture = preview_picture(columns)
        with atomic_file(path, self.overwrite) as partial:
            picture.save(partial)
        return Path(path)


class WritePreviewd(ArgumentRepr, MapTransform):
    """Dictionary version of `WritePreview`: writes ``output_dir/<case>_preview.png``.

    Args:
        keys: the volumes, in the order of the columns.
        output_dir: folder, made when missing.
        names: titles; the keys by default.
        case_key: key of the case's name.
        overwrite: replace an existing file.
        allow_missing_keys: leave out what a case lacks; nothing is written where it lacks all.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        names: Sequence[str] | None = None,
        case_key: str = "case",
        overwrite: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_dir = output_dir
        self.names = dict(zip(self.keys, names or map(str, self.keys), strict=True))
        self.case_key = case_key
        self.write = WritePreview(overwrite)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the picture; the data is returned unchanged."""
        columns = {self.names[key]: data[key] for key in self.key_iterator(dict(data))}
        if columns:
            self.write(columns, result_path(self.output_dir, data[self.case_key], "preview", ".png"))
        return dict(data)


WritePreviewD = WritePreviewDict = WritePreviewd
