"""Machine profiles: round trip, and every rule once."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering import profile as profiles
from tiering.errors import InputError
from tiering.profile import Codegen, Machine, Pool, Profile, TierCosts, UnitCosts, with_machine
from tiering.profile_rules import EVICTIONS, GUARD_FAILURES, PRIORITIES

PROFILE = Profile(
    (TierCosts("interpreter", 1.0), TierCosts("top", 90.5, 0.1, 1e-4, 4e-3, 12.0, speculative=True)),
    compiler_threads=3,
    background=False,
    ready_seconds=0.7,
    deopt_seconds=1e-5,
    backedge_seconds=2e-7,
    units={"adam/small/step": UnitCosts({"interpreter": 1e-3, "top": 1e-5}, {"top": 0.2}, {"top": 4096})},
    source="written by hand",
)


def plain():
    return {
        "format": "tiering-machine-profile",
        "version": 1,
        "tiers": [{"name": "a", "speed": 1}, {"name": "b", "speed": 2}],
    }


@pytest.fixture
def file(tmp_path):
    def make(value):
        path = tmp_path / "some.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    return make


def test_a_profile_survives_the_file(tmp_path):
    profiles.write(PROFILE, tmp_path / "p.json")
    assert profiles.read(tmp_path / "p.json") == PROFILE


shares = st.floats(0, 1)
seconds = st.floats(0, 1e9)
speeds = st.floats(1e-6, 1e9)


@st.composite
def machines(draw, pools):
    capacity = draw(st.none() | st.integers(1, 10**15))
    return Machine(
        draw(pools),
        draw(st.none() | st.integers(1, 4096)),
        draw(st.none() | st.integers(1, 10**9)),
        draw(st.integers(1, 10**15)),
        draw(st.sampled_from(PRIORITIES)),
        draw(st.none() | st.floats(1e-9, 1e9)),
        draw(seconds),
        capacity,
        draw(st.sampled_from(EVICTIONS if capacity else ("none",))),
        draw(st.none() | st.floats(1e-9, 1e9)),
        draw(st.sampled_from(GUARD_FAILURES)),
    )


@st.composite
def whole_profiles(draw):
    first = TierCosts("a", 1.0, code_bytes_per_size=draw(seconds), osr=draw(st.booleans()), profiling=draw(seconds))
    facts = (speeds, seconds, seconds, seconds, seconds, st.booleans(), st.booleans(), seconds, st.floats(0, 5), shares)
    tiers = (first, *(TierCosts(name, *map(draw, facts)) for name in "bc"))
    pools = st.sampled_from([(), (Pool(3),), (Pool(1, ("b",)), Pool(2, ("c",))), (Pool(7, ("c", "b")),)])
    stated = st.dictionaries(st.sampled_from("abc"), seconds)
    sizes = st.dictionaries(st.sampled_from("abc"), st.integers(0, 10**9))
    units = st.dictionaries(st.text("xy", max_size=2), st.builds(UnitCosts, stated, stated, sizes), max_size=2)
    return Profile(
        tiers,
        draw(st.integers(1, 1024)),
        True,
        *(draw(seconds) for _ in range(3)),
        draw(units),
        draw(st.text("source ")),
        draw(machines(pools)),
        Codegen(*map(draw, (seconds, seconds, shares, shares, seconds, seconds))),
    )


@given(whole_profiles())
def test_every_profile_survives_the_file(tmp_path_factory, profile):
    path = tmp_path_factory.getbasetemp() / "any.json"
    profiles.write(profile, path)
    assert profiles.read(path) == profile


def test_of_machine_and_codegen_only_what_was_changed_is_written(tmp_path):
    profiles.write(PROFILE._replace(machine=Machine(cores=1), codegen=Codegen(registers=3.0)), tmp_path / "p.json")
    written = json.loads((tmp_path / "p.json").read_text())
    assert (written["machine"], written["codegen"]) == ({"cores": 1}, {"registers": 3.0})


def test_without_pools_there_is_one_for_everything():
    assert PROFILE.pools() == (Pool(3),)
    assert PROFILE._replace(machine=Machine((Pool(1, ("top",)),))).pools() == (Pool(1, ("top",)),)


def test_a_minimal_profile_has_defaults(file):
    read = profiles.read(file(plain()))
    assert (read.compiler_threads, read.background, read.deopt_seconds, read.units) == (1, True, 0.0, {})


def test_the_reference_says_what_it_is_and_keeps_the_rules():
    reference = profiles.reference()
    assert [tier.name for tier in reference.tiers] == ["interpreter", "baseline", "optimized", "speculative"]
    assert [tier.speculative for tier in reference.tiers] == [False, False, False, True]
    speeds = [tier.speed for tier in reference.tiers]
    assert speeds == sorted(speeds)
    assert len(reference.source) > 100


@pytest.mark.parametrize("name", ["reference", "speculator", "conservative"])
def test_profiles_that_ship_are_read_by_name(name):
    found = profiles.named(name)
    assert found == profiles.read(name) == profiles.read(profiles.SHIPPED[name])
    assert len(found.source) > 100
    assert found.tiers[0].name == "interpreter"


def test_the_two_philosophies_differ_in_bets_and_not_in_the_quality_of_code():
    bold, careful = profiles.named("speculator"), profiles.named("conservative")
    assert [tier.name for tier in bold.tiers] == ["interpreter", "baseline", "optimized", "speculative"]
    assert [tier.name for tier in careful.tiers] == ["interpreter", "baseline", "optimized"]
    assert [tier.speed for tier in careful.tiers] == [tier.speed for tier in bold.tiers[:3]]
    assert bold.tiers[3].speed == bold.tiers[2].speed, "only bets make the speculative tier faster"
    assert (bold.tiers[1].profiling > 0.0, careful.tiers[1].profiling) == (True, 0.0)
    assert (bold.machine.guard_failure, bold.deopt_seconds) == ("discard", 2e-5)
    assert all(tier.osr for tier in bold.tiers[1:])
    assert not any(tier.speculative or tier.osr for tier in careful.tiers)
    assert (bold.backedge_seconds, bold.machine.cores) == (careful.backedge_seconds, careful.machine.cores)
    assert sum(pool.threads for pool in bold.pools()) == sum(pool.threads for pool in careful.pools())


@pytest.mark.parametrize("reading", [profiles.named, profiles.read])
def test_a_misspelt_name_is_told_the_nearest(reading):
    with pytest.raises(InputError, match="unknown machine profile 'speculater': did you mean 'speculator'"):
        reading("speculater")


def test_a_file_of_any_name_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "reference"):
        profiles.write(PROFILE, name)
    assert profiles.read("mine") == PROFILE
    assert profiles.read("./reference") == PROFILE
    assert profiles.read("reference") == profiles.reference()


def test_fields_of_the_machine_are_set_by_text():
    changed = with_machine(
        profiles.named("speculator"),
        [
            "cores=2",
            "queue_capacity=8",
            "stale_seconds=0.05",
            "eviction=lru",
            "code_capacity_bytes=65536",
            "code_capacity_bytes=1000",
            "pools=baseline:1,optimized+speculative:3",
            "deopt_seconds=1e-4",
            "compiler_threads=5",
        ],
    )
    assert changed.machine == Machine(
        (Pool(1, ("baseline",)), Pool(3, ("optimized", "speculative"))),
        cores=2,
        queue_capacity=8,
        stale_seconds=0.05,
        osr_seconds=2e-5,
        code_capacity_bytes=1000,
        eviction="lru",
    )
    assert (changed.deopt_seconds, changed.compiler_threads) == (1e-4, 5)


def test_none_takes_a_limit_away():
    changed = with_machine(profiles.named("speculator"), ["cores=none", "pools=none", "eviction=none"])
    assert (changed.machine.cores, changed.machine.pools, changed.machine.eviction) == (None, (), "none")
    assert with_machine(changed, ["background=false"]).background is False


def test_a_number_of_threads_is_a_pool_for_all_tiers():
    assert with_machine(PROFILE._replace(background=True), ["pools=4"]).pools() == (Pool(4),)


def test_every_field_of_the_machine_can_be_set():
    texts = {"priorities": "dequeue", "eviction": "flush", "guard_failure": "keep"}
    for name in Machine._fields:
        assignments = ["code_capacity_bytes=9", f"{name}={texts.get(name, 7)}"]
        changed = with_machine(PROFILE._replace(background=True), assignments).machine
        assert getattr(changed, name) == texts.get(name, (Pool(7),) if name == "pools" else 7)


BAD_ASSIGNMENTS = [
    ("cores", "machine 'cores': must be NAME=VALUE"),
    ("corse=1", "unknown field 'corse' of the machine: did you mean 'cores'?"),
    ("cores=0", "machine cores is 0: must be a whole number from 1 to 4096"),
    ("cores=two", "machine cores is 'two': must be a whole number from 1 to 4096"),
    ("cores=1.5", "machine cores is '1.5': must be a whole number from 1 to 4096"),
    ("queue_capacity=", "machine queue_capacity is '': must be a whole number from 1 to 1e9"),
    ("osr_seconds=-1", "machine osr_seconds is -1.0: must be a number from 0 to 1e9"),
    ("osr_seconds=none", "machine osr_seconds is 'none': must be a number from 0 to 1e9"),
    ("decay_seconds=nan", "machine decay_seconds is nan: must be a number from 0 to 1e9"),
    ("decay_seconds=0", "machine decay_seconds is 0.0: must be at least 1e-9"),
    ("priorities=random", "machine priorities is 'random': must be one of submission, dequeue"),
    ("eviction=lru", "machine eviction is 'lru': needs a code_capacity_bytes"),
    ("guard_failure=ignore", "machine guard_failure is 'ignore': must be one of discard, keep"),
    ("background=maybe", "background is 'maybe': must be true or false"),
    ("ready_seconds=soon", "ready_seconds is 'soon': must be a number from 0 to 1e9"),
    ("compiler_threads=0", "compiler_threads is 0: must be a whole number from 1 to 1024"),
    ("pools=", "machine pools is '': must be tiers and threads, as in c1:1,c2+c3:2"),
    ("pools=top:x", "machine pools is 'top:x': must be tiers and threads, as in c1:1,c2+c3:2"),
    ("pools=top:²", "machine pools is 'top:²': must be tiers and threads, as in c1:1,c2+c3:2"),
    ("pools=top:0", "threads of pool 0 is 0: must be a whole number from 1 to 1024"),
    ("pools=tip:1", "pool 0 serves tier 'tip': must be one of top"),
    ("pools=top:1,top:1", "pools serve top, top: must serve each of top exactly once"),
]


@pytest.mark.parametrize(("assignment", "rule"), BAD_ASSIGNMENTS, ids=[bad for bad, _ in BAD_ASSIGNMENTS])
def test_a_bad_assignment_is_named_with_field_value_and_rule(assignment, rule):
    with pytest.raises(InputError) as caught:
        with_machine(PROFILE._replace(background=True), [assignment])
    assert str(caught.value) == rule


@given(
    st.lists(
        st.sampled_from([*Machine._fields, "background", "x"]).flatmap(lambda n: st.text().map(f"{n}={{}}".format))
    )
)
def test_no_assignment_does_worse_than_an_input_error(assignments):
    with suppress(InputError):
        assert profiles.broken_rule(with_machine(PROFILE, assignments)) is None


BAD_FILES = [
    ("", "not a machine profile: it is not JSON"),
    ('{"format": "tiering-mach', "not a machine profile: it is not JSON"),
    ([], 'it must hold "format": "tiering-machine-profile"'),
    ({"format": "tiering-trace"}, 'it must hold "format": "tiering-machine-profile"'),
    ({**plain(), "version": 7}, "machine profile version 7; this tiering reads 1"),
    ({**plain(), "version": True}, "machine profile version True; this tiering reads 1"),
    ({**plain(), "source": "\ud800"}, "holds half a surrogate pair .* which is no text"),
    ({"format": profiles.FORMAT, "version": 1}, "not a machine profile .KeyError: 'tiers'"),
    ({**plain(), "tiers": None}, "not a machine profile .TypeError"),
    ({**plain(), "tiers": [{"name": "a", "speed": 1, "sped": 2}]}, "not a machine profile .TypeError.*sped"),
    ({**plain(), "machine": {"corse": 1}}, "not a machine profile .TypeError.*corse"),
    ({**plain(), "machine": "big"}, "not a machine profile .ValueError"),
    ({**plain(), "machine": {"pools": [3]}}, "not a machine profile .*Error"),
    ({**plain(), "machine": {"pools": [{"threads": 1, "tiers": 5}]}}, "not a machine profile .TypeError"),
    ({**plain(), "codegen": {"register": 1}}, "not a machine profile .TypeError.*register"),
    ({**plain(), "machine": {"cores": 0}}, "machine cores is 0: must be a whole number from 1 to 4096"),
    ({**plain(), "turbo": 1}, "a machine profile has no 'turbo'; it has tiers"),
    ({**plain(), "units": {"f": {"seconds": 3}}}, "not a machine profile .AttributeError"),
    ({**plain(), "tiers": plain()["tiers"][:1]}, "tiers holds 1 entries: must be 2 to 16"),
    ({**plain(), "tiers": plain()["tiers"] * 9}, "tiers holds 18 entries: must be 2 to 16"),
    ({**plain(), "tiers": plain()["tiers"] * 2}, "names must differ"),
    ({**plain(), "tiers": plain()["tiers"][::-1]}, "speed of tier 0 is 2: must be 1.0"),
]


@pytest.mark.parametrize(("value", "rule"), BAD_FILES, ids=range(len(BAD_FILES)))
def test_a_bad_file_ends_in_one_line_that_names_the_rule(file, value, rule):
    with pytest.raises(InputError, match=rule):
        profiles.read(file(value))


def test_a_missing_file_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        profiles.read(tmp_path / "missing")


def with_tier(**changes):
    return PROFILE._replace(tiers=(PROFILE.tiers[0], PROFILE.tiers[1]._replace(**changes)))


def with_first(**changes):
    return PROFILE._replace(tiers=(PROFILE.tiers[0]._replace(**changes), PROFILE.tiers[1]))


def with_unit(**changes):
    return PROFILE._replace(units={"f": UnitCosts(**changes)})


BROKEN = [
    (PROFILE._replace(compiler_threads=0), "compiler_threads is 0: must be a whole number from 1 to 1024"),
    (PROFILE._replace(compiler_threads=1.5), "compiler_threads is 1.5: must be a whole number from 1 to 1024"),
    (PROFILE._replace(ready_seconds=-1.0), "ready_seconds is -1.0: must be a number from 0 to 1e9"),
    (PROFILE._replace(deopt_seconds=float("nan")), "deopt_seconds is nan: must be a number from 0 to 1e9"),
    (PROFILE._replace(backedge_seconds=True), "backedge_seconds is True: must be a number from 0 to 1e9"),
    (PROFILE._replace(ready_seconds=10**400), "ready_seconds is 1" + "0" * 400 + ": must be a number from 0 to 1e9"),
    (with_tier(speed=0.0), "speed of tier 'top' is 0.0: must be a number from 1e-6 to 1e9"),
    (with_tier(speed=1e-320), "speed of tier 'top' is 1e-320: must be a number from 1e-6 to 1e9"),
    (with_tier(speed=1e10), "speed of tier 'top' is 10000000000.0: must be a number from 1e-6 to 1e9"),
    (with_tier(speed="fast"), "speed of tier 'top' is 'fast': must be a number from 1e-6 to 1e9"),
    (with_tier(compile_seconds=-0.1), "compile_seconds of tier 'top' is -0.1: must be a number from 0 to 1e9"),
    (with_tier(code_bytes_per_size=None), "code_bytes_per_size of tier 'top' is None: must be a number from 0 to 1e9"),
    (with_tier(profiling=-0.1), "profiling of tier 'top' is -0.1: must be a number from 0 to 1e9"),
    (with_tier(compile_spread=6.0), "compile_spread of tier 'top' is 6.0: must be a number from 0 to 5"),
    (with_tier(compile_failure=1.2), "compile_failure of tier 'top' is 1.2: must be a number from 0 to 1"),
    (with_tier(osr=1), "osr of tier 'top' is 1: must be true or false"),
    (with_tier(name=""), "name of tier 1 is '': must be a non-empty text"),
    (with_tier(name=3), "name of tier 1 is 3: must be a non-empty text"),
    (
        with_first(speculative=True),
        "speculative of tier 'interpreter' is true: tier 0 is where failed guards end, so it ",
    ),
    (
        with_first(compile_seconds=1.0),
        "compile_seconds of tier 'interpreter' is 1.0: must be 0, tier 0 is not compiled",
    ),
    (
        with_first(compile_failure=1.0),
        "compile_failure of tier 'interpreter' is 1.0: must be 0, tier 0 is not compiled",
    ),
    (PROFILE._replace(source=3), "source is 3: must be text"),
    (PROFILE._replace(background=1), "background is 1: must be true or false"),
    (
        PROFILE._replace(codegen=Codegen(light_compile=1.2)),
        "codegen light_compile is 1.2: must be a number from 0 to 1",
    ),
    (
        PROFILE._replace(codegen=Codegen(spill_reduction=2)),
        "codegen spill_reduction is 2: must be a number from 0 to 1",
    ),
    (PROFILE._replace(codegen=Codegen(call_seconds=-1)), "codegen call_seconds is -1: must be a number from 0 to 1e9"),
    (
        PROFILE._replace(machine=Machine(cores=2)),
        "background is false: a compile stops the program, so pools and more than one of cores make no sense",
    ),
    (
        with_unit(code_bytes={"top": 1.5}),
        "code_bytes of unit 'f' in top is 1.5: must be a whole number",
    ),
    (with_unit(seconds={"tip": 1.0}), "seconds of unit 'f' names tier 'tip'; there is interpreter, top"),
    (
        with_unit(compile_seconds={"top": -1}),
        "compile_seconds of unit 'f' in top is -1: must be a number from 0 to 1e9",
    ),
]


def test_a_good_profile_breaks_no_rule():
    assert profiles.broken_rule(PROFILE) is None


@pytest.mark.parametrize(("profile", "rule"), BROKEN, ids=[rule[:30] for _, rule in BROKEN])
def test_each_rule_names_field_and_value(profile, rule):
    assert profiles.broken_rule(profile).startswith(rule)
