# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A port of this machine that nobody needs_prior at."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return its number."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
