# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The noise of images, carried in their meta through resampling, scaling, batches and files."""

from __future__ import annotations

import json
from collections.abc import Sequence

from monai.data import MetaTensor
from torch import Tensor

from monai_ddfm.denoising.noise_model import NoiseModel

__all__ = ["NOISE", "noise_of", "noises_of_batch", "write_noise"]

NOISE = "noise"
"""Key in the meta; its value is JSON in a text, which MONAI's collate makes a list of, and not a puzzle of numbers."""


def write_noise(image: MetaTensor, noise: NoiseModel | Sequence[NoiseModel | None]) -> None:
    """Note the noise of an image, or of each of its channels (None: not known), in its meta."""
    described = noise.as_json() if isinstance(noise, NoiseModel) else [one and one.as_json() for one in noise]
    image.meta[NOISE] = json.dumps(described)


def noise_of(image: Tensor) -> NoiseModel | None:
    """Return the noise of an image of one source, None where it was not noted."""
    text = image.meta.get(NOISE) if isinstance(image, MetaTensor) else None
    return None if text is None else NoiseModel.of_json(json.loads(text))


def noises_of_batch(images: Tensor) -> list[list[NoiseModel | None]]:
    """Return the noise of each channel of each image of a batch ``[B, K, ...]``, None where it was not noted."""
    texts = images.meta.get(NOISE) if isinstance(images, MetaTensor) else None
    unknown = json.dumps([None] * images.shape[1])
    listed = [texts] if isinstance(texts, str) else list(texts or [])
    if len(listed) != len(images):
        listed = [unknown] * len(images)
    return [[one and NoiseModel.of_json(one) for one in json.loads(text)] for text in listed]
