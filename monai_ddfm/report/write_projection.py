# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Projections on disk: a PNG from the front, a GIF or an MP4 that turns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from monai_ddfm.extras import require_extra
from monai_ddfm.intended_use import NOT_DIAGNOSTIC
from monai_ddfm.io.atomic import atomic_file

__all__ = ["FORMATS", "as_frames", "write_projection"]

FORMATS = ("png", "gif", "mp4")
_MP4 = ["-metadata", f"comment={NOT_DIAGNOSTIC}", "-f", "mp4"]


def as_frames(views: Tensor, window: tuple[float, float]) -> NDArray[np.uint8]:
    """Return views ``[N, 1 or 3, rows, columns]`` as pictures ``[N, rows, columns, 3]``, black to white at `window`."""
    low, high = window
    scaled = ((views - low) / ((high - low) or 1.0)).clamp(0.0, 1.0) * 255.0
    return scaled.round().byte().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().numpy()


def write_projection(
    frames: NDArray[np.uint8], path: str | Path, per_second: float = 12.0, overwrite: bool = False
) -> Path:
    """Write pictures by the ending of `path`: the first as PNG, all as GIF or MP4 (H.264); the comment says what for.

    Args:
        frames: ``[N, rows, columns, 3]``.
        path: ends in ``.png``, ``.gif`` or ``.mp4``.
        per_second: pictures.
        overwrite: replace an existing file.

    Returns:
        the path.

    Raises:
        FileExistsError: `path` exists and `overwrite` is off.
        ImportError: an MP4 without the extra ``video``.
        ValueError: another ending.
    """
    path = Path(path)
    ending = path.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise ValueError(f"{path}: cannot write such a file; use {', '.join(FORMATS)}")
    if ending == "mp4":
        require_extra("video", "imageio_ffmpeg")
    with atomic_file(path, overwrite) as partial:
        if ending == "mp4":
            _write_film(frames, partial, per_second)
        else:
            first, *others = (Image.fromarray(frame) for frame in frames)
            said = PngInfo()
            said.add_text("Comment", NOT_DIAGNOSTIC)
            turning = {"save_all": True, "append_images": others, "duration": 1000.0 / per_second, "loop": 0}
            gif = ending == "gif"
            first.save(
                partial, ending.upper(), **({**turning, "comment": NOT_DIAGNOSTIC} if gif else {"pnginfo": said})
            )
    return path


def _write_film(frames: NDArray[np.uint8], path: Path, per_second: float) -> None:
    import imageio_ffmpeg

    # H.264 wants even sides
    even = np.pad(frames, [(0, 0), (0, frames.shape[1] % 2), (0, frames.shape[2] % 2), (0, 0)])
    film = imageio_ffmpeg.write_frames(
        str(path), (even.shape[2], even.shape[1]), fps=per_second, macro_block_size=2, output_params=_MP4
    )
    film.send(None)
    for frame in even:
        film.send(np.ascontiguousarray(frame))
    film.close()
