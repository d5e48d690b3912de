# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Series from and to an archive (PACS) over DICOMweb: QIDO-RS to find, WADO-RS to fetch, STOW-RS to store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import requests
from dicomweb_client.web import DICOMwebClient
from pydicom.dataset import Dataset

from monai_ddfm.dicom.archive.bounded_answer import bound_answer
from monai_ddfm.dicom.archive.credentials import basic_authorization, split_credentials
from monai_ddfm.dicom.archive.dicom_json import Answer, is_uid, objects_in, text_of, uid_of
from monai_ddfm.dicom.archive.instance_store import InstanceStore
from monai_ddfm.dicom.archive.retries import (
    ForeignInstanceError,
    IncompleteAnswerError,
    Retries,
    SenselessAnswerError,
)
from monai_ddfm.dicom.identity import SOFTWARE_NAME
from monai_ddfm.io.atomic import atomic_folder

__all__ = ["ArchiveSeries", "DicomWebArchive"]

_CODE = re.compile(r"[A-Za-z0-9_ ]{1,16}")  # PS3.5 6.2 CS; it becomes a part of a folder's name
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
        session = session or requests.Session()
        session.hooks["response"] = [*session.hooks["response"], bound_answer]
        self._ask = Retries(self.url, attempts, wait)
        self._client = DICOMwebClient(
            self.url, session, headers=sent, timeout=timeout, permissive_uid=True, chunk_size=1_000_000
        )
        self._client.set_http_retry_params(retry=False)  # that is ours
        self._store = InstanceStore(self.url, session, timeout, self._ask, self._held, batch_bytes)

    def find_series(self, study_instance_uid: str, modality: str | None = None) -> list[ArchiveSeries]:
        """Return the series of a study.

        Raises:
            FileNotFoundError: the archive has no such study, or none of its series has that modality.
            OSError: the archive cannot be asked.
            ValueError: `study_instance_uid` is no UID.
        """
        if not is_uid(study_instance_uid):
            raise ValueError(
                f"{study_instance_uid!r} is no StudyInstanceUID: expected numbers with dots between, e.g. 1.2.840.1136"
            )
        found = self._ask(
            f"asking for the series of study {study_instance_uid}", lambda: self._series(study_instance_uid)
        )
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
            FileNotFoundError: the archive lists no instances.
            OSError: the archive cannot be asked, sends something else, or keeps sending less than it says it has.
                Nothing is left behind.
        """
        doing = f"fetching series {series.series_instance_uid}"
        uids = (series.study_instance_uid, series.series_instance_uid)
        wanted = self._ask(f"listing {series}", lambda: self._instances(*uids))
        if not wanted:
            raise FileNotFoundError(f"{self.url} lists no instances of series {series}; look at it in the archive")
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
        return self._store([Path(file) for file in files])

    def _series(self, study_instance_uid: str) -> list[ArchiveSeries]:
        answers = objects_in(self._client.search_for_series(study_instance_uid, fields=["SeriesDescription"]))
        return list(dict.fromkeys(_archive_series(answer, study_instance_uid) for answer in answers))

    def _instances(self, study: str, series: str, limit: int | None = None) -> set[str]:
        """The SOPInstanceUIDs of a series."""
        answers = objects_in(self._client.search_for_instances(study, series, limit=limit))
        return {uid_of(answer, "SOPInstanceUID") for answer in answers}

    def _held(self, datasets: Iterable[Dataset]) -> set[str]:
        """Which of these instances the archive says it has; none where it cannot be asked."""
        wanted = {(str(one.get("StudyInstanceUID", "")), str(one.get("SeriesInstanceUID", ""))) for one in datasets}
        held: set[str] = set()
        for uids in wanted:
            if not all(uids):
                continue
            with suppress(requests.RequestException, ValueError, RecursionError, SenselessAnswerError):
                held |= self._instances(*uids)  # where it fails, the store itself will say what is wrong
        return held

    def _fetch_into(self, uids: tuple[str, str], wanted: set[str], folder: Path) -> None:
        for left_over in folder.iterdir():
            left_over.unlink()
        got: set[str] = set()
        for dataset in self._received(*uids):
            uid = _uid_in_series(dataset, *uids)
            if uid not in got:
                got.add(uid)
                dataset.save_as(folder / f"{len(got):05d}.dcm", enforce_file_format=True)
        if not wanted <= got:
            raise IncompleteAnswerError(f"the answer ended early, after {len(got & wanted)} of {len(wanted)} instances")

    def _received(self, study: str, series: str) -> Iterator[Dataset]:
        """The instances of a series as they come."""
        try:
            yield from self._client.iter_series(study, series, media_types=_ANY_TRANSFER_SYNTAX)
        except (requests.RequestException, SenselessAnswerError, IncompleteAnswerError, MemoryError):
            raise
        except Exception as error:  # the client and pydicom raise whatever the broken bytes lead to
            raise IncompleteAnswerError("a part of the answer is no DICOM file, or ends early") from error

    def _is_derived_here(self, series: ArchiveSeries) -> bool:
        uids = (series.study_instance_uid, series.series_instance_uid)
        first = self._ask(f"listing {series}", lambda: self._instances(*uids, limit=1))
        if not first:
            return False
        header = self._ask(f"reading {series}", lambda: self._header(*uids, first.pop()))
        return text_of(header, "Manufacturer") == SOFTWARE_NAME

    def _header(self, study: str, series: str, instance: str) -> Answer:
        try:
            return objects_in([self._client.retrieve_instance_metadata(study, series, instance)])[0]
        except (TypeError, LookupError) as error:  # the client takes the first of what may be no list, or empty
            raise SenselessAnswerError("expected the attributes of an instance, got none") from error


def _archive_series(answer: Answer, study_instance_uid: str) -> ArchiveSeries:
    if (study := text_of(answer, "StudyInstanceUID")) not in ("", study_instance_uid):
        raise ForeignInstanceError(f"got a series of another study, {study!r}")
    modality = text_of(answer, "Modality")
    return ArchiveSeries(
        study_instance_uid,
        uid_of(answer, "SeriesInstanceUID"),
        modality if _CODE.fullmatch(modality) else "",
        text_of(answer, "SeriesDescription"),
    )


def _uid_in_series(dataset: Dataset, study: str, series: str) -> str:
    """The SOPInstanceUID of an instance that is of the series."""
    found = {name: str(dataset.get(name, "")) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
    for name, expected in {"StudyInstanceUID": study, "SeriesInstanceUID": series}.items():
        if found[name] != expected:
            raise ForeignInstanceError(f"got an instance of another series, with {name} {found[name]!r}")
    if not is_uid(found["SOPInstanceUID"]):
        raise ForeignInstanceError(f"got an instance with SOPInstanceUID {found['SOPInstanceUID']!r}")
    return found["SOPInstanceUID"]
