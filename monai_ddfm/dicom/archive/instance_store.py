# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Instances into an archive by STOW-RS: as they are, none sent twice, none taken for stored that is not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pydicom
import requests
from pydicom.dataset import Dataset

from monai_ddfm.dicom.archive.retries import BusyArchiveError, LostAnswerError, Retries, SenselessAnswerError
from monai_ddfm.dicom.archive.store_answer import StoreAnswer, store_answer

__all__ = ["InstanceStore"]

_logger = logging.getLogger(__name__)
_IDENTIFYING = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]


class InstanceStore:
    """Stores files in an archive.

    Args:
        url: root of the service.
        session: HTTP session with credentials.
        timeout: seconds to wait for the connection, and for the answer.
        ask: repeats a request that fails.
        held: says which of some instances the archive has; none where it cannot be asked.
        batch_bytes: a request holds about so many bytes of files.
    """

    def __init__(
        self,
        url: str,
        session: requests.Session,
        timeout: float,
        ask: Retries,
        held: Callable[[Iterable[Dataset]], set[str]],
        batch_bytes: int,
    ) -> None:
        self.url, self.timeout, self.batch_bytes = url, timeout, batch_bytes
        self._session, self._ask, self._held = session, ask, held

    def __call__(self, paths: Sequence[Path]) -> list[str]:
        """Store files that the archive does not have yet; returns the SOPInstanceUID of each, in order.

        Raises:
            OSError: the archive cannot be reached, refuses some, or does not confirm them.
        """
        headers = {path: pydicom.dcmread(path, specific_tags=_IDENTIFYING, stop_before_pixels=True) for path in paths}
        confirmed = self._held(headers.values())
        if confirmed:
            _logger.info("%s has %d of %d instances already", self.url, len(confirmed), len(paths))
        for batch in self._batches([path for path, one in headers.items() if one.SOPInstanceUID not in confirmed]):
            confirmed |= self._store_batch({path: headers[path] for path in batch}, len(confirmed), len(paths))
        return [str(headers[path].SOPInstanceUID) for path in paths]

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

    def _store_batch(self, batch: dict[Path, Dataset], confirmed: int, total: int) -> set[str]:
        """Store some of the files; returns the SOPInstanceUID of each."""
        sent = [str(header.SOPInstanceUID) for header in batch.values()]
        try:
            answer = self._ask(f"storing {total} instances", lambda: self._post(list(batch)))
        except OSError as error:
            arrived = self._held(batch.values()) & set(sent) if isinstance(error, LostAnswerError) else set()
            if arrived == set(sent):
                _logger.warning("%s: the answer to a store was lost, but all its instances are there", self.url)
                return arrived
            raise type(error)(
                f"{error}; {confirmed + len(arrived)} of {total} instances are confirmed as stored"
                f"{_unknown(len(batch) - len(arrived), error)}; run it again: what is stored is not sent twice"
            ) from error
        accepted = self._held(batch.values()) & set(sent) if answer.says_nothing else set(answer.accepted(sent))
        if len(accepted) < len(sent):
            missing = f"{len(sent) - len(accepted)} of {len(sent)} instances sent"
            so_far = f"{confirmed + len(accepted)} of {total} instances are confirmed as stored"
            if answer.says_nothing:
                raise OSError(f"{self.url} does not confirm {missing}; {so_far}; look for them there, or run it again")
            raise OSError(f"{self.url} refused {missing}{answer.first_refusal()}; {so_far}")
        return accepted

    def _post(self, files: Sequence[Path]) -> StoreAnswer:
        boundary = uuid4().hex
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        parts = [part for file in files for part in (head, file.read_bytes(), b"\r\n")]
        response = self._session.post(
            f"{self.url}/studies",
            data=b"".join([*parts, f"--{boundary}--\r\n".encode()]),
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                "Accept": "application/dicom+json",
            },
            timeout=self.timeout,
        )
        if response.request.method != "POST":  # a redirection has made a GET of it
            host = urlsplit(response.url).netloc
            raise SenselessAnswerError(f"expected an answer to a store, got a redirection to {host}")
        answer = store_answer(response)
        # 409: some or all were refused; the answer says which (PS3.18 10.5.3)
        if answer.says_nothing or response.status_code != requests.codes.conflict:
            response.raise_for_status()
        return answer


def _unknown(batch: int, error: OSError) -> str:
    """Say that a dropped connection leaves the fate of the instances then on their way open, and a busy archive not."""
    if isinstance(error, BusyArchiveError):
        return f", all {batch} of the last request failed"
    return f", {batch} more were on their way" if isinstance(error, ConnectionError) else ""
