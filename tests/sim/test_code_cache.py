"""Which code makes room for other code, worked out by hand: three units, room for two of them."""

from __future__ import annotations

import pytest

from tiering.profile import Machine, Profile, TierCosts
from tiering.protocol import Evicted, compile, evict, pin, stay
from tiering.sim import Simulation
from tiering.trace import Call, Group, Program, Unit

UNITS = tuple(Unit(name, 1, {"interpreter": 2.0, "fast": 1.0}) for name in "abc")


def program(order):
    groups = tuple(Group((Call("abc".index(name)),), 1) for name in order)
    return Program("by hand", UNITS, groups)


def machine(eviction, capacity=2):
    fast = TierCosts("fast", 2.0, compile_seconds=0.5, code_bytes_per_size=1.0)
    made = Machine(code_capacity_bytes=capacity, eviction=eviction)
    return Profile((TierCosts("interpreter", 1.0), fast), background=False, machine=made)


def eager(view):
    """Compiles at once and stops what it is at; answers evict questions with the letter of the unit as its rank."""
    if view.why == "evict":
        return evict("scripted", priority=float(ord(view.unit)))
    return (
        compile(1, "scripted") if view.tier == 0 and view.pending is None and view.why == "count" else stay("scripted")
    )


def evicted(scripted, order, eviction, answer=eager):
    controller = scripted(answer)
    simulation = Simulation(program(order), machine(eviction), controller)
    result = simulation.run()
    gone = "".join(event.unit for event in controller.events if isinstance(event, Evicted))
    assert result.evictions == len(gone)
    assert result.code_peak_bytes <= 2
    return gone, result, controller


def test_without_eviction_new_code_is_refused(scripted):
    gone, result, controller = evicted(scripted, "abc", "none")
    assert (gone, result.compiles, result.failures) == ("", 2, 1)
    assert controller.events[-1].message == "the code cache has no room"


def test_the_least_recently_called_goes(scripted):
    """`a` is called again before `c` wants room, so `b` goes; then `b` is made again and `a` goes."""
    assert evicted(scripted, "abac", "lru")[0] == "b"
    assert evicted(scripted, "abacb", "lru")[0] == "ba"


def test_the_coldest_since_its_installation_goes(scripted):
    """When `c` is made at 7.5 s, `a` has 5 calls in 7 s, `b` 1 in 1.5 s; with one call of `a` less it is the colder."""
    assert evicted(scripted, "aaaaabc", "hotness")[0] == "b"
    assert evicted(scripted, "aaabc", "hotness")[0] == "a"
    assert evicted(scripted, "aaaaabc", "lru")[0] == "a"


def test_flushing_drops_everything(scripted):
    assert evicted(scripted, "abc", "flush")[0] == "ab"


def test_the_controller_says_what_goes_first(scripted):
    gone, _, controller = evicted(scripted, "abc", "controller")
    assert gone == "b"
    assert [view.unit for view in controller.views if view.why == "evict"] == ["a", "b"]


def test_code_that_its_controller_pins_stays(scripted):
    def keeping(view):
        return pin("scripted") if view.why == "evict" else eager(view)

    gone, result, _ = evicted(scripted, "abc", "controller", keeping)
    assert (gone, result.failures) == ("", 1)


@pytest.mark.parametrize("controller", ["always", "threshold", "pi"])
def test_built_in_policies_give_up_code_when_they_are_asked(controller):
    from tiering import experiment

    options = ["code_capacity_bytes=10000", "eviction=controller"]
    row = experiment.simulate("thrashing", controller, size="small", machine=options)
    assert row.evictions > 0


def test_an_evicted_unit_is_asked_about_at_its_next_call(scripted):
    """Calls at 0.5, 2, 3.5 (each after its compile): `a` goes for `c` and is compiled again when it is called."""
    _, result, controller = evicted(scripted, "abca", "lru")
    assert [view.unit for view in controller.views if view.why == "count"] == ["a", "b", "c", "a"]
    assert (result.compiles, result.total_seconds) == (4, 4 * 1.5)


def test_two_threads_do_not_evict_each_others_code_for_ever(scripted):
    """Room for one: what a thread waits to enter stays, the other's code is refused, and both make their calls."""
    twins = Program("twins", UNITS, (Group((Call(0),), 3, 0), Group((Call(1),), 3, 1)))
    for profile in (machine("lru", 1), machine("flush", 1)._replace(background=True)):
        stalling = profile._replace(tiers=(profile.tiers[0], profile.tiers[1]._replace(install_seconds=0.1)))
        result = Simulation(twins, stalling, scripted(eager), max_decisions=50).run()
        assert result.calls == 6
