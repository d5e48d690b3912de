# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Registrations of other programs: ITK, ANTs, 3D Slicer, DICOM."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from numpy.typing import NDArray

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.spatial_registration import SpatialRegistration, read_spatial_registration
from monai_ddfm.io.affine_file import inverse_of, read_affine
from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import WITHOUT_PLACE, file_of
from monai_ddfm.transforms.motion import moved
from monai_ddfm.transforms.pose_similarity import mutual_information, overlap_points, values_at

__all__ = ["ApplyAffine", "ApplyAffineD", "ApplyAffineDict", "ApplyAffined", "split_inverse"]

logger = logging.getLogger(__name__)

_DICOM_ENDINGS = (".dcm", "")
_INVERTED = re.compile(r"\[(?P<file>.+?),\s*(?P<inverted>[01])\s*\]")


def split_inverse(text: str) -> tuple[Path, bool]:
    """Return the file of a transform and whether it is to be inverted: ``[FILE,1]``, as ANTs writes it, or ``FILE``."""
    found = _INVERTED.fullmatch(text.strip())
    return (Path(found["file"]), found["inverted"] == "1") if found else (Path(text), False)


class ApplyAffine(ArgumentRepr, Transform):
    """Move a volume onto the anchor by the affine transform that another program found.

    Files of ITK, ANTs and 3D Slicer (``.tfm``, ``.txt``, ``.h5``, ``.mat``, ``.xfm``) take points of the anchor (the
    fixed image) to points of the moved volume: the result of ``antsRegistration`` with the anchor as fixed image, of an
    ITK or SimpleITK registration, or of Slicer's module "Transforms". ``[FILE,1]`` inverts it. A DICOM Spatial
    Registration object says by its frames of reference what it takes where.

    The volume's voxels stay as they are; only its affine changes, so that nothing is interpolated twice. A warning says
    so when the volumes would share more information without the transform or with its inverse.

    Args:
        transform: the file, or ``[FILE,1]``.
        margin: gain of shared information from which on to warn, 0.1 is 10 percent.
    """

    def __init__(self, transform: str | Path, margin: float = 0.1) -> None:
        self.margin = margin
        self.path, self.inverted = split_inverse(str(transform))
        self._read: SpatialRegistration | NDArray[np.float64] = (
            read_spatial_registration(self.path)
            if self.path.suffix.lower() in _DICOM_ENDINGS
            else inverse_of(read_affine(self.path))
        )

    def __call__(  # type: ignore[override]
        self, img: MetaTensor, anchor: MetaTensor, name: str = "image", anchor_name: str = "anchor"
    ) -> MetaTensor:
        """Return `img` ``[1, H, W, D]`` with its affine moved.

        Raises:
            ValueError: one of the images lies in no space, or the DICOM object does not know it.
        """
        for volume, what in ((img, name), (anchor, anchor_name)):
            if volume.meta.get(WITHOUT_PLACE):
                raise ValueError(f"{file_of(volume, what)}: lies in no space, so {self.path} cannot move it")
        motion = self._motion(img, anchor)
        motion = inverse_of(motion) if self.inverted else motion
        inverse = " (inverted)" if self.inverted else ""
        result = moved(img, motion, f"{name} moved onto {anchor_name} by {self.path.name}{inverse}")
        logger.info("%s moved onto %s by %s%s", name, anchor_name, self.path, inverse)
        self._check_direction(img, anchor, motion, name, anchor_name)
        return result

    def _motion(self, img: MetaTensor, anchor: MetaTensor) -> NDArray[np.float64]:
        """The matrix ``[4, 4]`` (RAS) that takes points of the volume's space to the anchor's."""
        if not isinstance(self._read, SpatialRegistration):
            return self._read
        identities = [SeriesIdentity.from_meta(volume.meta) for volume in (img, anchor)]
        if identities[0] is None or identities[1] is None:
            without = img if identities[0] is None else anchor
            raise ValueError(
                f"{self.path}: a Spatial Registration names DICOM series, but {file_of(without)} is none; give a .tfm"
            )
        return self._read.between(identities[0], identities[1])

    def _check_direction(
        self, img: MetaTensor, anchor: MetaTensor, motion: NDArray[np.float64], name: str, anchor_name: str
    ) -> None:
        share, shared = _shared(img, anchor, motion)
        others = {"without it": np.eye(4), "with its inverse": inverse_of(motion)}
        better = {}
        for how, other in others.items():
            other_share, other_shared = _shared(img, anchor, other)
            if other_shared > (1 + self.margin) * shared:
                better[how] = (other_share, other_shared)
        if not better:
            return
        how = max(better, key=lambda one: better[one][1])
        turned = f"[{self.path},0]" if self.inverted else f"[{self.path},1]"
        warnings.warn(
            f"{self.path}: {name} covers {share:.0%} of {anchor_name} and shares {shared:.3f} nats with it; {how} "
            f"{better[how][0]:.0%} and {better[how][1]:.3f} nats. It may have the wrong direction or belong to another "
            f"pair: expected what takes points of {anchor_name} to points of {name}; {name}={turned} turns it round",
            stacklevel=3,
        )


def _shared(img: MetaTensor, anchor: MetaTensor, motion: NDArray[np.float64]) -> tuple[float, float]:
    """The share of the anchor's box that a moved volume covers, and the information (nats) shared there times it."""
    points = overlap_points(anchor, anchor)
    back = inverse_of(motion)
    values, inside = values_at(img, points @ back[:3, :3].T + back[:3, 3])
    if not inside.any():
        return 0.0, 0.0
    here, _ = values_at(anchor, points[inside])
    share = float(inside.mean())
    return share, share * mutual_information(here, values[inside])


class ApplyAffined(ArgumentRepr, MapTransform):
    """Dictionary version of `ApplyAffine`: keys of `transforms` are moved onto the first key's volume.

    Args:
        keys: the sources; the first one that a case has is the anchor and stays.
        transforms: file by key, see `ApplyAffine`; keys without one stay.
        margin: see `ApplyAffine`.
        allow_missing_keys: skip keys that a case lacks.

    Raises:
        FileNotFoundError, ValueError: a file that is no such transform.
    """

    def __init__(
        self,
        keys: KeysCollection,
        transforms: Mapping[str, str | Path] | None = None,
        margin: float = 0.1,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.apply = {key: ApplyAffine(file, margin) for key, file in (transforms or {}).items()}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Move the volumes that have a transform, see `ApplyAffine`."""
        result = dict(data)
        present = list(self.key_iterator(result))
        for key in present[1:]:
            if str(key) in self.apply:
                result[key] = self.apply[str(key)](result[key], result[present[0]], str(key), str(present[0]))
        return result


ApplyAffineD = ApplyAffineDict = ApplyAffined
