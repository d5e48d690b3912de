# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

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
