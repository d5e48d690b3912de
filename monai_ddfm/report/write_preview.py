# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The preview on disk."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.report.preview import preview_picture
from monai_ddfm.transforms.write_fused import result_path

__all__ = ["WritePreviewD", "WritePreviewDict", "WritePreviewd"]


class WritePreviewd(MapTransform):
    """Write a PNG of the keys' volumes (in [-1, 1], one grid) side by side, in three planes.

    Args:
        keys: the volumes, in the order of the columns; a key that a case lacks is left out.
        output_dir: folder, made when missing.
        names: titles; the keys by default.
        case_key: key of the case's name.
        overwrite: replace an existing file.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        names: Sequence[str] | None = None,
        case_key: str = "case",
        overwrite: bool = False,
    ) -> None:
        super().__init__(keys)
        self.output_dir = output_dir
        self.names = list(names or map(str, self.keys))
        self.case_key = case_key
        self.overwrite = overwrite

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the picture; the data is returned unchanged.

        Raises:
            FileExistsError: the file exists and `overwrite` is off.
        """
        path = result_path(self.output_dir, data[self.case_key], "preview", ".png")
        columns = {name: data[key] for name, key in zip(self.names, self.keys, strict=True) if key in data}
        picture = preview_picture(columns)
        with atomic_file(path, self.overwrite) as partial:
            picture.save(partial)
        return dict(data)


WritePreviewD = WritePreviewDict = WritePreviewd
