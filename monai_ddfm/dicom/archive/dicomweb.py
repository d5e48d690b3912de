# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Series from and to an archive (PACS) over DICOMweb: QIDO-RS to find, WADO-RS to fetch, STOW-RS to store."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import requests
from dicomweb_client.web import DICOMwebClient
from pydicom.dataset import Dataset

from monai_ddfm.dicom.archive.credentials import basic_authorization, split_credentials
from monai_ddfm.dicom.archive.retries import BusyArchiveError, IncompleteAnswerError, LostAnswerError, Retries
from monai_ddfm.dicom.archive.store_answer import accepted_instances, first_refusal
from monai_ddfm.dicom.identity import SOFTWARE_NAME
from monai_ddfm.io.atomic import atomic_folder

__all__ = ["ArchiveSeries", "DicomWebArchive"]

_logger = logging.getLogger(__name__)
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")  # PS3.5 9.1
_IDENTIFYING = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]
_ANY_TRANSFER_SYNTAX = (("application/dicom", "*"),)


@dataclass(frozen=True)
class ArchiveSeries:
    """A series in the archive, as its query answers.

    Attributes:
        study_instance_uid: StudyInstanceUID.
        series_instance_uid: SeriesInstanceUID.
        modality: Modality, "" when the archive does not say.
        description: SeriesDescription, "" when the archive does not say.
    """

    study_instance_uid: str
    series_instance_uid: str
    modality: str
    description: str

    def __str__(self) -> str:
        return f"{self.modality} {self.description!r} ({self.series_instance_uid})"


class DicomWebArchive:
    """An archive that speaks DICOMweb.

    Every request is repeated when the connection fails or the archive is busy, `attempts` times in all; what it
    refuses is not. Errors are `OSError`: `ConnectionError` when it cannot be reached or drops the connection,
    `PermissionError` when it wants other credentials.

    Args:
        url: root of the service, e.g. ``http://localhost:8042/dicom-web``. A name and password in it
            (``http://user:password@host``) are used for basic authentication and shown nowhere.
        headers: sent with every request, e.g. ``{"Authorization": "Bearer ..."}``.
        timeout: seconds to wait for the connection, and for each piece of an answer.
        attempts: how often a request is tried, 1 or more.
        wait: seconds before the second attempt; doubled for each further one.
        batch_bytes: a store request holds about so many bytes of files.
        session: HTTP session with credentials or certificates, see `session_from`.

    Raises:
        ValueError: `url` is no http(s) address, or `attempts` is less than 1.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        attempts: int = 3,
        wait: float = 1.0,
        batch_bytes: int = 32_000_000,
        session: requests.Session | None = None,
    ) -> None:
        self.url, user = split_credentials(url)
        sent = dict(headers or {})
        if user is not None:
            sent["Authorization"] = basic_authorization(user)
        self.batch_bytes = batch_bytes
        self._ask = Retries(self.url, attempts, wait)
        self._client = DICOMwebClient(
            self.url, session, headers=sent, timeout=timeout, permissive_uid=True, chunk_size=1_000_000
        )
        # its own retry sends a body that the first attempt has used up
        self._client.set_http_retry_params(retry=False)

    def find_series(self, study_instance_uid: str, modality: str | None = None) -> list[ArchiveSeries]:
        """Return the series of a study.

        Raises:
            FileNotFoundError: the archive has no such study, or none of its series has that modality.
            OSError: the archive cannot be asked.
            ValueError: `study_instance_uid` is no UID.
        """
        if not _UID.fullmatch(study_instance_uid) or len(study_instance_uid) > 64:
            raise ValueError(
                f"{study_instance_uid!r} is no StudyInstanceUID: expected numbers with dots between, e.g. 1.2.840.1136"
            )
        answers = self._ask(
            f"asking for the series of study {study_instance_uid}",
            lambda: self._client.search_for_series(study_instance_uid, fields=["SeriesDescription"]),
        )
        found = [_archive_series(answer, study_instance_uid) for answer in answers]
        if not found:
            raise FileNotFoundError(f"{self.url} has no study {study_instance_uid}")
        fitting = [series for series in found if modality in (None, series.modality)]
        if not fitting:
            held = "; ".join(map(str, found))
            raise FileNotFoundError(f"study {study_instance_uid} at {self.url} has no {modality} series; it has {held}")
        return fitting

    def choose_series(
        self, study_instance_uid: str, modality: str | None = None, series_instance_uid: str | None = None
    ) -> ArchiveSeries:
        """Return the one series of a study that fits; series that this package wrote are no sources.

        Raises:
            FileNotFoundError: none fits.
            ValueError: several fit; the message lists them.
            OSError: the archive cannot be asked.
        """
        fitting = self.find_series(study_instance_uid, modality)
        if series_instance_uid is not None:
            fitting = [series for series in fitting if series.series_instance_uid == series_instance_uid]
            if not fitting:
                raise FileNotFoundError(
                    f"study {study_instance_uid} at {self.url} has no {modality or ''} series {series_instance_uid}"
                )
        if len(fitting) > 1:
            fitting = [series for series in fitting if not self._is_derived_here(series)] or fitting
        if len(fitting) > 1:
            raise ValueError(
                f"{len(fitting)} series of study {study_instance_uid} at {self.url} fit {modality or 'any modality'}: "
                f"{'; '.join(map(str, fitting))}; choose one by its SeriesInstanceUID"
            )
        return fitting[0]

    def fetch_series(self, series: ArchiveSeries, folder: str | Path, overwrite: bool = False) -> Path:
        """Fetch a series into a folder that appears whole or not at all.

        Instances come in the transfer syntax they are stored in. Their number is checked against the archive's query.

        Args:
            series: what to fetch.
            folder: the new folder.
            overwrite: replace it where it exists.

        Returns:
            `folder`, with one file per instance.

        Raises:
            FileExistsError: `folder` exists and `overwrite` is False.
            OSError: the archive cannot be asked, or keeps sending less than it says it has. Nothing is left behind.
        """
        doing = f"fetching series {series.series_instance_uid}"
        uids = (series.study_instance_uid, series.series_instance_uid)
        listed = self._ask(f"listing {series}", lambda: self._client.search_for_instances(*uids))
        wanted = {str(Dataset.from_json(answer).SOPInstanceUID) for answer in listed}
        with atomic_folder(folder, overwrite) as filling:
            self._ask(doing, lambda: self._fetch_into(uids, wanted, filling))
        return Path(folder)

    def store(self, files: Iterable[str | Path]) -> list[str]:
        """Store instances; those that the archive says it has are not sent again.

        Args:
            files: DICOM files.

        Returns:
            SOPInstanceUID of each, in order; all are in the archive.

        Raises:
            OSError: the archive cannot be reached or refuses some; the message says how many it confirmed. Storing the
                same files again is safe: their UIDs are the same.
        """
        paths = [Path(file) for file in files]
        headers = {path: pydicom.dcmread(path, specific_tags=_IDENTIFYING, stop_before_pixels=True) for path in paths}
        confirmed = self._held(headers.values())
        if confirmed:
            _logger.info("%s has %d of %d instances already", self.url, len(confirmed), len(paths))
        for batch in self._batches(
            [path for path, header in headers.items() if header.SOPInstanceUID not in confirmed]
        ):
            confirmed |= self._store_batch(batch, len(confirmed), len(paths))
        return [str(headers[path].SOPInstanceUID) for path in paths]

    def _store_batch(self, batch: Sequence[Path], confirmed: int, total: int) -> set[str]:
        """Store some of the files; returns the SOPInstanceUID of each."""
        datasets = [pydicom.dcmread(path) for path in batch]
        sent = [str(dataset.SOPInstanceUID) for dataset in datasets]
        try:
            answer = self._ask(f"storing {total} instances", lambda: self._store_once(datasets))
        except OSError as error:
            arrived = self._held(datasets) & set(sent) if isinstance(error, LostAnswerError) else set()
            if arrived == set(sent):
                _logger.warning("%s: the answer to a store was lost, but all its instances are there", self.url)
                return arrived
            raise type(error)(
                f"{error}; {confirmed + len(arrived)} of {total} instances are confirmed as stored"
                f"{_unknown(len(batch) - len(arrived), error)}; run it again: what is stored is not sent twice"
            ) from error
        accepted = accepted_instances(answer, sent)
        if len(accepted) < len(sent):
            refused = len(sent) - len(accepted)
            raise OSError(
                f"{self.url} refused {refused} of {len(sent)} instances sent{first_refusal(answer)}; "
                f"{confirmed + len(accepted)} of {total} instances are confirmed as stored"
            )
        return set(accepted)

    def _held(self, datasets: Iterable[Dataset]) -> set[str]:
        """Which of these instances the archive says it has; none where it cannot be asked."""
        wanted = {(str(one.get("StudyInstanceUID", "")), str(one.get("SeriesInstanceUID", ""))) for one in datasets}
        held: set[str] = set()
        for uids in wanted:
            if not all(uids):
                continue
            try:
                listed = self._client.search_for_instances(*uids)
            except (requests.RequestException, ValueError):
                continue  # the store itself will say what is wrong
            held |= {str(Dataset.from_json(answer).SOPInstanceUID) for answer in listed}
        return held

    def _batches(self, paths: Sequence[Path]) -> list[list[Path]]:
        batches: list[list[Path]] = []
        filled = self.batch_bytes
        for path in paths:
            size = path.stat().st_size
            if filled + size > self.batch_bytes:
                batches.append([])
                filled = 0
            batches[-1].append(path)
            filled += size
        return batches

    def _store_once(self, datasets: Sequence[Dataset]) -> Dataset:
        try:
            return self._client.store_instances(datasets)
        except requests.HTTPError as error:
            # 409: some or all were refused; the answer says which (PS3.18 10.5.3)
            if error.response is None or error.response.status_code != requests.codes.conflict:
                raise
            try:
                return Dataset.from_json(error.response.json())
            except ValueError:
                raise error from None

    def _fetch_into(self, uids: tuple[str, str], wanted: set[str], folder: Path) -> None:
        for left_over in folder.iterdir():
            left_over.unlink()
        got: set[str] = set()
        for dataset in self._client.iter_series(*uids, media_types=_ANY_TRANSFER_SYNTAX):
            if "SOPInstanceUID" not in dataset:
                raise IncompleteAnswerError("an instance without a SOPInstanceUID")
            got.add(str(dataset.SOPInstanceUID))
            dataset.save_as(folder / f"{len(got):05d}.dcm", enforce_file_format=True)
        if not wanted <= got:
            raise IncompleteAnswerError(f"{len(got & wanted)} of {len(wanted)} instances")

    def _is_derived_here(self, series: ArchiveSeries) -> bool:
        uids = (series.study_instance_uid, series.series_instance_uid)
        first = self._ask(f"listing {series}", lambda: self._client.search_for_instances(*uids, limit=1))
        if not first:
            return False
        instance = str(Dataset.from_json(first[0]).SOPInstanceUID)
        header = self._ask(f"reading {series}", lambda: self._client.retrieve_instance_metadata(*uids, instance))
        return Dataset.from_json(header).get("Manufacturer") == SOFTWARE_NAME


def _archive_series(answer: dict[str, Any], study_instance_uid: str) -> ArchiveSeries:
    dataset = Dataset.from_json(answer)
    return ArchiveSeries(
        study_instance_uid,
        str(dataset.SeriesInstanceUID),
        str(dataset.get("Modality") or ""),
        str(dataset.get("SeriesDescription") or ""),
    )


def _unknown(batch: int, error: OSError) -> str:
    """Say that a dropped connection leaves the fate of the instances then on their way open, and a busy archive not."""
    if isinstance(error, BusyArchiveError):
        return f", all {batch} of the last request failed"
    return f", {batch} more were on their way" if isinstance(error, ConnectionError) else ""
