# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A MONAI Deploy operator that fuses what the operators before it have read; needs the extra ``deploy``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from monai.deploy.core import ConditionType, Fragment, Image, Operator, OperatorSpec

from monai_ddfm.apps.slices_first import slices_first, volume_of
from monai_ddfm.pipeline import FuseDDFM

__all__ = ["FuseDDFMOperator"]


class FuseDDFMOperator(Operator):
    """Fuse registered images in memory.

    Named inputs: one `Image` for each of `sources`, slices first with ``affine`` (RAS) in its metadata, as
    `DICOMSeriesToVolumeOperator` makes them. Named output ``fused``: an `Image` on the first source's grid, in its
    units and with its metadata. The maps that are asked for are outputs of their names.

    Args:
        fragment: the application.
        sources: names of the inputs, the anchor first.
        modalities: modality of each (MR, CT, PT, NM); read from the names by default.
        preset: see `FuseDDFM`.
        settings: further settings of `FusionConfig`.
    """

    OUTPUT = "fused"

    def __init__(
        self,
        fragment: Fragment,
        *args: Any,
        sources: Sequence[str] = ("MR", "PET"),
        modalities: Sequence[str] | None = None,
        preset: str | None = None,
        settings: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.sources = tuple(sources)
        self.fuse = FuseDDFM(modalities or self.sources, preset, names=self.sources, **(settings or {}))
        self.maps = tuple(self.fuse.pipeline.inferer.maps)
        super().__init__(fragment, *args, **kwargs)  # calls setup

    def setup(self, spec: OperatorSpec) -> None:
        """Declare the ports; outputs need no receiver."""
        for name in self.sources:
            spec.input(name)
        for name in (self.OUTPUT, *self.maps):
            spec.output(name).condition(ConditionType.NONE)

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Receive the sources, fuse them, emit the fusion and its maps.

        Raises:
            ValueError: an image without affine, or one that cannot be fused; see `FuseDDFM`.
        """
        images = {name: op_input.receive(name) for name in self.sources}
        volumes = [volume_of(image.asnumpy(), _affine(image), name) for name, image in images.items()]
        metadata = images[self.sources[0]].metadata() or {}
        for name, volume in self.fuse.fuse(volumes).items():
            channels = [slices_first(channel[None]) for channel in volume]
            voxels = channels[0][0] if len(channels) == 1 else np.stack([one for one, _ in channels])
            op_output.emit(Image(voxels, dict(metadata)), name if name in self.maps else self.OUTPUT)


def _affine(image: Image) -> Any:
    metadata = image.metadata() or {}
    if metadata.get("space", "RAS") == "LPS":
        return np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(metadata["affine"], dtype=np.float64)
    return metadata.get("affine")
