# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Reading a source from its file, whatever kind it is, with an error that names it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import ImageReader, MetaTensor, NibabelReader, PILReader
from monai.transforms import EnsureChannelFirst, MapTransform, Transform
from monai.utils import ImageMetaKey

from monai_ddfm.dicom.read.reader import DDFMDicomReader
from monai_ddfm.dicom.read.series import SeriesChoiceError
from monai_ddfm.errors import reason_of
from monai_ddfm.io.endings import PICTURE_ENDINGS, VOLUME_ENDINGS, image_ending
from monai_ddfm.io.existing import require_existing
from monai_ddfm.io.nifti import read_nifti
from monai_ddfm.io.picture import grey_picture, read_picture
from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import WITHOUT_PLACE

__all__ = ["ReadSource", "ReadSourceD", "ReadSourceDict", "ReadSourced"]


class _NiftiReader(NibabelReader):
    """MONAI's reader of NIfTI, on files that were read to the end."""

    def read(self, data: Any, **kwargs: Any) -> Any:
        self.filenames = [str(data)]
        return read_nifti(data)


class _PictureReader(PILReader):
    """MONAI's reader of pictures, on what `read_picture` lets in."""

    def read(self, data: Any, **kwargs: Any) -> Any:
        return grey_picture(read_picture(data))


class ReadSource(ArgumentRepr, Transform):
    """Load a NIfTI volume, a PNG/JPEG picture (its luminance) or a DICOM series as ``[C, H, W(, D)]`` in its own dtype.

    Args:
        dicom_reader: reads folders, zips and DICOM files; a `DDFMDicomReader` with its defaults when None.
    """

    def __init__(self, dicom_reader: ImageReader | None = None) -> None:
        self.dicom_reader = dicom_reader

    def _reader(self, path: Path) -> ImageReader:
        ending = image_ending(path)
        if ending in VOLUME_ENDINGS:
            return _NiftiReader()
        if ending in PICTURE_ENDINGS:
            return _PictureReader()
        return self.dicom_reader or DDFMDicomReader()

    def __call__(self, path: str | Path) -> MetaTensor:
        """Read `path`.

        Raises:
            FileNotFoundError: no such file.
            ValueError: the file is truncated, damaged or of another kind. The message names the file.
        """
        path = Path(path)
        require_existing(path)
        reader = self._reader(path)
        try:
            array, meta = reader.get_data(reader.read(path))
        except Exception as error:
            reason = reason_of(error)
            says_all = (
                isinstance(reader, (DDFMDicomReader, _NiftiReader))
                or isinstance(reason, MemoryError)
                or str(reason).startswith(f"{path}: ")
            )
            broken = isinstance(reason, UnicodeError) or _is_of_bytes(reason, path)
            if says_all and isinstance(reason, _FORESEEN) and not broken:
                if type(reason) is not ValueError or str(path) in str(reason):
                    raise reason from None  # it names the file and the remedy itself
                raise ValueError(f"{path}: {reason}") from None
            lines = str(reason).strip().splitlines() or [type(reason).__name__]
            raise ValueError(
                f"{path}: cannot be read ({lines[-1]}); the file may be truncated or of another kind: copy or "
                "export it again"
            ) from error
        known: dict[str, Any] = {**meta, ImageMetaKey.FILENAME_OR_OBJ: str(path)}
        if isinstance(reader, PILReader):
            known[WITHOUT_PLACE] = True
        array = np.asarray(array)
        img = MetaTensor.ensure_torch_and_prune_meta(array.astype(array.dtype.newbyteorder("="), copy=False), known)
        return MetaTensor(EnsureChannelFirst()(img))


def _is_of_bytes(reason: BaseException, path: Path) -> bool:
    """Whether an OSError is a library's word for bytes that make no sense, and none of the operating system."""
    return isinstance(reason, OSError) and reason.errno is None and path.name not in str(reason)


_FORESEEN = (ValueError, OSError, ImportError, MemoryError)  # anything else is what a library made of broken bytes


class ReadSourced(ArgumentRepr, MapTransform):
    """Dictionary version of `ReadSource`.

    Args:
        keys: paths to read.
        dicom_reader: see `ReadSource`.
        select: which series of its folder or file a source is, by key: its UID, its number, a part of its description,
            or what its slices have (``EchoTime=30``).
        modalities: of the sources, by key: decides between series where nothing else does.
        allow_missing_keys: skip keys that a case lacks.

    Raises:
        ValueError: `select` names a source that is none of `keys`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        dicom_reader: DDFMDicomReader | None = None,
        select: Mapping[str, str] | None = None,
        modalities: Mapping[str, str] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        select, modalities = dict(select or {}), dict(modalities or {})
        if unknown := set(select) - set(map(str, self.keys)):
            raise ValueError(
                f"select names {', '.join(sorted(unknown))}; the sources are {', '.join(map(str, self.keys))}"
            )
        reader = dicom_reader or DDFMDicomReader()
        self.read = {
            key: ReadSource(reader.choosing(select.get(key), modalities.get(key))) for key in map(str, self.keys)
        }

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace every key's path by its image; what is an image already stays."""
        loaded = dict(data)
        for key in self.key_iterator(loaded):
            if not isinstance(loaded[key], torch.Tensor):
                try:
                    loaded[key] = self.read[str(key)](loaded[key])
                except SeriesChoiceError as error:
                    choices = " or ".join(f"--select {key}={uid}" for uid in error.uids)
                    raise ValueError(f"{error}\nsay which: {choices}") from None
        return loaded


ReadSourceD = ReadSourceDict = ReadSourced
