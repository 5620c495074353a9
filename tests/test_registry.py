"""Names: built-ins without a scan, other people's by entry point, settings from text."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest
import tiering.controllers
import tiering.workloads

from tiering import registry
from tiering.errors import InputError
from tiering.protocol import parameter, stay


@dataclass
class Odd:
    """Somebody's controller with a flag and a word."""

    flag: bool = False
    word: str = parameter("a", "", "the first letter")
    loud: bool = parameter(False, "", "quiet is polite")

    reasons = ("odd",)

    def start(self, setup):
        pass

    def decide(self, view):
        return stay("odd")

    def record(self, event):
        pass


@pytest.fixture
def plug_in(monkeypatch):
    """Pretend that a distribution is installed which brings these entry points."""

    def install(**points):
        made = [EntryPoint(name, value, "tiering.controllers") for name, value in points.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: made if group == "tiering.controllers" else [])

    return install


@pytest.fixture
def no_scan(monkeypatch):
    def forbidden(group):
        raise AssertionError(f"entry points of {group} were scanned")

    monkeypatch.setattr(registry, "entry_points", forbidden)


def test_the_static_tables_name_what_there_is():
    for table in (registry.CONTROLLERS, registry.WORKLOADS):
        for name in table.static:
            assert table.load(name) is not None
    assert set(registry.WORKLOADS.static) == {*tiering.workloads.BUILTIN, *registry.SYNTHETIC}
    assert all(registry.WORKLOADS.load(name).name == name for name in registry.WORKLOADS.static)


def test_a_built_in_is_found_without_a_scan(no_scan):
    assert registry.controller("pi").setpoint == 0.3
    assert registry.WORKLOADS.load("adam").name == "adam"


def test_a_controller_is_new_each_time():
    assert registry.controller("pi") is not registry.controller("pi")


def test_an_entry_point_is_found_by_its_name(plug_in):
    plug_in(odd=f"{__name__}:Odd", aardvark=f"{__name__}:Odd")
    registry.CONTROLLERS.load("pi")
    assert registry.CONTROLLERS.names() == [*registry.CONTROLLERS.static, "aardvark", "odd"]


def test_an_entry_point_never_replaces_a_built_in(plug_in):
    plug_in(pi="nowhere:Pi")
    assert registry.CONTROLLERS.names() == list(registry.CONTROLLERS.static)
    assert type(registry.controller("pi")).__name__ == "Pi"


@pytest.mark.parametrize("value", ["no_such_module_anywhere:X", "tiering.errors:no_such_name"])
def test_an_entry_point_that_cannot_be_loaded_is_named(plug_in, value):
    plug_in(broken=value)
    with pytest.raises(InputError, match=f"controller 'broken' cannot be loaded from {value} \\("):
        registry.controller("broken")


def test_an_unknown_name_comes_with_the_nearest_one(plug_in):
    plug_in(cautious=f"{__name__}:Odd")
    with pytest.raises(InputError, match="unknown controller 'cautius': did you mean 'cautious'"):
        registry.controller("cautius")
    with pytest.raises(InputError, match=r"unknown workload 'xyzzy': there is adam, .*lbfgs"):
        registry.WORKLOADS.load("xyzzy")


def test_settings_are_checked_by_name_and_range():
    assert registry.controller("pi", {"kp": 2}).kp == 2
    with pytest.raises(InputError, match="unknown parameter 'kq' of controller 'pi': did you mean"):
        registry.controller("pi", {"kq": 2})
    with pytest.raises(InputError, match="kp=-1: must be a number from 0 to 100"):
        registry.controller("pi", {"kp": -1})


def test_text_becomes_what_the_default_is(monkeypatch):
    assert registry.settings_from_text("pi", ["kp=2", "count = 7", "hold=delay"]) == {
        "kp": 2.0,
        "count": 7,
        "hold": "delay",
    }
    monkeypatch.setitem(registry.CONTROLLERS.static, "odd", f"{Odd.__module__}:Odd")
    monkeypatch.setattr(registry.importlib, "import_module", lambda name: __import__("types").SimpleNamespace(Odd=Odd))
    assert registry.settings_from_text("odd", ["word=x=y", "loud=False"]) == {"word": "x=y", "loud": False}
    assert registry.settings_from_text("odd", ["loud=True"]) == {"loud": True}


def test_settings_for_several_controllers():
    names = ["pi", "threshold", "never"]
    assert registry.settings_for_each(names, ["count=9", "pi.count=8", "threshold.growth=2"]) == {
        "pi": {"count": 8},
        "threshold": {"count": 9, "growth": 2.0},
        "never": {},
    }
    for text, complaint in {
        "never.count=1": "unknown parameter 'count' of controller 'never': there is nothing",
        "oracle.retries=1": "unknown controller 'oracle': there is never, pi, threshold",
        "setpiont=1": "did you mean 'setpoint'",
        "count": "must be name=value",
    }.items():
        with pytest.raises(InputError, match=complaint):
            registry.settings_for_each(names, [text])


def test_a_checkout_that_is_not_installed_says_what_to_type(monkeypatch):
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="make test"):
        registry.check_installed()
