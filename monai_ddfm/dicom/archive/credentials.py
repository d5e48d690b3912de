# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Who asks an archive: credentials from the environment or the address, never shown again."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import requests

__all__ = ["VARIABLES", "basic_authorization", "session_from", "split_credentials"]

_TOKEN, _USER, _PASSWORD = "DICOMWEB_TOKEN", "DICOMWEB_USER", "DICOMWEB_PASSWORD"
_CERTIFICATE, _KEY, _AUTHORITY = "DICOMWEB_CERT", "DICOMWEB_KEY", "DICOMWEB_CA"
VARIABLES = f"{_TOKEN}, or {_USER} and {_PASSWORD}, or {_CERTIFICATE} and {_KEY}"
"""The environment variables that say who asks, for messages."""


def split_credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """Part an address from the name and password in it.

    Raises:
        ValueError: no http(s) address, or one with a query (``?token=...``), which no root of a service has. The
            message shows neither.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            "a DICOMweb address begins with http:// or https:// and a host, e.g. http://host:8042/dicom-web"
        )
    if parts.query or parts.fragment:
        raise ValueError(f"a DICOMweb address is the root of a service, without ? or #; give a token in {_TOKEN}")
    user = None
    if "@" in parts.netloc:
        user = (unquote(parts.username or ""), unquote(parts.password or ""))
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return urlunsplit(bare).rstrip("/"), user


def basic_authorization(user: tuple[str, str]) -> str:
    """Return the Authorization header of a name and password (RFC 7617)."""
    return f"Basic {base64.b64encode(':'.join(user).encode()).decode()}"


def session_from(environment: Mapping[str, str]) -> requests.Session:
    """Return an HTTP session that identifies itself as the environment says.

    ``DICOMWEB_TOKEN`` is a bearer token; ``DICOMWEB_USER`` and ``DICOMWEB_PASSWORD`` are for basic authentication;
    ``DICOMWEB_CERT`` and ``DICOMWEB_KEY`` are PEM files of a client certificate (the key may be in the first);
    ``DICOMWEB_CA`` is a PEM file of the authorities that may vouch for the archive.

    Raises:
        FileNotFoundError: a file of these is not there.
        ValueError: a user without password, or a key without certificate.
    """
    files = {name: environment[name] for name in (_CERTIFICATE, _KEY, _AUTHORITY) if environment.get(name)}
    for name, file in files.items():
        if not Path(file).is_file():
            raise FileNotFoundError(f"{name}: no such file, {file}")
    if bool(environment.get(_USER)) != bool(environment.get(_PASSWORD)):
        raise ValueError(f"{_USER} and {_PASSWORD} go together; one of them is missing")
    if _KEY in files and _CERTIFICATE not in files:
        raise ValueError(f"{_KEY} is the key of a certificate, and {_CERTIFICATE} is missing")
    session = requests.Session()
    if environment.get(_TOKEN):
        session.headers["Authorization"] = f"Bearer {environment[_TOKEN]}"
    elif environment.get(_USER):
        session.headers["Authorization"] = basic_authorization((environment[_USER], environment[_PASSWORD]))
    if _CERTIFICATE in files:
        session.cert = (files[_CERTIFICATE], files[_KEY]) if _KEY in files else files[_CERTIFICATE]
    if _AUTHORITY in files:
        session.verify = files[_AUTHORITY]
    return session
