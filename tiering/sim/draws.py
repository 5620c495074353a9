"""Random draws that stay the same: raw PCG64 bits through transforms of our own.

NumPy promises the bits of a bit generator for ever, and the distributions of `Generator` only for a release. So the
bits are taken raw, and the one distribution that is needed is transformed here.

Every site (say, the guards of one unit) has a stream of its own, found by hashing seed, component and site. A unit
more or less, or another order of calls, then leaves all other draws as they were.

Guard failures are a property of the index of the call: the same calls fail under every controller, so two controllers
are compared on the same luck (common random numbers). They are drawn as gaps: one draw per failure and not a coin per
call, so that rare failures cost nothing, and skipping calls changes nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

import numpy as np

NEVER = 1 << 62
"""A call index that no program reaches."""


def stream(seed: int, component: str, site: str) -> np.random.PCG64:
    """The bits of one site of one component; equal arguments give equal bits in any process."""
    digest = hashlib.sha256(f"{seed}\0{component}\0{site}".encode()).digest()
    return np.random.PCG64(int.from_bytes(digest, "big"))


def uniform(bits: np.random.PCG64) -> float:
    """The next number from [0, 1), from the top 53 bits of one raw draw."""
    return (int(bits.random_raw()) >> 11) * 2.0**-53


def geometric(share: float, probability: float) -> int:
    """Trials up to and including the first success, for a `share` from [0, 1) of the distribution."""
    if probability >= 1.0:
        return 1
    return 1 + int(min(math.log1p(-share) / math.log1p(-probability), float(NEVER)))


def guard_failures(seed: int, unit: str, probability: float) -> Iterator[int]:
    """The indices (from 0, ascending, endless) of the calls of a unit at which speculative code would fail."""
    if probability > 0.0:
        bits = stream(seed, "guard", unit)
        index = -1
        while index < NEVER:
            index += geometric(uniform(bits), probability)
            yield index
    while True:
        yield NEVER
