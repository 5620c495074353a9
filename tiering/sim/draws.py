"""Random draws that stay the same: raw PCG64 bits through transforms of our own.

NumPy promises the bits of a bit generator for ever, and the distributions of `Generator` only for a release. So the
bits are taken raw, and the few distributions that are needed are transformed here.

Every site (say, the guards of one unit) has a stream of its own, found by hashing seed, component and site. A unit
more or less, or another order of calls, then leaves all other draws as they were.

Guard failures are a property of the index of the call: the same calls fail under every controller, so two controllers
are compared on the same luck (common random numbers). They are drawn as gaps: one draw per failure and not a coin per
call, so that rare failures cost nothing. The indices are cut into blocks of about eight failures, each with a stream
of its own, so that a unit that was not in speculative code for a hundred million calls skips them in one step; a
geometric gap forgets where it began, so starting anew at each block changes no probability.

A largest index (`trace.RECORD`) is exceeded by the n-th of exchangeable continuous values with chance 1/n, whatever
their distribution (A. Renyi, *Theorie des elements saillants d'une suite d'observations*, 1962), so the next record
after the n-th trial comes later than the m-th with chance n/m.
"""

from __future__ import annotations

import hashlib
import math
from itertools import pairwise
from typing import Protocol

import numpy as np

from tiering.trace import RECORD, Failures

NEVER = 1 << 62
"""A call index that no program reaches."""

_PER_BLOCK = 8.0


def stream(seed: int, component: str, site: str) -> np.random.PCG64:
    """The bits of one site of one component; equal arguments give equal bits in any process."""
    digest = hashlib.sha256(f"{seed}\0{component}\0{site}".encode()).digest()
    return np.random.PCG64(int.from_bytes(digest, "big"))


def uniform(bits: np.random.PCG64) -> float:
    """The next number from [0, 1), from the top 53 bits of one raw draw."""
    return (int(bits.random_raw()) >> 11) * 2.0**-53


def normal(bits: np.random.PCG64) -> float:
    """The next standard normal number, from two raw draws (G. Box and M. Muller, 1958)."""
    radius = math.sqrt(-2.0 * math.log1p(-uniform(bits)))
    return radius * math.cos(2.0 * math.pi * uniform(bits))


def geometric(share: float, probability: float) -> int:
    """Trials up to and including the first success, for a `share` from [0, 1) of the distribution."""
    if probability >= 1.0:
        return 1
    return 1 + int(min(math.log1p(-share) / math.log1p(-probability), float(NEVER)))


class Process(Protocol):
    """When one bet of one unit fails."""

    def next(self, at: int) -> int:
        """The index of the first call, from `at` on, that fails; at least `NEVER` if none will. `at` never falls."""


def failures(seed: int, site: str, process: Failures) -> Process:
    """The failure process of a bet; `site` names the unit and the bet."""
    if process == RECORD:
        return Records(seed, site)
    if isinstance(process, tuple):
        return Phases(seed, site, process)
    return Rate(seed, site, float(process))


class Rate:
    """Each call fails with the same probability."""

    def __init__(self, seed: int, site: str, probability: float) -> None:
        self._seed = seed
        self._site = site
        self._probability = probability
        self._length = int(min(max(1.0, _PER_BLOCK / probability), 2.0**60)) if probability > 0.0 else NEVER
        self._block = -1
        self._in_block: list[int] = []

    def next(self, at: int) -> int:
        """The index of the first call, from `at` on, that fails."""
        if self._probability <= 0.0:
            return NEVER
        if self._probability >= 1.0:
            return at
        while True:
            block = at // self._length
            if block * self._length >= NEVER:
                return NEVER
            if block != self._block:
                self._block, self._in_block = block, self._draw(block)
            for index in self._in_block:
                if index >= at:
                    return index
            at = (block + 1) * self._length

    def _draw(self, block: int) -> list[int]:
        bits = stream(self._seed, "guard", f"{self._site}\0{block}")
        index = block * self._length - 1
        end = index + self._length
        drawn: list[int] = []
        while True:
            index += geometric(uniform(bits), self._probability)
            if index > end:
                return drawn
            drawn.append(index)


class Records:
    """A call fails when its value exceeds all values before it. The first call of all teaches the first maximum."""

    def __init__(self, seed: int, site: str) -> None:
        self._bits = stream(seed, "record", site)
        self._trial = 1
        self._next = self._after(1)

    def next(self, at: int) -> int:
        """The index of the first record at or after call `at`."""
        while self._next <= at:
            self._trial = self._next
            self._next = self._after(self._trial)
        return self._next - 1

    def _after(self, trial: int) -> int:
        share = 1.0 - uniform(self._bits)
        return int(min(trial / share, float(NEVER))) + 1


class Phases:
    """Another probability from certain calls on: a type that turns up late, a branch that comes alive."""

    def __init__(self, seed: int, site: str, phases: tuple[tuple[int, float], ...]) -> None:
        self._starts = [began for began, _ in phases] + [NEVER]
        self._rates = [Rate(seed, f"{site}\0phase {number}", p) for number, (_, p) in enumerate(phases)]

    def next(self, at: int) -> int:
        """The index of the first call, from `at` on, that fails."""
        for rate, (began, end) in zip(self._rates, pairwise(self._starts), strict=True):
            if at < end:
                found = rate.next(max(at, began))
                if found < end:
                    return found
        return NEVER
