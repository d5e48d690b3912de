# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which files a source is made of: a folder, a DICOMDIR, a zip, a file."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from monai_ddfm.dicom.instance_file import ZIP_SEPARATOR, read_instance
from monai_ddfm.io.existing import require_existing

__all__ = ["is_zip_name", "source_paths"]

_NAMED = 5


def is_zip_name(path: Path) -> bool:
    """Whether a file calls itself a zip."""
    return path.suffix.lower() == ".zip"


def source_paths(source: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the files of one folder (searched recursively), DICOMDIR, zip or file, sorted.

    What macOS leaves beside files (``._name``, ``__MACOSX``) is not among them.

    Raises:
        FileNotFoundError: the source, a file that a DICOMDIR lists, or the target of a link in a folder is not there.
        ValueError: a damaged zip, or a DICOMDIR that lists files outside its own folder.
    """
    path = Path(source)
    if ZIP_SEPARATOR in str(source) and not path.exists():
        yield str(source)
        return
    if path.is_symlink():
        require_existing(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: give a folder, a DICOMDIR, a zip or DICOM files")
    if path.is_dir():
        yield from _folder_paths(path)
    elif path.name.upper() == "DICOMDIR":
        yield from _dicomdir_paths(path)
    elif is_zip_name(path) or zipfile.is_zipfile(path):
        yield from _zip_paths(path)
    else:
        yield str(path)


def _is_left_over(parts: tuple[str, ...]) -> bool:
    return parts[-1].startswith("._") or "__MACOSX" in parts


def _folder_paths(folder: Path) -> Iterator[str]:
    files = sorted(path for path in folder.rglob("*") if not _is_left_over(path.relative_to(folder).parts))
    hanging = [path for path in files if not path.exists() and not path.name.startswith(".")]
    if hanging:
        listed = ", ".join(f"{path} -> {path.readlink()}" for path in hanging[:_NAMED])
        raise FileNotFoundError(
            f"{folder}: {len(hanging)} links lead to files that do not exist; fetch them, or remove the links: "
            f"{listed}{', ...' if len(hanging) > _NAMED else ''}"
        )
    yield from (str(path) for path in files if path.is_file())


def _zip_paths(path: Path) -> Iterator[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(member.filename for member in archive.infolist() if not member.is_dir())
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f"{path}: a damaged or truncated zip ({error}); copy or download it again") from error
    for member in members:
        if not _is_left_over(PurePosixPath(member).parts):
            yield f"{path}{ZIP_SEPARATOR}{member}"


def _dicomdir_paths(dicomdir: Path) -> Iterator[str]:
    try:
        records = read_instance(dicomdir).get("DirectoryRecordSequence") or []
    except Exception as error:  # pydicom raises whatever the broken bytes lead to
        raise ValueError(f"{dicomdir}: a damaged DICOMDIR ({error}); copy it again, or give its folder") from error
    # ReferencedFileID is one name, or the names of the folders and of the file
    ids = [record.ReferencedFileID for record in records if record.get("ReferencedFileID")]
    paths = [_inside(dicomdir, [one] if isinstance(one, str) else list(one)) for one in ids]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{dicomdir} lists {len(paths)} files, {len(missing)} of them are not there; copy the whole medium: "
            f"{', '.join(missing[:_NAMED])}{', ...' if len(missing) > _NAMED else ''}"
        )
    yield from (str(path) for path in sorted(paths))


def _inside(dicomdir: Path, names: list[str]) -> Path:
    """The file that a ReferencedFileID names; each of its parts is a plain name (PS3.10 8.2)."""
    for name in map(str, names):
        plain = name not in ("", ".", "..") and not set(name) & set("/\\\0")
        if not plain or PureWindowsPath(name).drive or PurePosixPath(name).is_absolute():
            raise ValueError(
                f"{dicomdir} lists the file {'/'.join(map(str, names))!r}, which need not lie in its folder: refused; "
                "give the folder of the images instead, if you trust it"
            )
    return dicomdir.parent.joinpath(*map(str, names))
