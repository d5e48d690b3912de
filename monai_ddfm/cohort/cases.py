# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which files belong to a case, and a dataset that says which case failed."""

from __future__ import annotations

import os
import re
import reprlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.data import Dataset

from monai_ddfm.errors import named, reason_of
from monai_ddfm.io.endings import image_ending, image_stem
from monai_ddfm.io.json_file import read_json

__all__ = ["FAULT", "CaseDataset", "find_cases"]

FAULT = "fault"
_LONGEST_NAME = 200  # bytes; file systems take 255, and the names of results go on behind it


def _is_source(path: Path) -> bool:
    return not path.name.startswith(".") and (path.is_dir() or image_ending(path) is not None)


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def _speaks_of(stem: str, key: str) -> bool:
    """Whether the words of `key` stand together in `stem`: ``MR`` in ``MR_T1``, ``MR_T1`` in ``p01_MR_T1_reg``."""
    words, wanted = _words(stem), _words(key)
    return any(words[first : first + len(wanted)] == wanted for first in range(len(words) - len(wanted) + 1))


def _source_of(folder: Path, key: str) -> Path | None:
    """The one image in `folder` that `key` names; a file named exactly so comes before others that contain it.

    Raises:
        ValueError: several fit.
    """
    fitting = [path for path in sorted(folder.iterdir()) if _is_source(path) and _speaks_of(image_stem(path), key)]
    exact = [path for path in fitting if _words(image_stem(path)) == _words(key)]
    found = exact or fitting
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(
            f"{folder}: {key!r} may be any of {names}; give a name that fits one, e.g. {image_stem(found[0])}"
        )
    return found[0] if found else None


def _case_of(folder: Path, keys: Sequence[str]) -> dict[str, str]:
    found = {key: _source_of(folder, key) for key in keys}
    return {key: str(path) for key, path in found.items() if path is not None}


def _cases_in_folder(dataset_dir: Path, keys: Sequence[str]) -> list[dict[str, str]]:
    """The folder itself as one case, or each of its folders as one."""
    folders = [dataset_dir] if _case_of(dataset_dir, keys) else sorted(p for p in dataset_dir.iterdir() if p.is_dir())
    cases = [{"case": folder.resolve().name, **found} for folder in folders if (found := _case_of(folder, keys))]
    for case in cases:
        missing = [key for key in keys if key not in case]
        if missing:
            case[FAULT] = (
                f"{dataset_dir}: case {case['case']} has no image named {', '.join(missing)}. A case is a folder that "
                f"holds {', '.join(keys)}, e.g. {keys[0]}.nii.gz; change anchor and sources, or add what is missing"
            )
    if not cases:
        raise FileNotFoundError(
            f"{dataset_dir}: no case found; expected {', '.join(f'{key}.nii.gz' for key in keys)} in it or in each of "
            "its folders (names may have more words, MR_T1.nii.gz fits MR)"
        )
    return cases


def _cases_in_datalist(datalist: Path, dataset_dir: Path, keys: Sequence[str]) -> list[dict[str, str]]:
    """Entries of a JSON list, or of MONAI's ``{"testing": [...]}``; relative paths start at `dataset_dir`."""
    form = f'{{"case": name, "{keys[0]}": path, ...}}'
    content = read_json(datalist, f"a list of {form}")
    entries = content.get("testing") if isinstance(content, Mapping) else content
    if not isinstance(entries, list) or not entries:
        raise ValueError(f'{datalist}: expected a list of cases, or {{"testing": [...]}}')
    cases = []
    for number, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            raise ValueError(f"{datalist}: entry {number} is {reprlib.repr(entry)}, expected {form}")
        missing = [key for key in keys if not isinstance(entry.get(key), str) or not entry[key]]
        if missing:
            raise ValueError(
                f"{datalist}: entry {number} has no path for {', '.join(missing)}; it has {named(entry)}, "
                f"expected {form}"
            )
        name = entry.get("case", f"case_{number:04d}")
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise ValueError(f"{datalist}: entry {number} has the case {reprlib.repr(name)}, expected a name")
        cases.append({"case": str(name), **{key: str(dataset_dir / entry[key]) for key in keys}})
    return cases


def find_cases(
    dataset_dir: str | Path, keys: Sequence[str], datalist: str | Path | None = None
) -> list[dict[str, str]]:
    """Return one ``{"case": name, key: path, ...}`` for each case.

    A case that lacks a file stays in the list with a ``fault`` that says so: it is reported when its turn comes, and
    does not stop the others.

    Args:
        dataset_dir: a folder of cases (one folder each), or the folder of one case.
        keys: names of the anchor and the other sources: words of the file's name, case does not matter. A source may
            also be a folder (a DICOM series).
        datalist: JSON with a list of ``{"case": name, key: path, ...}``; paths are relative to `dataset_dir`.

    Raises:
        FileNotFoundError: there is no such folder or datalist, no case, or no case whose files are all there.
        ValueError: fewer than two sources or one named twice, a name that fits several files, cases of the same name,
            or a datalist of another form.
    """
    dataset_dir = Path(dataset_dir)
    if len(keys) < 2 or len(set(keys)) < len(keys):
        raise ValueError(f"fusion takes an anchor and at least one other source, each once; got {', '.join(keys)}")
    if not dataset_dir.is_dir():
        raise FileNotFoundError(f"{dataset_dir}: no such folder; dataset_dir must be a folder of cases")
    if datalist is None:
        cases = _cases_in_folder(dataset_dir, keys)
    else:
        if not isinstance(datalist, str | os.PathLike) or not str(datalist):
            raise ValueError(f"datalist must be the path of a JSON file, or null; got {reprlib.repr(datalist)}")
        if not os.path.isfile(datalist):
            raise FileNotFoundError(f"{datalist}: no such datalist; give a JSON file")
        cases = _cases_in_datalist(Path(datalist), dataset_dir, keys)
    _require_distinct([case["case"] for case in cases], str(datalist or dataset_dir))
    for case in cases:
        # os.path's own: a name that no file can have is none
        absent = [key for key in keys if key in case and not os.path.exists(case[key])]
        if absent:
            case[FAULT] = f"{case[absent[0]]}: no such file (the {absent[0]} of case {case['case']})"
    faults = [case[FAULT] for case in cases if FAULT in case]
    if len(faults) == len(cases):
        raise FileNotFoundError("; ".join(faults))
    return cases


def _require_distinct(names: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:  # some file systems know no capitals
            raise ValueError(
                f"{where}: two cases are named {name!r}, capitals aside: their results would have the same names; "
                "rename one"
            )
        if not _names_a_file(name) or name.casefold() in ("", ".", "..", "summary"):
            raise ValueError(
                f"{where}: a case cannot be named {name[:_LONGEST_NAME]!r}: results are files of that name; rename it"
            )
        seen.add(name.casefold())


def _names_a_file(name: str) -> bool:
    """Whether a file in the output folder can be named so, without folders, control characters or lone surrogates."""
    if Path(name).name != name or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        return False
    return len(name.encode()) <= _LONGEST_NAME


class CaseDataset(Dataset):
    """A MONAI dataset of cases whose errors are the reason itself, not MONAI's "applying transform ..."."""

    def _transform(self, index: int) -> Any:
        if FAULT in self.data[index]:
            raise FileNotFoundError(self.data[index][FAULT])
        try:
            return super()._transform(index)
        except RuntimeError as error:
            raise reason_of(error) from None
