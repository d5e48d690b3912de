# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What libraries say when memory runs out, in words that help."""

from __future__ import annotations

from monai_ddfm.inferers.memory import is_out_of_memory

__all__ = ["with_remedy"]

_SAID = (  # oneDNN, C++, ITK, Python
    "could not create a primitive",
    "bad_alloc",
    "Failed to allocate memory",
    "can't start new thread",
)


def with_remedy(error: BaseException, case: str) -> BaseException:
    """Return an error that comes of a lack of memory as one that says so and what to do; any other as it is.

    Args:
        error: of whatever library was at work.
        case: that was worked on.
    """
    if type(error) is MemoryError and str(error):
        return error  # of this package, which says it all
    said_so = isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID)
    if not (said_so or is_out_of_memory(error)):
        return error
    said = str(error).strip().splitlines()
    return MemoryError(
        f"{case}: not enough memory{f' ({said[0]})' if said else ''}; crop or resample its images, give a smaller slab "
        "or slices_per_batch, run fewer processes at once, or use a machine with more memory"
    )
