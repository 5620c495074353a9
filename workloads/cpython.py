"""What CPython's developers measured about their JIT's threshold, as data.

Source: issue 126795 of python/cpython, *Use a higher tier-up threshold for JIT code* (B. Bucher, November 2024). The
whole benchmark suite was run with the count of loop iterations that makes a trace set to `THRESHOLDS`, and compared
with the count 16 of that time; the default then became 4096. From 8192 on exponential back-off was off. All rows are
percent of the figure at 16: as published, that is a minus for fewer traces and uops (the JIT's instructions).

The uops row is not monotone (2048 loses more than 4096), so no law of hotness can meet all of it: it is noisy to at
least 0.4 points.
"""

FLOOR = 16
THRESHOLDS = (64, 256, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
TRACES_CREATED = (-8.0, -22.0, -38.6, -44.9, -52.2, -59.2, -65.2, -73.1, -79.7)
UOPS_EXECUTED = (0.2, -1.3, -1.5, -3.8, -3.1, -3.1, -4.7, -7.1, -9.2)
SPEEDUP = (0.3, 1.0, 1.2, 1.1, 2.1, 2.0, 2.0, 1.8, 1.4)
"""The whole suite's speed over that at 16, minus 1."""
