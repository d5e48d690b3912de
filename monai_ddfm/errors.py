# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The reason of a failure, out of the wrappings that frameworks put around it."""

from __future__ import annotations

import sys
from types import TracebackType

__all__ = ["reason_of", "say_reason_last"]


def reason_of(error: BaseException) -> BaseException:
    """Return the first error of a chain of ``raise RuntimeError(...) from error``, as MONAI wraps them."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def say_reason_last() -> None:
    """Print the reason of an uncaught error once more below its traceback, where a person looks first."""
    usual = sys.__excepthook__

    def print_reason(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        usual(kind, error, traceback)
        reason = reason_of(error)
        print(f"\nmonai_ddfm: {type(reason).__name__}: {reason}", file=sys.stderr)

    sys.excepthook = print_reason
