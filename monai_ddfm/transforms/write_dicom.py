# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fused volumes as DICOM objects of the anchor's study."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.write.colour import write_colour_image
from monai_ddfm.dicom.write.copied_attributes import say_faults
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.derived_header import check_sources
from monai_ddfm.dicom.write.grey import write_grey_series
from monai_ddfm.dicom.write.parametric_map import write_parametric_map
from monai_ddfm.dicom.write.spatial_registration import write_spatial_registration
from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import file_of
from monai_ddfm.transforms.motion import motion_of
from monai_ddfm.transforms.normalize_modality import INTENSITY_RANGE
from monai_ddfm.transforms.overlays import write_overlays

__all__ = ["WriteDicom", "WriteDicomD", "WriteDicomDict", "WriteDicomd"]

_logger = logging.getLogger(__name__)


class WriteDicom(ArgumentRepr, Transform):
    """Write fused volumes as derived DICOM: one channel as a grey series, three as a colour image.

    It makes the folder ``<stem>_<suffix>/`` with one file per slice (grey), or the file ``<stem>_<suffix>.dcm``
    (colour), and ``<stem>_overlay.dcm``, a presentation state that overlays the sources themselves, with
    ``<stem>_blending.dcm``, which says the same of the anchor and one other source to older viewers. The sources must
    have been read by `DDFMDicomReader`, which notes their identity.

    Args:
        anchor: name of the anchor among the sources; default the first.
        window: (black, white) of grey volumes in their unit; default the anchor's range noted by `NormalizeModality`
            (what the preview shows, once `RestoreIntensity` has brought the volume into the anchor's unit), else the
            volume's least and greatest value.
        presentation_state: write the overlay too, where all sources are of one study and frame of reference.
        parametric_map: write grey volumes as ``<stem>_map.dcm``, too: their numbers as they are, in 32-bit floats.
        method, preset, seed, settings, new_uids: see `Derivation`.
        new_patient_id: take the patient's identity out and call the patient so; default keep it. See `Pseudonym`.
        pseudonym_key: secret that the replaced UIDs are hashed with; default a random one.
        overwrite: replace existing objects.
    """

    def __init__(
        self,
        anchor: str | None = None,
        window: Sequence[float] | None = None,
        presentation_state: bool = True,
        parametric_map: bool = False,
        method: str = "DDFM",
        preset: str = "default",
        seed: int | None = None,
        settings: Mapping[str, Any] | None = None,
        new_uids: bool = False,
        new_patient_id: str | None = None,
        pseudonym_key: str | None = None,
        overwrite: bool = False,
    ) -> None:
        self.anchor = anchor
        self.window = None if window is None else (float(window[0]), float(window[1]))
        self.presentation_state = presentation_state
        self.parametric_map = parametric_map
        self.derivation = Derivation(
            method=method, preset=preset, seed=seed, settings=dict(settings or {}), new_uids=new_uids
        )
        self.pseudonym = None
        if new_patient_id is not None:
            self.pseudonym = Pseudonym(new_patient_id, **({} if pseudonym_key is None else {"key": pseudonym_key}))
        self.overwrite = overwrite

    def __call__(  # type: ignore[override]
        self, images: Mapping[str, torch.Tensor], sources: Mapping[str, MetaTensor], stem: str | Path
    ) -> None:
        """Write volumes.

        Args:
            images: fused volumes ``[1 or 3, H, W, D]`` by their suffix.
            sources: the source volumes by their name, in the order they were fused in.
            stem: folder and beginning of the names.

        Raises:
            ValueError: the anchor was not read from DICOM or is no source, two sources are the same images, or a volume
                cannot be written (see `write_grey_series`, `write_colour_image`).
            FileExistsError: an object of that name exists and `overwrite` is off.
        """
        name = next(iter(sources)) if self.anchor is None else self.anchor
        _require_source(name, sources)
        identities = _identities(sources, name)
        say_faults(read_instance(identities[name].instances[0].path))
        how: dict[str, Any] = {
            "derivation": _with_voxels(self.derivation, sources, identities),
            "pseudonym": self.pseudonym,
            "overwrite": self.overwrite,
        }
        whose: dict[str, Any] = {"anchor": identities[name], "sources": list(identities.values()), **how}
        for suffix, volume in images.items():
            affine = volume.affine if isinstance(volume, MetaTensor) else sources[name].affine
            placed: dict[str, Any] = {"volume": volume, "affine": affine, **whose}
            if len(volume) == 3:
                write_colour_image(file=Path(f"{stem}_{suffix}.dcm"), **placed)
                continue
            window = self._window(sources[name])
            soft_tissue = self.window is None and _is_hounsfield(identities[name], sources[name])
            write_grey_series(folder=Path(f"{stem}_{suffix}"), window=window, soft_tissue=soft_tissue, **placed)
            if self.parametric_map:
                write_parametric_map(file=Path(f"{stem}_map.dcm"), window=window, **placed)
        motions = {
            identity.series_instance_uid: motion
            for key, identity in identities.items()
            if (motion := motion_of(sources[key])) is not None
        }
        if motions:
            write_spatial_registration(motions=motions, file=Path(f"{stem}_registration.dcm"), **whose)
        if self.presentation_state:
            write_overlays(stem, sources, identities, name, how)

    def _window(self, anchor: MetaTensor) -> tuple[float, float] | None:
        window = self.window or anchor.meta.get(INTENSITY_RANGE)
        return None if window is None else (float(window[0]), float(window[1]))


def _is_hounsfield(identity: SeriesIdentity, volume: MetaTensor) -> bool:
    return identity.modality == "CT" and volume.meta.get("units") == "HU"


def _require_source(anchor: str, sources: Collection[str]) -> None:
    if anchor not in sources:
        raise ValueError(f"the anchor {anchor!r} must be one of the sources {list(sources)}")


def _identities(sources: Mapping[str, MetaTensor], anchor: str) -> dict[str, SeriesIdentity]:
    """Return the identity of each source that was read from DICOM, by its name."""
    found: dict[str, SeriesIdentity] = {}
    for name, volume in sources.items():
        identity = SeriesIdentity.from_meta(volume.meta)
        if identity is None and name != anchor:
            _logger.warning("%s is no DICOM: the fused objects cannot refer to it", file_of(volume))
        if identity is not None:
            twin = next((other for other, known in found.items() if known.instances == identity.instances), None)
            if twin is not None:
                raise ValueError(f"sources {twin!r} and {name!r} name the same DICOM instances: which is {name!r}?")
            found[name] = identity
    try:
        check_sources(found.get(anchor), list(found.values()))
    except ValueError as error:
        raise ValueError(f"{file_of(sources[anchor])}: {error}") from None
    return found


def _with_voxels(
    derivation: Derivation, sources: Mapping[str, MetaTensor], identities: Mapping[str, SeriesIdentity]
) -> Derivation:
    """Return the derivation; sources without UIDs enter it by their voxels."""
    digests = {
        name: hashlib.sha256(torch.as_tensor(volume).detach().cpu().contiguous().numpy().tobytes()).hexdigest()
        for name, volume in sources.items()
        if name not in identities
    }
    return replace(derivation, settings={**derivation.settings, **({"voxels": digests} if digests else {})})


class WriteDicomd(ArgumentRepr, MapTransform):
    """Dictionary version of `WriteDicom`: its stem is ``output_dir/<case>``.

    Args:
        keys: fused volumes.
        output_dir: folder, made when missing.
        sources: keys of the source volumes in the order they were fused in.
        anchor: key of the anchor among them; default the first.
        suffixes: end of the name for each key; the keys themselves by default.
        case_key: key of the case's name.
        window, presentation_state, parametric_map: see `WriteDicom`.
        method, preset, seed, settings, new_uids, new_patient_id, pseudonym_key, overwrite: see `WriteDicom`.
        allow_missing_keys: skip keys that a case lacks; nothing is written where it lacks all.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        sources: Sequence[str],
        anchor: str | None = None,
        suffixes: Sequence[str] | None = None,
        case_key: str = "case",
        window: Sequence[float] | None = None,
        presentation_state: bool = True,
        parametric_map: bool = False,
        method: str = "DDFM",
        preset: str = "default",
        seed: int | None = None,
        settings: Mapping[str, Any] | None = None,
        new_uids: bool = False,
        new_patient_id: str | None = None,
        pseudonym_key: str | None = None,
        overwrite: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_dir = Path(output_dir)
        self.sources = list(sources)
        anchor = self.sources[0] if anchor is None else anchor
        _require_source(anchor, self.sources)
        self.suffixes = dict(zip(self.keys, suffixes or map(str, self.keys), strict=True))
        self.case_key = case_key
        self.write = WriteDicom(
            anchor,
            window,
            presentation_state,
            parametric_map,
            method,
            preset,
            seed,
            settings,
            new_uids,
            new_patient_id,
            pseudonym_key,
            overwrite,
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write every key's volume; the data is returned unchanged. See `WriteDicom`."""
        images = {self.suffixes[key]: data[key] for key in self.key_iterator(dict(data))}
        if images:
            sources = {key: data[key] for key in self.sources}
            self.write(images, sources, self.output_dir / data[self.case_key])
        return dict(data)


WriteDicomD = WriteDicomDict = WriteDicomd
