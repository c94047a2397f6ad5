# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all peers are timed with."""
import time


def timed(function, runs):
    function()
    out = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        out.append((time.perf_counter() - start) * 1e3)
    return out
