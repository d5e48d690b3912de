# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""C-STORE into DCMTK's storescp, and into nodes that refuse."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from monai_ddfm.dicom.archive.node import DicomNode
from tests.dicom.shipped_study import FOLDERS
from tests.free_port import free_port

pynetdicom = pytest.importorskip("pynetdicom")
FILES = sorted(FOLDERS["PT"].glob("*.dcm"))[:4]
STORESCP = shutil.which("storescp")


@pytest.fixture
def storescp(tmp_path: Path) -> Iterator[tuple[DicomNode, Path]]:
    """DCMTK's storage service on a free port, and the folder that it stores in."""
    if STORESCP is None:
        pytest.skip("needs storescp (Debian: apt-get install dcmtk)")
    folder, port = tmp_path / "stored", free_port()
    folder.mkdir()
    process = subprocess.Popen([STORESCP, "-od", str(folder), "-aet", "STORE", str(port)])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield DicomNode("STORE", "127.0.0.1", port, timeout=5), folder
    finally:
        process.terminate()
        process.wait()


def test_every_instance_arrives(storescp: tuple[DicomNode, Path]) -> None:
    node, folder = storescp
    assert node.store(FILES) == [pydicom.dcmread(file).SOPInstanceUID for file in FILES]
    got = {pydicom.dcmread(file).SOPInstanceUID: pydicom.dcmread(file).PixelData for file in folder.iterdir()}
    assert got == {pydicom.dcmread(file).SOPInstanceUID: pydicom.dcmread(file).PixelData for file in FILES}
    assert node.store(FILES[:1]) == [pydicom.dcmread(FILES[0]).SOPInstanceUID]  # again


def test_a_node_that_is_down() -> None:
    with pytest.raises(ConnectionError, match=r"STORE@127\.0\.0\.1:\d+: no connection: is it running\?"):
        DicomNode("STORE", "127.0.0.1", free_port(), timeout=2).store(FILES)


@pytest.mark.parametrize(
    ("status", "error"), [(0xA700, "refused .* \\(status 0xa700 .*; 2 of 4 instances"), (0xB000, None)]
)
def test_a_node_that_refuses_the_third(status: int, error: str | None) -> None:
    seen: list[int] = []

    def answer(event) -> int:  # type: ignore[no-untyped-def]
        seen.append(1)
        return status if len(seen) == 3 else 0x0000

    entity = pynetdicom.AE()
    entity.supported_contexts = pynetdicom.StoragePresentationContexts
    port = free_port()
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(pynetdicom.evt.EVT_C_STORE, answer)])
    node = DicomNode("ANY", "127.0.0.1", port, timeout=5)
    try:
        if error is None:
            assert len(node.store(FILES)) == 4  # stored, with a remark
        else:
            with pytest.raises(OSError, match=error):
                node.store(FILES)
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    "address", ["host:104", "A@host", "A@host:0", "A@host:70000", "@host:1", "A" * 17 + "@h:1", ""]
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ValueError, match="expected TITLE@HOST:PORT"):
        DicomNode.at(address)


def test_an_address() -> None:
    node = DicomNode.at("ORTHANC@pacs.example:4242")
    assert (node.title, node.host, node.port) == ("ORTHANC", "pacs.example", 4242)
