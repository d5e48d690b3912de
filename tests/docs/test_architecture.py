# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The floors of docs/architecture.md are those of the code: a room imports from the floors below it."""

from __future__ import annotations

import re
from pathlib import Path

import monai_ddfm

PACKAGE = Path(monai_ddfm.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
EXCEPTIONS = {("denoising", "transforms"), ("transforms", "denoising"), ("maps", "rectifiers")}  # with why on the page


def floors() -> dict[str, int]:
    """Number of the floor of each room, by the page's table."""
    found, floor = {}, 0
    for number, room in re.findall(r"^    (\d)?\s+([a-z_]+(?:/|\.py))  ", PAGE.read_text(), flags=re.MULTILINE):
        floor = int(number or floor)
        if floor:
            found[room.removesuffix("/").removesuffix(".py")] = floor
    return {
        room: floor for room, floor in found.items() if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").exists()
    }


def test_every_room_has_a_floor() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__", "__main__"} == set(floors())


def test_a_room_imports_from_the_floors_below_it() -> None:
    floor, upwards = floors(), set()
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for taken in re.findall(r"^\s*(?:from|import) monai_ddfm\.(\w+)", file.read_text(), flags=re.MULTILINE):
            if {room, taken} <= set(floor) and taken != room and floor[taken] >= floor[room]:
                upwards.add((room, taken))
    assert upwards == EXCEPTIONS
