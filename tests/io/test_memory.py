# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import platform
import subprocess
import sys

import numpy as np
import pytest

from monai_ddfm.io.memory import available_memory, peak_resident, resident

LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
from monai_ddfm.io.memory import available_memory
print(available_memory())
"""


def test_resident_memory_is_at_most_what_it_was_at_the_peak() -> None:
    before = resident()
    held = np.ones(8 << 20)  # 64 MiB
    assert resident() >= before + (32 << 20)
    assert 0 < resident() <= peak_resident()
    assert held.sum() == 8 << 20


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limits")
def test_a_limit_of_the_process_counts() -> None:
    said = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True).stdout
    free = available_memory()
    assert free is not None
    assert int(said) < min(4 << 30, free + (1 << 30))


KEPT = """
import resource, sys
from monai_ddfm.io.memory import keep_freed_memory
import numpy as np
if sys.argv[1] == "kept":
    keep_freed_memory()
np.ones(8 << 20)  # 64 MiB, made and freed
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(8 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is glibc's")
def test_freed_memory_is_used_again_without_the_kernel() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", KEPT, how], capture_output=True, text=True, check=True).stdout)
        for how in ("kept", "as it is")
    }
    assert faults["kept"] < faults["as it is"] / 10
