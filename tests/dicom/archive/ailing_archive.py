# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A small DICOMweb server on loopback whose answers a test scripts: it can refuse, fail, or hang up midway."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pydicom

Answer = Callable[[BaseHTTPRequestHandler], None]
BOUNDARY = "part"


@contextmanager
def ailing_archive(answers: dict[str, list[Answer]]) -> Iterator[str]:
    """Serve `answers`: for each ``"METHOD ending of the path"`` one answer after another, the last one for ever."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path = self.path.partition("?")[0]
            for route, scripted in answers.items():
                method, ending = route.split()
                if self.command == method and path.endswith(ending):
                    (scripted.pop(0) if len(scripted) > 1 else scripted[0])(self)
                    return
            self.send_error(404)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)  # seconds until it stops
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def status(code: int) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        swallow(handler)
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def said(content: object, code: int = 200) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        swallow(handler)
        send(handler, json.dumps(content).encode(), "application/dicom+json", code)

    return answer


def instances(files: list[Path]) -> Answer:
    """The answer to a query for a series' instances."""
    return said([{"00080018": {"vr": "UI", "Value": [pydicom.dcmread(file).SOPInstanceUID]}} for file in files])


def parts(files: list[Path], announced: float = 1.0, sent: float = 1.0) -> Answer:
    """The files as multipart, of which only the share `sent` comes; Content-Length announces the share `announced`."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(head + file.read_bytes() + b"\r\n" for file in files) + f"--{BOUNDARY}--\r\n".encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
        send(handler, body[: int(sent * len(body))], kind, length=int(announced * len(body)))
        handler.close_connection = True

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection in the middle of the request."""
    if handler.command == "POST":
        handler.rfile.read(100)
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def stored(handler: BaseHTTPRequestHandler) -> None:
    """Accept what is posted."""
    files = [part.partition(b"\r\n\r\n")[2] for part in _parts_of(swallow(handler), handler)]
    uids = [pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True).SOPInstanceUID for file in files]
    named = [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in uids]
    send(handler, json.dumps({"00081199": {"vr": "SQ", "Value": named}}).encode(), "application/dicom+json")


def _parts_of(body: bytes, handler: BaseHTTPRequestHandler) -> list[bytes]:
    return body.split(f"--{handler.headers.get_boundary()}".encode())[1:-1]


def send(handler: BaseHTTPRequestHandler, body: bytes, kind: str, code: int = 200, length: int | None = None) -> None:
    handler.send_response(code)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def swallow(handler: BaseHTTPRequestHandler) -> bytes:
    """Read the request's body."""
    return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
