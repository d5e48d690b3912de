# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A Siemens CSA header (version SV10) of given values, as bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence


def csa_header(values: Mapping[str, Sequence[float]]) -> bytes:
    parts = [b"SV10\x04\x03\x02\x01", struct.pack("<II", len(values), 77)]
    for name, numbers in values.items():
        items = [f"{number:.8f}".encode() + b"\0" for number in numbers]
        parts.append(struct.pack("<64si4siii", name.encode(), len(items), b"FD", 4, len(items), 77))
        for item in items:
            parts += [struct.pack("<iiii", len(item), len(item), 77, len(item)), item, b"\0" * (-len(item) % 4)]
    return b"".join(parts)
