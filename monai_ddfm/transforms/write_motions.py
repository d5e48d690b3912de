# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The transforms that sources were moved by, for other programs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform

from monai_ddfm.io.affine_file import inverse_of, write_affine
from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.motion import motion_of

__all__ = ["WriteMotions", "WriteMotionsD", "WriteMotionsDict", "WriteMotionsd", "motion_suffix"]


def motion_suffix(key: str, anchor: str) -> str:
    """Return what follows the case's name in that of a source's transform."""
    return f"{key}_to_{anchor}"


class WriteMotions(ArgumentRepr, Transform):
    """Write how a volume was moved onto the anchor as ITK's ``.tfm``, as `ApplyAffine` and other programs take it.

    Args:
        overwrite: replace an existing file; else it is kept and an error says so.
    """

    def __init__(self, overwrite: bool = False) -> None:
        self.overwrite = overwrite

    def __call__(self, img: torch.Tensor, path: str | Path) -> Path | None:  # type: ignore[override]
        """Write the transform of a volume that `RegisterRigid` or `ApplyAffine` moved; returns None for any other.

        Raises:
            FileExistsError: `path` exists and `overwrite` is off.
        """
        motion = motion_of(img)
        return None if motion is None else write_affine(inverse_of(motion), path, self.overwrite)


class WriteMotionsd(ArgumentRepr, MapTransform):
    """Dictionary version of `WriteMotions`: ``output_dir/<case>_<key>_to_<anchor>.tfm`` for every key that was moved.

    Args:
        keys: the sources; the first one that a case has is the anchor.
        output_dir: folder, made when missing.
        case_key: key of the case's name.
        overwrite: replace existing files.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        case_key: str = "case",
        overwrite: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_dir = Path(output_dir)
        self.case_key = case_key
        self.write = WriteMotions(overwrite)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the transforms; the data is returned unchanged."""
        present = list(self.key_iterator(dict(data)))
        for key in present[1:]:
            suffix = motion_suffix(str(key), str(present[0]))
            self.write(data[key], self.output_dir / f"{data[self.case_key]}_{suffix}.tfm")
        return dict(data)


WriteMotionsD = WriteMotionsDict = WriteMotionsd
