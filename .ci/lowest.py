# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Print the lowest versions that setup.cfg names, as constraints for pip: ``python .ci/lowest.py > lowest.txt``."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

SETUP = Path(__file__).parents[1] / "setup.cfg"


def lowest_versions(setup: Path = SETUP) -> list[str]:
    """Return ``name==version`` for each ``name>=version`` of the requirements and the extras, sorted.

    Raises:
        ValueError: one distribution has two lowest versions; names both.
    """
    config = ConfigParser()
    config.read(setup)
    lists = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    lines = {line.replace(">=", "==") for text in lists for line in text.splitlines() if ">=" in line}
    names = [line.partition("==")[0].lower() for line in lines]
    twice = sorted(line for line in lines if names.count(line.partition("==")[0].lower()) > 1)
    if twice:
        raise ValueError(f"{setup}: a distribution has one lowest version, found {', '.join(twice)}")
    return sorted(lines, key=str.lower)


if __name__ == "__main__":
    print("\n".join(lowest_versions()))
