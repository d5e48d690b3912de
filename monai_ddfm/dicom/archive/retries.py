# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Requests over a network that may fail: repeated with limits, and told in words when they do."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import requests

from monai_ddfm.dicom.archive.credentials import VARIABLES

__all__ = [
    "BusyArchiveError",
    "ForeignInstanceError",
    "IncompleteAnswerError",
    "LostAnswerError",
    "Retries",
    "SenselessAnswerError",
]

Answer = TypeVar("Answer")
_logger = logging.getLogger(__name__)
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP states that another attempt may find gone
_LOST = (requests.TooManyRedirects, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)  # where it led
_ROOT = "is this the root of its DICOMweb service, e.g. http://host:8042/dicom-web?"


class IncompleteAnswerError(Exception):
    """An answer that ended early, or broke on its way; the message says what came."""


class SenselessAnswerError(Exception):
    """An answer that is no DICOMweb, to every attempt; the message says what was expected, and what came."""

    remedy = _ROOT


class ForeignInstanceError(SenselessAnswerError):
    """An answer with something else than what was asked for."""

    remedy = "tell those who run the archive"


class BusyArchiveError(ConnectionError):
    """The archive answered each time that it cannot now; nothing of the request was done."""


class LostAnswerError(ConnectionError):
    """The request went out whole and no answer came: it may or may not have been done."""


class Retries:
    """Repeats a request while its failure may pass.

    An answer that does not come within the timeout is not waited for again: the archive got the request.

    Args:
        url: who is asked, for the messages.
        attempts: how often a request is tried, 1 or more.
        wait: seconds before the second attempt; doubled for each further one.

    Raises:
        ValueError: `attempts` is less than 1.
    """

    def __init__(self, url: str, attempts: int = 3, wait: float = 1.0) -> None:
        if attempts < 1:
            raise ValueError(f"attempts must be 1 or more, got {attempts}")
        self.url = url
        self.attempts = attempts
        self.wait = wait

    def __call__(self, doing: str, request: Callable[[], Answer]) -> Answer:
        """Answer a request.

        Args:
            doing: what the request is for, for the messages: "storing 5 instances".
            request: makes the request, from the beginning each time.

        Raises:
            ConnectionError: no connection, none that lasts, or a busy archive (`BusyArchiveError`), at the last
                attempt; or no answer in time (`LostAnswerError`), at once.
            PermissionError: the archive wants other credentials.
            OSError: the archive refuses for another reason.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return request()
            except requests.HTTPError as error:
                status = -1 if error.response is None else error.response.status_code
                if status not in _PASSING or attempt == self.attempts:
                    raise self._refusal(doing, status, attempt) from error
                reason = f"HTTP {status}"
            except requests.ReadTimeout as error:
                raise LostAnswerError(f"{self.url}: {doing} failed: no answer in time") from error
            except (requests.exceptions.JSONDecodeError, RecursionError) as error:
                raise self._senseless(doing, SenselessAnswerError("expected JSON, got something else")) from error
            except SenselessAnswerError as error:
                raise self._senseless(doing, error) from error
            except _LOST as error:
                raise self._senseless(doing, SenselessAnswerError(str(error))) from error
            except (requests.RequestException, IncompleteAnswerError) as error:
                reason = _plain(error)
                if attempt == self.attempts:
                    raise ConnectionError(f"{self.url}: {doing} failed after {attempt} attempts: {reason}") from error
            _logger.warning("%s: %s failed (%s), attempt %d of %d", self.url, doing, reason, attempt, self.attempts)
            time.sleep(self.wait * 2 ** (attempt - 1))
        raise AssertionError("the loop returns or raises")

    def _senseless(self, doing: str, error: SenselessAnswerError) -> OSError:
        return OSError(f"{self.url}: {doing} failed: {error}; {error.remedy}")

    def _refusal(self, doing: str, status: int, attempts: int) -> OSError:
        if status in (401, 403, 407):
            return PermissionError(
                f"{self.url} does not allow {doing} (HTTP {status}); give it the right credentials in the environment: "
                f"{VARIABLES}"
            )
        if status == requests.codes.not_found:
            return OSError(f"{self.url} knows nothing of {doing} (HTTP 404); {_ROOT}")
        if status in _PASSING:
            return BusyArchiveError(f"{self.url}: {doing} failed after {attempts} attempts: HTTP {status}")
        return OSError(f"{self.url} refused {doing} (HTTP {status})")


def _plain(error: Exception) -> str:
    """Say in words what requests says in nested representations of objects."""
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "the answer cannot be unpacked"
    text = str(error)
    for sign, meaning in (("refused", "connection refused: is the archive running?"), ("resolve", "unknown host")):
        if sign in text:
            return meaning
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return "the connection was dropped"
    return text
