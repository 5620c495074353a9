"""The classics carry the bets of the zoo: enough kernels for each, and enough on which none pays."""

from __future__ import annotations

from collections import Counter

import pytest
from tiering.workloads import zoo
from tiering.workloads.kernel import BETS

CLASSICS = list(zoo.kernels("classics"))


def test_at_least_twenty_kernels_are_natural_for_some_bet_and_ten_for_none() -> None:
    assert sum(bool(kernel.bets) for kernel in CLASSICS) >= 20
    assert sum(not kernel.bets for kernel in CLASSICS) >= 10


@pytest.mark.parametrize("bet", [bet for bet in BETS if bet != "stable_types"])
def test_every_bet_is_natural_on_two_kernels_at_least(bet: str) -> None:
    assert Counter(name for kernel in CLASSICS for name in kernel.bets)[bet] >= 2


def test_a_kernel_without_bets_says_why() -> None:
    words = ("no bet pays", "idle", "loses", "slower", "brings nothing")
    assert all(any(word in kernel.summary for word in words) for kernel in CLASSICS if not kernel.bets)
