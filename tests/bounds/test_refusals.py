"""Each bound says for which machines and programs it holds, and is not to be had for others."""

from __future__ import annotations

import pytest

from tiering import bounds
from tiering.errors import InputError
from tiering.profile import Codegen, Machine, Pool, Profile, TierCosts
from tiering.trace import Call, Group, Program, Site, Speculation, Unit

FAST = Unit("f", 10, {"interpreter": 1.0, "compiled": 0.5})
PLAIN = Profile((TierCosts("interpreter", 1.0), TierCosts("compiled", 2.0)))
PROGRAM = Program("f", (FAST,), (Group((Call(0, 3),), 3),))
TWO_THREADS = Program("f", (FAST,), (Group((Call(0),), 3), Group((Call(0),), 3, 1)))


def tier(**costs):
    return PLAIN._replace(tiers=(PLAIN.tiers[0], TierCosts("compiled", 2.0, **costs)))


def machine(**around):
    return PLAIN._replace(machine=Machine(**around))


GUARDED = tier(speculative=True)._replace(deopt_seconds=0.1)
SPILLING = PLAIN._replace(codegen=Codegen(registers=2.0, spill_seconds=1.0))


@pytest.mark.parametrize(
    ("name", "program", "profile", "reason"),
    [
        ("lb1", PROGRAM, tier(osr=True), "tier 'compiled' replaces running loops (osr): take lb1_osr"),
        ("lb1_asked", PROGRAM, tier(osr=True), "replaces running loops"),
        ("lb_exact", PROGRAM, tier(osr=True), "replaces running loops"),
        ("lb2", PROGRAM, PLAIN, "compiles run beside the program"),
        ("lb2", PROGRAM, PLAIN._replace(background=False, compiler_threads=2), "2 compiler threads can work at once"),
        ("lb2", TWO_THREADS, PLAIN._replace(background=False), "2 threads work at once"),
        ("lb_cores", PROGRAM, PLAIN, "bounds no cores"),
        ("lb_queue", PROGRAM, tier(osr=True), "replaces running loops"),
        ("lb_queue", PROGRAM, tier(install_seconds=0.1), "loading code of tier 'compiled' stalls"),
        ("lb_queue", PROGRAM, PLAIN._replace(background=False), "compiles stop the program"),
        ("lb_queue", PROGRAM, machine(cores=1), "1 threads and 1 compiler threads share 1 cores"),
        ("lb_queue", PROGRAM, GUARDED, "deoptimizing stalls the program"),
        ("lb_queue", PROGRAM._replace(units=(FAST._replace(registers=4.0),)), SPILLING, "can be slower in tier"),
        ("lb_cache", PROGRAM, PLAIN, "compiles run beside the program"),
        ("lb_cache", PROGRAM, machine(cores=1), "the code cache has no limit"),
        ("lb_cache", TWO_THREADS, machine(cores=1), "the program has 2 threads"),
    ],
)
def test_a_bound_that_does_not_hold_is_refused(name, program, profile, reason):
    found = bounds.bound(name)
    assert reason in found.valid(program, profile)
    assert "take " in found.valid(program, profile)
    with pytest.raises(InputError, match=f"{name} is no bound for 'f' on this machine"):
        found.seconds(program, profile)
    assert name not in bounds.all_valid(program, profile)


def test_guards_that_cost_more_than_they_gain_make_a_tier_slower():
    bets = (Speculation("types", 0.0, guard_cost=1.5),)
    program = PROGRAM._replace(units=(FAST._replace(speculations=bets),))
    assert "can be slower" in bounds.bound("lb_queue").valid(program, tier(speculative=True))
    assert bounds.bound("lb_queue").valid(PROGRAM, tier(speculative=True)) is None


def test_lazy_deoptimization_stalls_too():
    program = PROGRAM._replace(units=(FAST._replace(sites=(Site("f"),)),))
    assert "deopt_seconds" in bounds.bound("lb_queue").valid(program, PLAIN._replace(deopt_seconds=0.1))
    assert bounds.bound("lb_queue").valid(PROGRAM, PLAIN._replace(deopt_seconds=0.1)) is None


def test_cores_enough_for_everybody_are_not_shared():
    assert bounds.bound("lb_queue").valid(PROGRAM, machine(cores=2)) is None
    assert bounds.bound("lb_queue").valid(TWO_THREADS, machine(cores=2)) is not None
    pools = machine(cores=3, pools=(Pool(2, ("compiled",)),))
    assert bounds.bound("lb_queue").valid(PROGRAM, pools) is None


def test_bounds_hold_wherever_nothing_speaks_against_them():
    everything = {"lb0", "lb1", "lb1_osr", "lb1_asked", "lb1_osr_asked"}
    assert set(bounds.all_valid(PROGRAM, PLAIN)) == {*everything, "lb_queue", "lb_exact"}
    assert set(bounds.all_valid(TWO_THREADS, machine(cores=1))) == {*everything, "lb2", "lb_cores", "lb_exact"}
    assert set(bounds.all_valid(PROGRAM, tier(osr=True))) == {"lb0", "lb1_osr", "lb1_osr_asked"}


def test_the_highest_bound_is_named():
    name, seconds = bounds.highest(PROGRAM, PLAIN)
    assert seconds == max(bounds.all_valid(PROGRAM, PLAIN).values())
    assert name in bounds.BOUNDS


def test_a_misspelt_bound_is_named_too():
    with pytest.raises(InputError, match="unknown bound 'lb_queu': did you mean 'lb_queue'"):
        bounds.bound("lb_queu")


def test_every_bound_says_what_it_is():
    assert all(bound.statement and bound.name == name for name, bound in bounds.BOUNDS.items())
    assert len({bound.statement for bound in bounds.BOUNDS.values()}) == len(bounds.BOUNDS)
