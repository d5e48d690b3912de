# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The noise of images, carried in their meta through resampling, scaling, batches and files."""

from __future__ import annotations

import json
from collections.abc import Sequence

from monai.data import MetaTensor
from torch import Tensor

from monai_ddfm.denoising.noise_model import NoiseModel

__all__ = ["NOISE", "noise_of", "noises_of_batch", "notes_of", "resampled_noise", "write_noise", "write_notes"]

_NOTES = "denoising"
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


def resampled_noise(noise: NoiseModel, before: Tensor, after: Tensor) -> NoiseModel:
    """Return the noise of a volume after its interpolation onto another grid.

    Args:
        noise: before.
        before: affine ``[4, 4]`` of the grid that it came on; slices along its last axis.
        after: affine of the other grid.
    """
    axes, others = before[:3, :3].double(), after[:3, :3].double()
    along = (axes / axes.norm(dim=0)).T @ (others / others.norm(dim=0))  # cosines of each axis with each other one
    steps = axes.norm(dim=0)[along.abs().argmax(dim=0)].tolist()  # of the axis that lies along each of the new ones
    news = others.norm(dim=0).tolist()
    return noise.resampled((steps[2], *steps[:2]), (news[2], *news[:2]))


def write_notes(images: MetaTensor, lines: Sequence[str]) -> None:
    """Note in the meta of a batch ``[B, ...]``, for each image, a line on what was done to each source."""
    images.meta[_NOTES] = [json.dumps(list(lines))] * len(images)


def notes_of(image: Tensor | None) -> list[str]:
    """Return the lines that `write_notes` noted, none where there are none; of a batch or of one of its images."""
    text = image.meta.get(_NOTES) if isinstance(image, MetaTensor) else None
    if not text:
        return []
    lines: list[str] = json.loads(text if isinstance(text, str) else text[0])
    return lines
