# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The whole fusion as one transform."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.transforms import MapTransform, Transform

from monai_ddfm.pipeline.presets import parse_preset
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.transforms.check_geometry import CheckGeometry
from monai_ddfm.transforms.check_volume import CheckVolume
from monai_ddfm.transforms.match_grids import MatchGrids
from monai_ddfm.transforms.modality import modality_of
from monai_ddfm.transforms.normalize_modality import NormalizeModality
from monai_ddfm.transforms.restore_intensity import RestoreIntensity

__all__ = ["FuseDDFM", "FuseDDFMD", "FuseDDFMDict", "FuseDDFMd"]


class FuseDDFM(Transform):
    """Fuse registered volumes: check, match grids, normalise, sample, restore the anchor's units.

    Prior and inferer are those of the bundle's configuration unless given.

    Args:
        modalities: modality of each source (MR, CT, PT, NM, or a name that says it).
        preset: an overlay of ``configs/``, e.g. ``paper``; None for the bundle's default.
        network: the prior; the shipped one by default.
        inferer: a `DDFMInferer`; the preset's by default.
        device: where to compute; a GPU where there is one.
        windows: (low, high) in scanner units for each source, or None where the modality decides.
        **overrides: values of the bundle's configuration by id, e.g. ``steps=10, seed=1``.

    Raises:
        ValueError: fewer than two modalities, a name that says none, an unknown preset, or not as many windows.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        preset: str | None = None,
        network: DiffusionPrior | None = None,
        inferer: Inferer | None = None,
        device: str | torch.device | None = None,
        windows: Sequence[Sequence[float] | None] | None = None,
        **overrides: Any,
    ) -> None:
        if len(modalities) < 2:
            raise ValueError(f"fusion takes an anchor and at least one other source, got {', '.join(modalities)}")
        if windows is not None and len(windows) != len(modalities):
            raise ValueError(f"{len(windows)} windows for {len(modalities)} sources; give one (or None) for each")
        parser = parse_preset(preset, **{"progress": False, **overrides})
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        prior = network if network is not None else parser.get_parsed_content("network_def")
        self.network = prior.eval().to(self.device)
        self.inferer = inferer if inferer is not None else parser.get_parsed_content("inferer")
        self.match = MatchGrids(parser.get_parsed_content("interpolation"))
        scales = {
            name: parser.get_parsed_content(name) for name in ("ct_window", "mr_percentiles", "uptake_percentile")
        }
        self.normalize = [
            NormalizeModality(modality_of(name), window=window, **scales)
            for name, window in zip(modalities, windows or [None] * len(modalities), strict=True)
        ]

    def __call__(self, sources: Sequence[MetaTensor]) -> torch.Tensor:
        """Fuse volumes ``[1, H, W, D]`` in scanner units; the first is the anchor.

        Returns:
            the fused volume ``[1, H, W, D]`` on the anchor's grid, in its units, with its meta, on the CPU.

        Raises:
            ValueError: a volume that cannot be fused (see `CheckVolume`, `CheckGeometry`), or not as many sources as
                `modalities`.
        """
        if len(sources) != len(self.normalize):
            raise ValueError(f"{len(sources)} sources for {len(self.normalize)} modalities; give one for each")
        volumes = [CheckVolume()(source, name=f"source {number}") for number, source in enumerate(sources)]
        for number, volume in enumerate(volumes):
            CheckGeometry()(volume, volumes[0] if number else None, name=f"source {number}")
        matched = [volumes[0], *(self.match(volume, volumes[0]) for volume in volumes[1:])]
        scaled = [MetaTensor(normalize(volume)) for normalize, volume in zip(self.normalize, matched, strict=True)]
        stacked = torch.cat([volume.as_tensor() for volume in scaled])[None].to(self.device)
        fused = MetaTensor(self.inferer(stacked, self.network)[0].cpu(), meta=volumes[0].meta)
        return RestoreIntensity()(fused, like=scaled[0])


class FuseDDFMd(MapTransform):
    """Dictionary version of `FuseDDFM`.

    Args:
        keys: the sources; the first is the anchor.
        output_key: key of the fused volume.
        modalities: modality of each source; read from the keys' names by default.
        preset, network, inferer, device, windows, **overrides: see `FuseDDFM`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_key: str = "fused",
        modalities: Sequence[str] | None = None,
        preset: str | None = None,
        network: DiffusionPrior | None = None,
        inferer: Inferer | None = None,
        device: str | torch.device | None = None,
        windows: Sequence[Sequence[float] | None] | None = None,
        **overrides: Any,
    ) -> None:
        super().__init__(keys)
        self.output_key = output_key
        names = modalities or [str(key) for key in self.keys]
        self.fuse = FuseDDFM(names, preset, network, inferer, device, windows, **overrides)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the fused volume to the data."""
        return {**data, self.output_key: self.fuse([data[key] for key in self.keys])}


FuseDDFMD = FuseDDFMDict = FuseDDFMd
