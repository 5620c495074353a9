"""Belady's rule against its example, every other rule on small cases, and LRU; the bound that follows from it."""

from __future__ import annotations

import random
from collections import OrderedDict
from functools import cache

import pytest

from tiering import bounds
from tiering.bounds import Accesses, belady
from tiering.errors import InputError
from tiering.profile import Machine, Profile, TierCosts
from tiering.trace import Call, Group, Program, Unit


def fewest_misses(accesses, size, bypass):
    """By trying every victim."""

    @cache
    def after(place, inside):
        if place == len(accesses):
            return 0
        item = accesses[place]
        if item in inside:
            return after(place + 1, inside)
        if len(inside) < size:
            return 1 + after(place + 1, inside | {item})
        choices = [inside - {victim} | {item} for victim in inside]
        if bypass:
            choices.append(inside)
        return 1 + min(after(place + 1, choice) for choice in choices)

    return after(0, frozenset())


def lru_misses(accesses, size):
    inside, misses = OrderedDict(), 0
    for item in accesses:
        misses += item not in inside
        inside[item] = None
        inside.move_to_end(item)
        if len(inside) > size:
            inside.popitem(last=False)
    return misses


def test_the_published_example():
    """A B C A B, size 2 (Caffeine's clairvoyant policy): C is not worth keeping."""
    assert belady("ABCAB", 2) == Accesses(hits=2, misses=3, evictions=1)


def test_without_bypass_something_must_make_room():
    """C has to come in. B, whose next use is later, goes; A hits, and B comes in again."""
    assert belady("ABCAB", 2, bypass=False) == Accesses(hits=1, misses=4, evictions=2)


def test_a_cache_that_holds_everything_misses_once_each():
    assert belady("ABCABC", 3) == Accesses(3, 3, 0)
    assert belady("", 1) == Accesses(0, 0, 0)


@pytest.mark.parametrize("bypass", [True, False])
def test_no_choice_of_victims_misses_less(bypass):
    draw = random.Random(3)
    for _ in range(300):
        accesses = tuple(draw.choice("ABCDE") for _ in range(draw.randint(0, 12)))
        size = draw.randint(1, 4)
        found = belady(accesses, size, bypass=bypass)
        assert found.misses == fewest_misses(accesses, size, bypass)
        assert found.hits + found.misses == len(accesses)
        assert found.evictions == found.misses - min(size, len(set(accesses)))
        assert found.misses <= lru_misses(accesses, size)


def test_a_cache_of_nothing_is_refused():
    with pytest.raises(InputError, match="a cache of size 0: must hold at least 1 item"):
        belady("AB", 0)


def recompiling(capacity, **machine):
    """A B C A B, one second interpreted and none compiled; compiles take half a second; code of 10 bytes."""
    tiers = (TierCosts("interpreter", 1.0), TierCosts("compiled", 10.0, 0.5, code_bytes_per_size=1.0))
    profile = Profile(tiers, background=False, machine=Machine(code_capacity_bytes=capacity, eviction="lru", **machine))
    units = tuple(Unit(name, 10, {"interpreter": 1.0, "compiled": 0.0}) for name in "ABC")
    return Program("A B C A B", units, tuple(Group((Call("ABC".index(name)),), 1) for name in "ABCAB")), profile


def test_each_miss_costs_a_compile_or_an_interpreted_call():
    """Three misses at half a second; with room for one, A is kept and the other four miss."""
    assert bounds.bound("lb_cache").seconds(*recompiling(29)) == 1.5
    assert bounds.bound("lb_cache").seconds(*recompiling(19)) == 2.0
    assert bounds.bound("lb2").seconds(*recompiling(19)) == 1.5


def test_code_of_different_sizes_is_refused():
    program, profile = recompiling(29)
    program = program._replace(units=(program.units[0]._replace(size=11), *program.units[1:]))
    assert "different or unknown sizes" in bounds.bound("lb_cache").valid(program, profile)
    unlimited = profile._replace(machine=Machine())
    assert "no limit" in bounds.bound("lb_cache").valid(program, unlimited)
