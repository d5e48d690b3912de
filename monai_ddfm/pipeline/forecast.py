# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What fusing a case will take, told from its grid before the work begins, and refused where there is not as much."""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from monai_ddfm.inferers.foreground_crop import MARGIN
from monai_ddfm.inferers.precision import has_bfloat16_units
from monai_ddfm.inferers.slabs import Cut, best_cut
from monai_ddfm.io.memory import as_gib, available_memory
from monai_ddfm.pipeline.config import FusionConfig
from monai_ddfm.pipeline.device import available_device
from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import file_of
from monai_ddfm.transforms.respace import respaced_grid

__all__ = ["Forecast", "RequireForecast", "forecast"]

logger = logging.getLogger(__name__)

# Measured on 0.3 to 35 million voxels, met within 10 % (benchmarks/forecast.py); memory of the host, in bytes
_PROCESS = 660 << 20  # torch, MONAI and the shipped prior
_PER_VOXEL, _PER_SOURCE = 4, 11  # of the anchor's grid; for each source so much more
_PER_SLAB_VOXEL, _PER_SLAB_SOURCE = 22, 24  # that the rectifier sees at once
_PER_CLEANED_SOURCE = 16  # and voxel
_PER_VOXEL_READ = 16  # of all sources as they come, until they are on the grid that is fused
_PER_MAP, _PER_SOURCE_OF_MAPS = 4, 8  # and voxel: shares and cleaned sources are kept for them
# Processor seconds for a million voxels and a source, on two cores of an AMD EPYC without AVX-512
_CLEAN = 0.8
_EVALUATION = {True: 1.1, False: 3.7}  # with units for bfloat16 (another EPYC, with AVX-512), and without
_EVALUATIONS = 3  # of each slice that is cleaned, mostly
_SECONDS = 3.0  # whatever the case
_COARSER = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)  # voxels that are proposed where memory is short


class Forecast(NamedTuple):
    """What fusing a case will take.

    Attributes:
        memory: of the host at the peak, in bytes, if no source needs cleaning.
        memory_noisy: the same, if all sources do.
        for_maps: bytes of `memory` that are there for the maps alone.
        seconds: of a processor like those of docs/performance.md, if no source needs cleaning.
        seconds_noisy: the same, if all sources do.
    """

    memory: int
    memory_noisy: int
    for_maps: int
    seconds: float
    seconds_noisy: float

    @property
    def more(self) -> int:
        """Bytes of `memory` beside the process, which is there already."""
        return self.memory - _PROCESS

    def line(self) -> str:
        """Both in words."""
        memory = f"{as_gib(self.memory)} of memory and {self.seconds:.0f} s of processor time if the sources are clean"
        return f"about {memory}, {as_gib(self.memory_noisy)} and {self.seconds_noisy:.0f} s if all are noisy"


def forecast(size: Sequence[int], config: FusionConfig, reach: int = 0, read: int = 0) -> Forecast:
    """Tell what a case will take.

    Args:
        size: voxels along each axis of the grid that is fused.
        config: how it is fused.
        reach: slices on either side that a fused slice depends on, of its rectifier.
        read: voxels of all sources as they come, each on its own grid.
    """
    voxels, sources, maps = math.prod(size), len(config.inputs.keys), config.maps.maps
    at_once = _at_once(size, config, reach)
    held = voxels * (_PER_VOXEL + _PER_SOURCE * sources) + at_once * (_PER_SLAB_VOXEL + _PER_SLAB_SOURCE * sources)
    for_maps = voxels * (_PER_SOURCE_OF_MAPS * sources + _PER_MAP * len(maps)) if maps else 0
    memory = _PROCESS + held + for_maps
    cleaned = sum(config.denoising.cleaned(key) for key in config.inputs.keys)
    repeats = 1 + (config.maps.uncertainty_seeds if "uncertainty" in maps else 0)
    seconds, million = _SECONDS + voxels * sources * _CLEAN / 1e6, voxels / 1e6
    execution, evaluations = config.execution, min(config.denoising.cleaning_steps, _EVALUATIONS)
    halved = execution.precision != "float32" and has_bfloat16_units(available_device(execution.device))
    reading = _PROCESS + read * _PER_VOXEL_READ
    return Forecast(
        max(memory, reading),
        max(memory + voxels * cleaned * _PER_CLEANED_SOURCE, reading),
        for_maps,
        seconds,
        seconds + million * (cleaned * evaluations * _EVALUATION[halved] * repeats + sources * _CLEAN * (repeats - 1)),
    )


def _at_once(size: Sequence[int], config: FusionConfig, reach: int) -> int:
    """Voxels that the rectifier sees at once on the host, if there is foreground up to the border."""
    if len(size) < 3 or available_device(config.execution.device).type != "cpu":
        return math.prod(size)
    beyond = 2 * MARGIN if config.sampling.crop_background else 0
    plane = list(size)
    slices = plane.pop(config.sampling.slice_axis)
    shape = [slices, *(side + beyond for side in plane)]
    cut = Cut(0, config.sampling.slab or slices, reach)
    if config.sampling.slab is None:
        cut = best_cut(shape, len(config.inputs.keys), [reach] * 3, torch.device("cpu"), lambda: True)
    count = shape[max(0, cut.axis - 1)]
    return min(count, cut.slab + 2 * reach) * math.prod(shape) // count


class RequireForecast(ArgumentRepr):
    """Say what a case will take, and refuse one that needs more memory than there is, rather than die of it halfway.

    Args:
        keys: the sources; the first is the anchor.
        config: how they are fused.
        reach: see `forecast`.
    """

    def __init__(self, keys: Sequence[str], config: FusionConfig, reach: int = 0) -> None:
        self.keys = list(keys)
        self.config = config
        self.reach = reach

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data unchanged.

        Raises:
            MemoryError: more is needed than is free. The message names the anchor, its size, and what to do.
        """
        anchor, spacing = data[self.keys[0]], self.config.inputs.spacing
        told, size = self._told(data, spacing)
        free = available_memory()
        if free is not None and told.more > free:
            remedies = ["take an anchor with fewer voxels", "crop its image"]
            if coarser := self._spacing_that_fits(data, free):
                remedies.insert(0, f"fuse coarser voxels (spacing {' '.join(f'{side:g}' for side in coarser)})")
            if told.for_maps:
                remedies.append(f"leave out the maps ({as_gib(told.for_maps)})")
            remedies += ["give a smaller slab", "use a machine with more memory"]
            raise MemoryError(
                f"{file_of(anchor, self.keys[0])}: to fuse {len(self.keys)} sources on its grid of "
                f"{' x '.join(map(str, size))} voxels takes about {as_gib(told.more)} more memory, "
                f"{as_gib(free)} are free; {', '.join(remedies[:-1])}, or {remedies[-1]}"
            )
        logger.info("%s: to fuse takes %s", file_of(anchor, self.keys[0]), told.line())
        return dict(data)

    def _told(self, data: Mapping[Hashable, Any], spacing: tuple[float, ...] | None) -> tuple[Forecast, list[int]]:
        """The forecast for voxels of that size, and the grid's."""
        anchor, read = data[self.keys[0]], sum(data[key].numel() for key in self.keys)
        size = list(map(int, anchor.shape[1:]))
        if spacing is not None:
            size = respaced_grid(anchor.affine, size, spacing)[1]
        return forecast(size, self.config, self.reach, read), size

    def _spacing_that_fits(self, data: Mapping[Hashable, Any], free: int) -> tuple[float, ...] | None:
        """The finest voxels, none finer than the anchor's, for which there is memory; none where nothing helps."""
        sides = data[self.keys[0]].affine[:3, :3].double().norm(dim=0).tolist()
        for step in _COARSER:
            spacing = tuple(float(f"{max(side, min(sides) * step):.3g}") for side in sides)
            if self._told(data, spacing)[0].more <= free:
                return spacing
        return None
