# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fetch the viewer of the report again, the version that is written down, and verify it: ``python .ci/niivue.py``.

For another version write its number into ``niivue.json`` first; what is fetched then is refused, and its checksum said.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "monai_ddfm" / "report" / "vendor"


def main() -> int:
    """Replace the vendored file by the one that npm has, if that has the checksum; returns the exit code."""
    wanted = json.loads((VENDOR / "niivue.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"{wanted['package']}@{wanted['version']}"], cwd=folder, check=True)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            member = archive.extractfile(f"package/{wanted['member']}")
            if member is None:
                raise FileNotFoundError(f"{wanted['package']} {wanted['version']} has no {wanted['member']}")
            content = member.read()
    found = hashlib.sha256(content).hexdigest()
    if found != wanted["sha256"]:
        print(f"{wanted['package']} {wanted['version']}: SHA-256 {found}, expected {wanted['sha256']}", file=sys.stderr)
        return 1
    (VENDOR / Path(wanted["member"]).name).write_bytes(content)
    print(f"{wanted['package']} {wanted['version']}: verified")
    return 0


if __name__ == "__main__":
    sys.exit(main())
