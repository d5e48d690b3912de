# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Sources out of an archive, and results back into it, for the command ``fuse``."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from monai_ddfm.dicom.archive.credentials import session_from
from monai_ddfm.dicom.archive.dicomweb import DicomWebArchive
from monai_ddfm.dicom.archive.node import DicomNode
from monai_ddfm.pipeline import FusionConfig
from monai_ddfm.pipeline.names import dicom_endings

__all__ = ["archive_at", "fetch_sources", "store_results"]

logger = logging.getLogger(__name__)


def archive_at(url: str) -> DicomWebArchive:
    """Return the archive at `url`, asked as the environment says; see `session_from`."""
    return DicomWebArchive(url, session=session_from(os.environ))


def fetch_sources(archive: DicomWebArchive, study: str, wanted: Sequence[str], folder: Path) -> list[Path]:
    """Fetch series of a study into folders named by number and modality, in the order asked for.

    Args:
        archive: where they are.
        study: StudyInstanceUID.
        wanted: for each source its Modality (MR, CT, PT, NM) or its SeriesInstanceUID.
        folder: holds the new folders.

    Raises:
        FileNotFoundError, ValueError: none or several series fit.
        OSError: the archive cannot be reached, refuses, or keeps breaking off.
    """
    fetched = []
    for number, name in enumerate(wanted, start=1):
        is_uid = "." in name  # no modality has one
        series = archive.choose_series(study, None if is_uid else name, name if is_uid else None)
        fetched.append(archive.fetch_series(series, folder / f"{number}_{series.modality}"))
        logger.info("fetched %s", series)
    return fetched


def store_results(archive: DicomWebArchive | DicomNode, config: FusionConfig, case: str) -> int:
    """Store the DICOM results of a case; returns how many instances the archive confirmed.

    Raises:
        FileNotFoundError: the case has no DICOM results.
        OSError: the archive refuses or cannot be reached; the message says what was stored, the files stay.
    """
    results = [Path(config.results.output_dir) / f"{case}{ending}" for ending in dicom_endings(config)]
    files = [file for path in results for file in (sorted(path.glob("*.dcm")) if path.is_dir() else [path])]
    existing = [file for file in files if file.is_file()]
    if not existing:
        raise FileNotFoundError(f"{results[0]}: no DICOM results of case {case} to store")
    return len(archive.store(existing))
