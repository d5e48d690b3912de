# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Other contrasts of the same anatomy, so that few heads teach more than the contrasts they were scanned in."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from torch import Tensor

from monai_ddfm.transforms.modality import Modality

__all__ = ["RandToneCurved"]


class RandToneCurved(RandomizableTransform, MapTransform):
    """Pass the brightness of an MR image through a random curve that may fall as well as rise.

    Where it falls, contrast is inverted, as between T1 and T2: fluid brighter than white matter. Air stays black. The
    curve is piecewise linear; its slope is bounded, because it scales the scanner's noise in the image, which the
    network would learn to keep.

    Args:
        keys: images in [-1, 1].
        prob: share of the MR images that are changed; others, told by ``modality``, never are.
        knots: pieces of the curve.
        max_slope: largest slope, rising and falling.

    Raises:
        ValueError: no knots, or a slope that cannot leave black.
    """

    def __init__(self, keys: KeysCollection, prob: float = 0.15, knots: int = 4, max_slope: float = 2.5) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        if knots < 1 or not max_slope > 0:
            raise ValueError(f"needs at least one knot and a positive slope, got {knots} knots, slope {max_slope}")
        self.knots = knots
        self.max_slope = max_slope

    def randomize(self, data: Any = None) -> None:
        """Draw whether to change the image, and the curve: values in [0, 1] at equal steps of brightness from 0."""
        super().randomize(data)
        self.curve = np.zeros(self.knots + 1)
        if self._do_transform:
            for knot, slope in enumerate(self.R.uniform(-self.max_slope, self.max_slope, self.knots)):
                self.curve[knot + 1] = np.clip(
                    self.curve[knot] + (abs(slope) if knot == 0 else slope) / self.knots, 0, 1
                )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Change every key's image, all by the same curve."""
        changed = dict(data)
        self.randomize()
        if not self._do_transform or data.get("modality") != Modality.MR.value:
            return changed
        for key in self.key_iterator(changed):
            place = (changed[key] + 1.0) / 2.0 * self.knots
            piece = place.long().clamp(0, self.knots - 1)
            values = torch.as_tensor(self.curve, dtype=place.dtype)
            brightness: Tensor = torch.lerp(values[piece], values[piece + 1], place - piece)
            changed[key] = 2.0 * brightness - 1.0
        return changed
