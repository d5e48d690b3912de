# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What the containers' recipes name is there; they are built only where a daemon runs."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTAINERS = ROOT / "containers"


def test_what_is_copied_is_there_and_what_is_started_is_a_console_script() -> None:
    docker, apptainer = ((CONTAINERS / name).read_text() for name in ("Dockerfile", "apptainer.def"))
    copied = [name for line in re.findall(r"^COPY (?!--from)(.+)$", docker, re.MULTILINE) for name in line.split()[:-1]]
    listed = re.findall(r"^    (\S+) /source/\S+$", apptainer, re.MULTILINE)
    assert len(copied) == len(listed) == 7
    assert sorted(copied) == sorted(listed)
    assert all((ROOT / name).exists() for name in copied)
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    scripts = re.findall(r"^(\S+) =", setup["options.entry_points"]["console_scripts"], re.MULTILINE)
    assert "monai-ddfm-bids" in scripts
    assert 'ENTRYPOINT ["monai-ddfm-bids"]' in docker
    assert "exec monai-ddfm-bids" in apptainer
    assert re.search(r"^torch==\S+$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)  # whose version both take
