"""Whatever is wrong with the input: one line on stderr that names the way out, exit code 2, no file left behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tiering import profile
from tiering.sim import Simulation

SIMULATE = ("simulate", "adam", "--controller", "pi", "--size", "small")
COMPARE = ("compare", "adam", "--controllers", "pi,threshold", "--size", "small")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("lits",), "unknown command 'lits': did you mean 'list'?"),
        (("simulate", "adm", "--controller", "pi"), "unknown workload 'adm': did you mean 'adam'?"),
        (("simulate", "adam", "--controller", "treshold"), "unknown controller 'treshold': did you mean 'threshold'?"),
        (("compare", "adam", "--controllers", "pi,allways"), "unknown controller 'allways': did you mean 'always'?"),
        ((*SIMULATE, "--set", "setpiont=1"), "parameter 'setpiont' of controller 'pi': did you mean 'setpoint'?"),
        ((*COMPARE, "--set", "setpiont=1"), "unknown parameter 'setpiont': did you mean 'setpoint'?"),
        (
            (*COMPARE, "--set", "pi.setpiont=1"),
            "unknown parameter 'setpiont' of controller 'pi': did you mean 'setpoint'?",
        ),
        ((*COMPARE, "--set", "tresh.count=1"), "unknown controller 'tresh': did you mean 'threshold'?"),
        ((*COMPARE, "--set", "never.count=1"), "unknown controller 'never': there is oracle, pi, threshold"),
        (("simulate", "adam", "--controller", "pi", "--size", "medum"), "did you mean 'medium'?"),
        (("demo", "--size", "medum"), "unknown size 'medum': did you mean 'medium'?"),
        (("list", "--jsn"), "unknown option '--jsn': did you mean '--json'?"),
        (("simulate", "adam", "--contoller", "pi"), "unknown option '--contoller': did you mean '--controller'?"),
        ((*SIMULATE, "--profil=x", "--lgo=y"), "unknown option '--lgo': did you mean '--log'?"),
        ((*COMPARE, "--log", "x"), "unknown option '--log'"),
        (("--vresion",), "unknown option '--vresion': did you mean '--version'?"),
        ((*SIMULATE, "-x"), "unknown option '-x': there is --compiler"),
    ],
)
def test_a_name_that_there_is_not_comes_with_the_nearest_one(refused, arguments, line):
    assert line in refused(*arguments)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "required: VERB; see `tiering --help`"),
        (("simulate",), "required: WORKLOAD, --controller; see `tiering simulate --help`"),
        (("simulate", "adam"), "required: --controller"),
        (("simulate", "--controller", "pi"), "required: WORKLOAD"),
        (("compare", "adam"), "required: --controllers"),
        (("simulate", "adam", "--controller"), "--controller: expected one argument"),
        ((*SIMULATE, "--log"), "--log: expected one argument"),
        ((*SIMULATE, "more"), "unrecognized arguments: more"),
        (("list", "more"), "unrecognized arguments: more"),
        ((*SIMULATE, "--json=yes"), "--json"),
        (("compare", "adam", "--controllers", " , "), "--controllers ' , ': must be names separated by commas"),
        (("simulate", "adam", "--controller", ""), "unknown controller ''"),
        (("simulate", "", "--controller", "pi"), "unknown workload ''"),
    ],
)
def test_arguments_missing_or_too_many(refused, arguments, line):
    assert line in refused(*arguments)


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "", "9223372036854775808", "nan", "٣x"])
def test_a_seed_is_a_whole_number(refused, value):
    rule = f"--seed '{value}': must be a whole number from 0 to 9223372036854775807 (default 0)"
    assert rule in refused(*SIMULATE, "--seed", value)
    assert rule in refused(*COMPARE, f"--seed={value}")


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("noequals", "--set 'noequals': must be name=value, as in --set gain=0.5"),
        ("", "--set '': must be name=value"),
        ("=1", "''"),
        ("kp=", "--set kp=: must be a number (default 0.5)"),
        ("kp=fast", "--set kp=fast: must be a number (default 0.5)"),
        ("kp=-1", "kp=-1.0: must be a number from 0 to 100 (default 0.5)"),
        ("kp=1000", "kp=1000.0: must be a number from 0 to 100"),
        ("kp=nan", "kp=nan: must be a number"),
        ("kp=inf", "kp=inf: must be a number from 0 to 100"),
        ("count=1.5", "--set count=1.5: must be a whole number (default 4000)"),
        ("count=0", "count=0: must be a whole number from 1 to 1e+15 (default 4000)"),
        ("retries=-1", "retries=-1: must be a whole number, at least 0 (default 4)"),
        ("hold=never", "hold='never': must be one of share, delay (default 'share')"),
    ],
)
def test_a_parameter_outside_its_type_or_range(refused, setting, line):
    assert line in refused(*SIMULATE, "--set", setting)
    assert refused(*COMPARE, "--set", f"pi.{setting}")


def test_a_controller_without_parameters_takes_none(refused):
    assert "there is nothing" in refused("simulate", "adam", "--controller", "never", "--set", "count=3")


TRACE = '{"format": "tiering-trace", "version": 1}\n{"unit": "f"}\n{"times": 2, "calls": [["f"]]}\n'

NOT_TRACES = {
    "binary": (b"\x7fELF\xff\xfe\x00\x01", "not UTF-8 text"),
    "empty": (b"", "the file is empty"),
    "text": (b"Dear diary,\n", "line 1 is not JSON"),
    "other-json": (b'{"rows": []}\n', 'line 1 must hold "format": "tiering-trace"'),
    "a-list": (b"[1, 2]\n", "line 1: must be a JSON object"),
    "newer": (TRACE.replace('"version": 1', '"version": 2').encode(), "trace version 2; this tiering reads 1"),
    "truncated": (TRACE[:-8].encode(), "line 3 is not JSON"),
    "no-calls": ("".join(TRACE.splitlines(keepends=True)[:2]).encode(), 'at least one line with "calls"'),
    "unknown-unit": (TRACE.replace('[["f"]]', '[["g"]]').encode(), "line 3: call of unit 'g'"),
    "unknown-tier": (
        TRACE.replace('"f"}', '"f", "seconds": {"optimised": 1}}').encode(),
        "unknown tier 'optimised' of unit 'f': did you mean 'optimized'?",
    ),
    "endless": (TRACE.replace('"times": 2', '"times": 1000000000000').encode(), "up to 10000000000 can be simulated"),
}


@pytest.mark.parametrize("kind", NOT_TRACES)
def test_a_file_that_is_not_a_trace(refused, folder, kind):
    content, line = NOT_TRACES[kind]
    (folder / "some.jsonl").write_bytes(content)
    for verb in ("simulate", "compare"):
        message = refused(verb, "some.jsonl", "--controllers" if verb == "compare" else "--controller", "pi")
        assert line in message


def test_a_trace_that_keeps_a_controller_busy_without_end(refused, folder, monkeypatch):
    busy = TRACE.replace('"f"}', '"f", "seconds": {"interpreter": 0}}').replace('[["f"]]', '[["f", 1000000000000000]]')
    (folder / "busy.jsonl").write_text(busy, encoding="utf-8")
    defaults = {**Simulation.__init__.__kwdefaults__, "max_decisions": 5}
    monkeypatch.setattr(Simulation.__init__, "__kwdefaults__", defaults)
    message = refused("simulate", "busy.jsonl", "--controller", "threshold")
    assert "its controller asked for question 6; up to 5 can be simulated; take a controller that" in message


def test_a_trace_that_is_not_there(refused):
    assert "missing.jsonl: cannot be read" in refused("simulate", "missing.jsonl", "--controller", "pi")
    assert "unknown workload 'missing'" in refused("simulate", "missing", "--controller", "pi")


def test_a_folder_is_no_trace(refused, folder):
    (folder / "traces.jsonl").mkdir()
    assert "traces.jsonl: cannot be read" in refused("simulate", "traces.jsonl", "--controller", "pi")
    assert ".: cannot be read (Is a directory)" in refused("simulate", ".", "--controller", "pi")


def test_a_file_that_may_not_be_read(refused, folder, monkeypatch):
    def forbidding(method):
        def forbidden(path, *arguments, **named):
            if path.name == "secret.jsonl":
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return method(path, *arguments, **named)

        return forbidden

    (folder / "secret.jsonl").write_text(TRACE, encoding="utf-8")
    for name in ("open", "read_text"):
        monkeypatch.setattr(Path, name, forbidding(getattr(Path, name)))
    assert "secret.jsonl: cannot be read" in refused("simulate", "secret.jsonl", "--controller", "pi")
    assert "secret.jsonl: cannot be read" in refused(*SIMULATE, "--profile", "secret.jsonl")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xff\xfe", "not a machine profile: it is not JSON"),
        (b'{"format": "tiering-machine-profile", ', "not a machine profile: it is not JSON"),
        (b'{"format": "tiering-trace"}', 'must hold "format": "tiering-machine-profile"'),
        (b"[]", 'must hold "format": "tiering-machine-profile"'),
        (b'{"format": "tiering-machine-profile", "version": 9}', "machine profile version 9; this tiering reads 1"),
        (b'{"format": "tiering-machine-profile", "version": 1}', "not a machine profile (KeyError: 'tiers')"),
    ],
)
def test_a_damaged_profile(refused, folder, content, line):
    (folder / "machine.json").write_bytes(content)
    assert line in refused(*SIMULATE, "--profile", "machine.json")
    assert line in refused(*COMPARE, "--profile", "machine.json")


def test_a_profile_with_one_wrong_value(refused, folder):
    profile.write(profile.reference(), "machine.json")
    text = (folder / "machine.json").read_text(encoding="utf-8")
    (folder / "machine.json").write_text(text.replace('"speed": 60.0', '"speed": -60.0'), encoding="utf-8")
    assert "speed of tier 'baseline' is -60.0: must be a number" in refused(*SIMULATE, "--profile", "machine.json")


def test_a_profile_that_is_not_there_or_a_folder(refused):
    assert "machine.json: cannot be read" in refused(*SIMULATE, "--profile", "machine.json")
    assert ".: cannot be read" in refused(*SIMULATE, "--profile", ".")


def test_a_log_that_cannot_be_written(refused, folder):
    assert "its folder does not exist; give a folder that does" in refused(*SIMULATE, "--log", "missing/adam.log")
    assert "is a folder; give the name of a file" in refused(*SIMULATE, "--log", str(folder))


def test_a_refused_run_leaves_the_old_log_alone(refused, folder):
    (folder / "adam.log").write_text("something old", encoding="utf-8")
    refused(*SIMULATE, "--set", "kp=1000", "--log", "adam.log")
    assert (folder / "adam.log").read_text(encoding="utf-8") == "something old"


def test_json_is_not_printed_where_the_input_is_wrong(refused):
    refused("list", "--json", "more")
    refused(*SIMULATE, "--json", "--seed", "x")
    refused(*COMPARE, "--json", "--set", "kp=1000")
