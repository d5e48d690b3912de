# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Results into an archive that speaks no DICOMweb: C-STORE (PS3.4 B), as every archive does."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pydicom

__all__ = ["DicomNode"]

_logger = logging.getLogger(__name__)
_WARNINGS = (0xB000, 0xB006, 0xB007)  # stored, with a remark
_ADDRESS = re.compile(r"(?P<title>[^@\\]{1,16})@(?P<host>[^@:]+|\[[^\]]+\]):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class DicomNode:
    """An application entity that stores instances.

    Attributes:
        title: its AE title, 1 to 16 characters.
        host: name or address.
        port: TCP port.
        calling_title: who we say we are; many archives know their callers by it.
        timeout: seconds to wait for a connection and for each answer.
    """

    title: str
    host: str
    port: int
    calling_title: str = "MONAI_DDFM"
    timeout: float = 30.0

    @classmethod
    def at(cls, address: str) -> DicomNode:
        """Return the node of an address ``TITLE@HOST:PORT``.

        Raises:
            ValueError: it is none.
        """
        parts = _ADDRESS.fullmatch(address)
        if parts is None or not 0 < int(parts["port"]) < 65536:
            raise ValueError(f"{address!r} is no DICOM node: expected TITLE@HOST:PORT, e.g. ORTHANC@localhost:4242")
        return cls(parts["title"].strip(), parts["host"].strip("[]"), int(parts["port"]))

    def __str__(self) -> str:
        return f"{self.title}@{self.host}:{self.port}"

    def store(self, files: Iterable[str | Path]) -> list[str]:
        """Store instances; storing the same again is safe, their UIDs are the same.

        Returns:
            SOPInstanceUID of each, in order; the node confirmed all.

        Raises:
            ConnectionError: no association, or it broke off.
            OSError: the node refuses an instance; the message says which, why, and how many it confirmed.
            ImportError: pynetdicom is not installed.
        """
        try:
            from pynetdicom import AE
        except ImportError as error:
            raise ImportError("C-STORE needs pynetdicom: pip install 'monai-ddfm[dimse]'") from error
        datasets = [pydicom.dcmread(file) for file in files]
        entity = AE(ae_title=self.calling_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = self.timeout
        for kind, syntax in sorted({(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in datasets}):
            entity.add_requested_context(kind, syntax)
        association = entity.associate(self.host, self.port, ae_title=self.title)
        if not association.is_established:
            reason = "it refuses the association (does it know us as " + self.calling_title + "?)"
            raise ConnectionError(f"{self}: {reason if association.is_rejected else 'no connection: is it running?'}")
        confirmed: list[str] = []
        try:
            for dataset in datasets:
                confirmed.append(self._store_one(association, dataset, len(confirmed), len(datasets)))
        finally:
            association.release()
        return confirmed

    def _store_one(self, association, dataset: pydicom.Dataset, confirmed: int, total: int) -> str:  # type: ignore[no-untyped-def] # pynetdicom's
        uid, so_far = str(dataset.SOPInstanceUID), f"{confirmed} of {total} instances are confirmed as stored"
        try:
            status = association.send_c_store(dataset)
        except (ValueError, RuntimeError) as error:  # no presentation context was accepted, or the association is gone
            raise OSError(f"{self} does not take {dataset.SOPClassUID.name}: {error}; {so_far}") from error
        code = status.get("Status")
        if code is None:
            raise ConnectionError(f"{self}: the association broke off, or no answer in time; {so_far}")
        if code in _WARNINGS:
            _logger.warning("%s stored %s with a remark (status %#06x)", self, uid, code)
        elif code != 0x0000:
            raise OSError(f"{self} refused {uid} (status {code:#06x} {status.get('ErrorComment', '')}); {so_far}")
        return uid
