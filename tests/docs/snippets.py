# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The commands and Python lines that the documentation shows, as they stand there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "bundle/docs/README.md", "bundle/docs/prior.md")
PROGRAMS = (
    "monai-ddfm",
    "monai-ddfm-bids",
    "python",
    "torchrun",
    "make",
    "srun",
    "npx",
    "docker",
    "apptainer",
    "pip",
    "curl",
)

_FENCE = re.compile(r"(?P<remark><!-- not run: (?P<reason>.*?) -->\s*)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)
_INDENTED = re.compile(r"(?P<remark>^<!-- not run: (?P<reason>[^>]*?) -->\s*\n)?^(?P<text>(?:    .*\n)+)", re.MULTILINE)


class Snippet(NamedTuple):
    """A piece that a reader copies.

    Attributes:
        page: the page's name in the repository.
        kind: ``python`` or ``bash``.
        text: the lines.
        reason: why the tests do not run it; None where they do.
    """

    page: str
    kind: str
    text: str
    reason: str | None

    @property
    def commands(self) -> list[str]:
        """The commands of a bash piece, continued lines joined, without remarks."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [command for line in lines if (command := re.sub(r"\s+# .*", "", line).strip())]


def pages() -> list[str]:
    """Every page a reader sees, by its name in the repository."""
    return [*PAGES, *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md")))]


def snippets(page: str) -> list[Snippet]:
    """The pieces of a page, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = [(m.start(), m["kind"], m["text"], m["reason"]) for m in _FENCE.finditer(text)]
    bare = _FENCE.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), text)
    for match in _INDENTED.finditer(bare):
        if match["text"].split()[0] in PROGRAMS and "   ---" not in match["text"] and "+---" not in match["text"]:
            found.append((match.start(), "bash", textwrap.dedent(match["text"]), match["reason"]))
    return [Snippet(page, kind, text, reason) for _, kind, text, reason in sorted(found, key=lambda each: each[0])]
