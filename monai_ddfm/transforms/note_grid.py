# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The grid that an image came on, noted before it is resampled: for records and reports."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_geometry import overlap_with

__all__ = ["NoteGrid", "NoteGridD", "NoteGridDict", "NoteGridd", "grid_of"]

_GRID = "grid"


def grid_of(img: torch.Tensor) -> dict[str, Any]:
    """Return what `NoteGrid` noted; nothing where it did not."""
    text = img.meta.get(_GRID) if isinstance(img, MetaTensor) else None
    return {} if text is None else json.loads(text)


class NoteGrid(ArgumentRepr, Transform):
    """Note the grid of an image in ``meta["grid"]``, as JSON in a text.

    ``shape``: voxels; ``spacing``: of their centres in mm; ``axes``: where each axis leads, as in ``RAS``; ``overlap``:
    share of the anchor's field of view that lies within the image's.
    """

    def __call__(self, img: torch.Tensor, anchor: torch.Tensor | None = None) -> MetaTensor:
        """Return ``[C, H, W, D]`` with the note; the image that was given is left as it is.

        Args:
            img: the image.
            anchor: on whose grid it will be; None for the anchor itself.
        """
        noted = img if isinstance(img, MetaTensor) else MetaTensor(img)
        affine = noted.affine.detach().cpu().double().numpy()
        grid = {
            "shape": list(map(int, noted.shape[1:])),
            "spacing": [round(float(side), 4) for side in np.linalg.norm(affine[:3, :3], axis=0)],
            "axes": "".join(nib.aff2axcodes(affine)),
        }
        if anchor is not None:
            grid["overlap"] = round(overlap_with(anchor, noted), 4)
        noted = MetaTensor(noted, applied_operations=noted.applied_operations)  # the same voxels, meta of its own
        noted.meta[_GRID] = json.dumps(grid)
        return noted


class NoteGridd(ArgumentRepr, MapTransform):
    """Dictionary version of `NoteGrid`: every key's image against the first key's, the anchor's.

    Args:
        keys: the images; the first one that a case has is the anchor.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.note = NoteGrid()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Note every key's grid."""
        noted = dict(data)
        present = list(self.key_iterator(noted))
        for key in present:
            noted[key] = self.note(data[key], None if key == present[0] else data[present[0]])
        return noted


NoteGridD = NoteGridDict = NoteGridd
