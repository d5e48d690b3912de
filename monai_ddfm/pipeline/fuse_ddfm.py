# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The whole fusion as one transform."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.pipeline.config import FusionConfig
from monai_ddfm.pipeline.fusion_pipeline import FusionPipeline
from monai_ddfm.pipeline.names import FUSED, source_keys
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.rectifiers import Rectifier
from monai_ddfm.transforms.argument_repr import ArgumentRepr

__all__ = ["FuseDDFM", "FuseDDFMD", "FuseDDFMDict", "FuseDDFMd"]


class FuseDDFM(ArgumentRepr, Transform):
    """Fuse registered images in memory, as the bundle fuses files: from scanner units to the anchor's units.

    Args:
        modalities: modality of each source (MR, CT, PT, NM, or a name that says it); the first is the anchor.
        preset: a name of `monai_ddfm.bundle.preset_names`, e.g. ``paper``; None for the defaults.
        network: in place of the prior that the settings name.
        rectifier: in place of the rectifier that the settings describe.
        inferer: in place of the inferer that the settings describe.
        names: of the sources, for messages; their numbers by default.
        windows: (low, high) in scanner units for each source, or None where the modality decides.
        **settings: of `FusionConfig`, by name, e.g. ``steps=10, seed=1, device="cuda:0", maps=["provenance"]``.

    Raises:
        ValueError: fewer than two modalities, a name that says none, an unknown preset or setting, not as many windows.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        preset: str | None = None,
        network: DiffusionPrior | None = None,
        rectifier: Rectifier[Any] | None = None,
        inferer: DDFMInferer | None = None,
        names: Sequence[str] | None = None,
        windows: Sequence[Sequence[float] | None] | None = None,
        **settings: Any,
    ) -> None:
        if len(modalities) < 2:
            raise ValueError(f"fusion takes an anchor and at least one other source, got {', '.join(modalities)}")
        if windows is not None and len(windows) != len(modalities):
            raise ValueError(f"{len(windows)} windows for {len(modalities)} sources; give one (or None) for each")
        keys = source_keys(names or [""] * len(modalities))
        given = {key: window for key, window in zip(keys, windows or [], strict=False) if window is not None}
        config = FusionConfig.of(
            preset,
            **{
                "progress": False,
                "anchor": keys[0],
                "sources": keys[1:],
                "modalities": dict(zip(keys, modalities, strict=True)),
                "windows": given,
                **settings,
            },
        )
        self.pipeline = FusionPipeline(config, network, rectifier, inferer)

    def __call__(self, sources: Sequence[torch.Tensor]) -> MetaTensor:
        """Fuse images ``[1, H, W, D]`` (or ``[1, H, W]``) in scanner units; the first is the anchor.

        Returns:
            the fused image on the anchor's grid, in its units and with its meta, on the CPU: ``[1, H, W, D]``, and the
            channels of the maps that were asked for after it, in the order and the values of `MAPS`.

        Raises:
            ValueError: an image that cannot be fused (see `CheckVolume`, `CheckGeometry`), or not as many sources as
                `modalities`.
        """
        fused = self.fuse(sources)
        return MetaTensor(torch.cat([image.as_subclass(torch.Tensor) for image in fused.values()]), meta=_meta(fused))

    def fuse(self, sources: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Fuse; returns the fused image under ``pred`` and each map under its name."""
        keys = self.pipeline.keys
        if len(sources) != len(keys):
            raise ValueError(f"{len(sources)} sources for {len(keys)} modalities; give one for each")
        fused = self.pipeline.fuse(dict(zip(keys, sources, strict=True)))
        return {name: fused[name] for name in (FUSED, *self.pipeline.inferer.maps)}


def _meta(fused: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    image = fused[FUSED]
    return dict(image.meta) if isinstance(image, MetaTensor) else {}


class FuseDDFMd(ArgumentRepr, MapTransform):
    """Dictionary version of `FuseDDFM`.

    Args:
        keys: the sources, images in memory or paths; the first is the anchor.
        output_key: key of the fused image; maps go to ``<output_key>_<map>``.
        modalities: modality of each source; read from the keys' names by default.
        preset, network, rectifier, inferer, windows, **settings: see `FuseDDFM`.
        allow_missing_keys: leave cases alone that lack a source.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_key: str = "fused",
        modalities: Sequence[str] | None = None,
        preset: str | None = None,
        network: DiffusionPrior | None = None,
        rectifier: Rectifier[Any] | None = None,
        inferer: DDFMInferer | None = None,
        windows: Sequence[Sequence[float] | None] | None = None,
        allow_missing_keys: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_key = output_key
        names = [str(key) for key in self.keys]
        self.fuse = FuseDDFM(modalities or names, preset, network, rectifier, inferer, names, windows, **settings)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the fused image, and the maps that were asked for, to the data."""
        present = list(self.key_iterator(dict(data)))
        if len(present) < len(self.keys):
            return dict(data)
        fused = self.fuse.fuse([data[key] for key in self.keys])
        names = {FUSED: self.output_key}
        return {**data, **{names.get(name, f"{self.output_key}_{name}"): image for name, image in fused.items()}}


FuseDDFMD = FuseDDFMDict = FuseDDFMd
