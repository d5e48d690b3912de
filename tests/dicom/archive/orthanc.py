# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A throw-away Orthanc with DICOMweb for tests, which nothing outside this process can reach."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
PORT = 8042
_CLONE_NEWNET = 0x40000000

needs_orthanc = pytest.mark.skipif(
    shutil.which("Orthanc") is None or not PLUGIN.exists() or shutil.which("ip") is None or os.geteuid() != 0,
    reason="needs root and Orthanc (Debian: apt-get install orthanc orthanc-dicomweb iproute2)",
)


@contextmanager
def private_network() -> Iterator[None]:
    """Move this thread, and what it starts, into a network namespace that has nothing but loopback.

    Orthanc needs_prior on all interfaces and cannot be told otherwise; here there is only one. The block ends in the
    namespace it began in.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as before:
        if libc.unshare(_CLONE_NEWNET):
            pytest.skip(f"no network namespace of our own: {os.strerror(ctypes.get_errno())}")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            if libc.setns(before.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "cannot go back to the network namespace")


@contextmanager
def running_orthanc(folder: Path, **settings: object) -> Iterator[str]:
    """Start Orthanc with an empty database in `folder`; yield the root of its DICOMweb service; stop it."""
    configuration = {
        "Name": "test",
        "StorageDirectory": str(folder / "database"),
        "IndexDirectory": str(folder / "database"),
        "HttpPort": PORT,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **settings,
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    log = (folder / "orthanc.log").open("w")
    server = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{PORT}/system", server, folder / "orthanc.log")
        yield f"http://127.0.0.1:{PORT}/dicom-web"
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        try:
            requests.get(address, timeout=1)
            return
        except requests.ConnectionError:
            if server.poll() is not None:
                break
            time.sleep(0.25)
    raise RuntimeError(f"Orthanc did not start: {log.read_text()[-2000:]}")
