# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fused volumes as DICOM objects of the anchor's study."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.read.suv import suv_body_weight_factor
from monai_ddfm.dicom.write.colour import write_colour_image
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.derived_header import check_sources
from monai_ddfm.dicom.write.grey import write_grey_series
from monai_ddfm.dicom.write.parametric_map import write_parametric_map
from monai_ddfm.dicom.write.presentation import reason_against_overlay, write_presentation_state
from monai_ddfm.dicom.write.softcopy_blending import reason_against_blending, write_softcopy_blending
from monai_ddfm.transforms.check_volume import file_of
from monai_ddfm.transforms.normalize_modality import INTENSITY_RANGE
from monai_ddfm.transforms.write_fused import result_path

__all__ = ["WriteDicomD", "WriteDicomDict", "WriteDicomd"]

_logger = logging.getLogger(__name__)
_FUNCTIONAL = ("PT", "NM")


class WriteDicomd(MapTransform):
    """Write fused volumes as derived DICOM: one channel as a grey series, three as a colour image.

    For each case it makes the folder ``output_dir/<case>_<suffix>/`` with one file per slice (grey), or the file
    ``output_dir/<case>_<suffix>.dcm`` (colour), and ``output_dir/<case>_overlay.dcm``, a presentation state that
    overlays the sources themselves, with ``<case>_blending.dcm``, which says the same of the anchor and one other
    source to older viewers. The sources must have been read by `DDFMDicomReader`, which notes their identity.

    Args:
        keys: fused volumes ``[1 or 3, H, W, D]``.
        output_dir: folder, made when missing.
        sources: keys of the source volumes in the order they were fused in.
        anchor: key of the anchor among them; default the first.
        suffixes: end of the name for each key; the keys themselves by default.
        case_key: key of the case's name.
        window: (black, white) of grey volumes in their unit; default the anchor's range noted by `NormalizeModalityd`
            (what the preview shows, once `RestoreIntensityd` has brought the volume into the anchor's unit), else the
            volume's least and greatest value.
        presentation_state: write the overlay too, where all sources are of one study and frame of reference.
        parametric_map: write grey volumes as ``<case>_map.dcm``, too: their numbers as they are, in 32-bit floats.
        method, preset, seed, settings, new_uids: see `Derivation`.
        new_patient_id: take the patient's identity out and call the patient so; default keep it. See `Pseudonym`.
        pseudonym_key: secret that the replaced UIDs are hashed with; default a random one.
        overwrite: replace existing objects.
        allow_missing_keys: skip keys that a case lacks.
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
        self.output_dir = output_dir
        self.sources = list(sources)
        self.anchor = self.sources[0] if anchor is None else anchor
        if self.anchor not in self.sources:
            raise ValueError(f"the anchor {self.anchor!r} must be one of the sources {self.sources}")
        self.suffixes = dict(zip(self.keys, suffixes or map(str, self.keys), strict=True))
        self.case_key = case_key
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

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write every key's volume; the data is returned unchanged.

        Raises:
            ValueError: the anchor was not read from DICOM, two sources are the same images, or a volume cannot be
                written (see `write_grey_series`, `write_colour_image`).
            FileExistsError: an object of that name exists and `overwrite` is off.
        """
        identities = self._identities(data)
        anchor = identities[self.anchor]
        sources = list(identities.values())
        derivation = self._derivation(data, identities)
        how: dict[str, Any] = {"derivation": derivation, "pseudonym": self.pseudonym, "overwrite": self.overwrite}
        for key in self.key_iterator(dict(data)):
            volume = data[key]
            affine = volume.affine if isinstance(volume, MetaTensor) else data[self.anchor].affine
            if len(volume) == 3:
                write_colour_image(volume, affine, anchor, sources, self._path(data, self.suffixes[key], ".dcm"), **how)
            else:
                meta = data[self.anchor].meta
                window = self.window or meta.get(INTENSITY_RANGE)
                soft_tissue = self.window is None and anchor.modality == "CT" and meta.get("units") == "HU"
                write_grey_series(
                    volume,
                    affine,
                    anchor,
                    sources,
                    self._path(data, self.suffixes[key]),
                    window=None if window is None else (float(window[0]), float(window[1])),
                    soft_tissue=soft_tissue,
                    **how,
                )
                if self.parametric_map:
                    window = None if window is None else (float(window[0]), float(window[1]))
                    write_parametric_map(
                        volume, affine, anchor, sources, self._path(data, "map", ".dcm"), window=window, **how
                    )
        if self.presentation_state:
            self._write_overlay(data, identities, how)
        return dict(data)

    def _path(self, data: Mapping[Hashable, Any], suffix: str, extension: str = "") -> Path:
        return result_path(self.output_dir, data[self.case_key], suffix, extension)

    def _identities(self, data: Mapping[Hashable, Any]) -> dict[str, SeriesIdentity]:
        """Return the identity of each source that was read from DICOM, by its key."""
        found: dict[str, SeriesIdentity] = {}
        for key in self.sources:
            identity = SeriesIdentity.from_meta(data[key].meta)
            if identity is None and key != self.anchor:
                _logger.warning("%s is no DICOM: the fused objects cannot refer to it", file_of(data[key]))
            if identity is not None:
                twin = next((other for other, known in found.items() if known.instances == identity.instances), None)
                if twin is not None:
                    raise ValueError(f"sources {twin!r} and {key!r} name the same DICOM instances: which is {key!r}?")
                found[key] = identity
        try:
            check_sources(found.get(self.anchor), list(found.values()))
        except ValueError as error:
            raise ValueError(f"{file_of(data[self.anchor])}: {error}") from None
        return found

    def _derivation(self, data: Mapping[Hashable, Any], identities: Mapping[str, SeriesIdentity]) -> Derivation:
        """Return the derivation; sources without UIDs enter it by their voxels."""
        digests = {
            key: hashlib.sha256(torch.as_tensor(data[key]).detach().cpu().contiguous().numpy().tobytes()).hexdigest()
            for key in self.sources
            if key not in identities
        }
        return replace(
            self.derivation, settings={**self.derivation.settings, **({"voxels": digests} if digests else {})}
        )

    def _write_overlay(
        self, data: Mapping[Hashable, Any], identities: Mapping[str, SeriesIdentity], how: Mapping[str, Any]
    ) -> None:
        anchor, sources = identities[self.anchor], list(identities.values())
        reason = "only one source is DICOM" if len(sources) < 2 else reason_against_overlay(anchor, sources)
        if reason is not None:
            _logger.warning("no presentation state: %s", reason)
            return
        windows = {
            identity.series_instance_uid: _window_in_files(data[key], identity)
            for key, identity in identities.items()
            if INTENSITY_RANGE in data[key].meta and not _is_multi_frame_pet(identity)
        }
        write_presentation_state(anchor, sources, self._path(data, "overlay", ".dcm"), windows, **how)
        others = [identity for identity in sources if identity is not anchor]
        over = next((identity for identity in others if identity.modality in _FUNCTIONAL), others[0])
        reason = reason_against_blending(anchor) or reason_against_blending(over)
        if reason is not None:
            _logger.warning("no blending presentation state, only the advanced one: %s", reason)
            return
        write_softcopy_blending(anchor, over, self._path(data, "blending", ".dcm"), windows, **how)


def _is_multi_frame_pet(identity: SeriesIdentity) -> bool:
    """Whether the units of a series stand in real-world value mappings, which a presentation state does not know."""
    return identity.modality == "PT" and identity.instances[0].frame_number is not None


def _window_in_files(volume: MetaTensor, identity: SeriesIdentity) -> tuple[float, float]:
    """Return the noted range in the unit of the files: a PET may have been read as SUV."""
    low, high = (float(value) for value in volume.meta[INTENSITY_RANGE])
    if identity.modality != "PT" or volume.meta.get("units") != "SUVbw":
        return low, high
    headers = (read_instance(instance.path) for instance in identity.instances)
    first = min(headers, key=lambda h: (str(h.get("AcquisitionDate")), str(h.get("AcquisitionTime"))))
    factor = suv_body_weight_factor(first).factor
    return low / factor, high / factor


WriteDicomD = WriteDicomDict = WriteDicomd
