# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Projections of many volumes, results of runs or any others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from monai.data import MetaTensor

from monai_ddfm.cohort.case_report import records_in
from monai_ddfm.io.endings import VOLUME_ENDINGS, image_stem
from monai_ddfm.pipeline.names import COLOUR
from monai_ddfm.report.projection import rotating_projection
from monai_ddfm.report.write_projection import as_frames, write_projection
from monai_ddfm.transforms import CheckVolume, ReadSource

__all__ = ["project_files"]

_PERCENTILES = (1.0, 99.9)


def project_files(
    images: Sequence[str | Path],
    output_dir: str | Path,
    formats: Sequence[str] = ("png", "gif"),
    angles: int = 36,
    pixel: float = 0.0,
    window: tuple[float, float] | None = None,
    overwrite: bool = False,
) -> Iterator[Path]:
    """Write the projections of volumes, one after the other: ``output_dir/<name>_mip.<format>``.

    Args:
        images: volumes, or output folders of runs.
        output_dir: folder, made when missing.
        formats: of `monai_ddfm.report.write_projection.FORMATS`.
        angles: pictures of a whole turn.
        pixel: side of a pixel in mm; 0 takes the finest side of a voxel.
        window: (low, high) shown black and white; percentiles of the volume where None. A volume in colour has none.
        overwrite: replace existing pictures.

    Raises:
        FileNotFoundError, FileExistsError, ValueError: files that cannot be, named in one line.
    """
    if pixel < 0 or (window is not None and window[0] >= window[1]):
        raise ValueError(f"expected a pixel of 0 mm or more and a rising window, got {pixel:g} and {window}")
    volumes = [volume for image in images for volume in _volumes_of(Path(image))]
    names = [image_stem(path) for path in volumes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)}: two volumes of one name; project them into different folders")
    for name, path in zip(names, volumes, strict=True):
        volume = _read(path)
        views = rotating_projection(volume, angles if set(formats) != {"png"} else 1, pixel)
        frames = as_frames(views, (0.0, 1.0) if len(volume) == 3 else window or _window_of(volume))
        for form in formats:
            yield write_projection(frames, Path(output_dir) / f"{name}_mip.{form}", overwrite=overwrite)


def _volumes_of(image: Path) -> list[Path]:
    """The volume itself, or of an output folder one volume of each finished case: in colour where there is one."""
    records = dict(records_in(image)) if image.is_dir() else {}
    found = []
    for case, record in records.items():
        suffix = record["settings"]["fused_suffix"]
        stems = (f"{case}_{COLOUR}", f"{case}_{suffix}" if suffix else case)
        files = [path for stem in stems for ending in VOLUME_ENDINGS if (path := image / f"{stem}{ending}").exists()]
        found += files[:1] if record.get("finished") else []
    if records and not found:
        raise FileNotFoundError(f"{image}: holds no fused volume in NIfTI")
    return found or [image]


def _read(path: Path) -> MetaTensor:
    """A grey volume ``[1, H, W, D]``, or one in colour ``[3, H, W, D]`` in [0, 1]."""
    if path.is_file() and path.name.endswith(tuple(VOLUME_ENDINGS)):
        image = nib.load(path)
        if (channel_names := image.get_data_dtype().names) is not None:  # NIfTI's RGB24
            voxels = np.asarray(image.dataobj)
            channels = np.stack([voxels[name] for name in channel_names[:3]]).astype(np.float32) / 255.0
            return MetaTensor(torch.from_numpy(channels), affine=torch.from_numpy(image.affine))
    return CheckVolume()(ReadSource()(path))


def _window_of(volume: MetaTensor) -> tuple[float, float]:
    low, high = np.percentile(volume.as_subclass(torch.Tensor).numpy(), _PERCENTILES).tolist()
    return (low, high) if high > low else (float(volume.min()), float(volume.max()))
