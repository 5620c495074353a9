"""Machine profiles: round trip, and every rule once."""

from __future__ import annotations

import json

import pytest

from tiering import profile as profiles
from tiering.errors import InputError
from tiering.profile import Profile, TierCosts, UnitCosts

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
    assert profiles.broken_rule(profile) == rule
