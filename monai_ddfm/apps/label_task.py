# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A MONAI Label infer task that answers with a fusion; needs MONAI Label (extra ``label``)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from monai_ddfm.io.endings import image_ending
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.pipeline.names import FUSED
from monai_ddfm.transforms import WriteFused

__all__ = ["FusionInferTask"]


class FusionInferTask(InferTask):
    """Fuse the image that a client has open with the others of its case, and answer with the fused volume.

    The open image is the anchor. The others are given in the request by their names (``{"PET": path}``), or lie in the
    same folder under the anchor's name with their own in its place: ``p01_MR.nii.gz`` finds ``p01_PET.nii.gz``.

    Args:
        anchor: the word in the open image's name.
        sources: those of the others.
        preset: a name of `monai_ddfm.bundle.preset_names`.
        settings: further settings of `FusionConfig`.
    """

    def __init__(
        self,
        anchor: str = "MR",
        sources: Sequence[str] = ("PET",),
        preset: str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        names = " + ".join((anchor, *sources))
        super().__init__(InferType.OTHERS, None, 3, f"DDFM image fusion of {names}", {"seed": 0})
        self.anchor, self.sources, self.preset = anchor, tuple(sources), preset
        self.settings = {"progress": False, **(settings or {}), "anchor": anchor, "sources": list(sources)}
        FusionConfig.of(preset, **self.settings)  # says now what is wrong with them

    def is_valid(self) -> bool:
        """Whether it can be offered; the prior is part of the package."""
        return True

    def __call__(self, request: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Fuse.

        Args:
            request: ``image``, the path of the anchor; paths of others by name; ``device`` and ``seed``.

        Returns:
            the path of the fused NIfTI, which the server deletes once it is sent, and times with the sources' paths.

        Raises:
            FileNotFoundError: an image of the case is not there; says where it was looked for.
            ValueError: images that cannot be fused; see `FusionPipeline.fuse`.
        """
        begun = time.perf_counter()
        anchor = Path(str(request["image"]))
        case = {self.anchor: anchor, **{name: self._source(request, anchor, name) for name in self.sources}}
        changes = {name: request[name] for name in ("device", "seed") if request.get(name) is not None}
        config = FusionConfig.of(self.preset, **{**self.settings, **changes})
        fused = FusionPipeline(config).fuse({key: str(path) for key, path in case.items()})[FUSED]
        with tempfile.NamedTemporaryFile(suffix=".nii.gz", delete=False) as file:
            WriteFused(overwrite=True)(fused, file.name)
        sources = {key: str(path) for key, path in case.items()}
        latencies = {"total": round(time.perf_counter() - begun, 2)}
        return file.name, {"label_names": [], "sources": sources, "latencies": latencies}

    def _source(self, request: dict[str, Any], anchor: Path, name: str) -> Path:
        given = request.get(name)
        path = Path(given) if given else anchor.with_name(anchor.name.replace(self.anchor, name, 1))
        if path == anchor or not path.exists() or (path.is_file() and image_ending(path) is None):
            raise FileNotFoundError(
                f"{path}: no image {name} of this case; name it like {anchor.name} with {name} in place of "
                f"{self.anchor}, or give its path in the request as {name}"
            )
        return path
