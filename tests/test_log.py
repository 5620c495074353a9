"""Decision logs: round trip, replay, and what is said about a damaged one."""

from __future__ import annotations

import pytest

from tiering import log
from tiering.errors import InputError
from tiering.log import Decided, DecisionLog, Mismatch
from tiering.protocol import (
    FOREVER,
    Bet,
    Compiled,
    CompileFailed,
    Deoptimized,
    Plan,
    Sampled,
    Setup,
    Tier,
    UnitFuture,
    View,
    compile,
    deoptimize,
    evict,
    pin,
    stay,
)

SETUP = Setup(
    (Tier("interpreter", 1.0), Tier("fast", 4.0, 0.1, 1e-5, True, True)),
    2,
    7,
    observes=("invocations",),
    future=(UnitFuture("f", 3, (1.0, 0.1), (0.0, 0.5), 1),),
)
PLAIN_VIEW = View(0.1, "count", "f", None, 0, None, 1, None, None, 0, 0, (0, 0))
FULL_VIEW = View(
    0.30000000000000004, "deopt", "größe\n", 9, 1, 1, 2, 3, 0.1, 4, 5, (6, 7), 8, 9,
    (Bet(1, "constant", 2, 0.5, 1e-9, 3, 0.25), Bet(2, "bounds", 0, 0.1, 0.0)), (("entropy", 0.125),), 1,
)  # fmt: skip
RECORDS = [
    Decided(PLAIN_VIEW, stay("cold", budget=10, wake=0.5)),
    Decided(FULL_VIEW, compile(1, "hot", plan=Plan((1, 2), "light", 30), priority=1e-300)),
    Decided(FULL_VIEW, deoptimize(0, "storm", budget=FOREVER)),
    Decided(FULL_VIEW, evict("old", priority=3.0)),
    Decided(FULL_VIEW, pin("hopeless")),
    Compiled(1.0, "f", 1, 0.25, 0.5, None, 3),
    CompileFailed(2.0, "f", 1, "unsupported: 'with'"),
    Deoptimized(3.0, "f", 1, "guard", 2),
    Sampled(4.0, "f", 1, 0.001, 5),
]


@pytest.fixture
def written(tmp_path):
    made = DecisionLog("simulation", "by hand", {"gain": 0.1}, SETUP)
    for record in RECORDS:
        if isinstance(record, Decided):
            made.decision(*record)
        else:
            made.event(record)
    path = tmp_path / "run.log"
    made.save(path)
    return path


def test_a_log_survives_the_file(written):
    header, records = log.read(written)
    assert records == RECORDS
    assert header[:4] == ("simulation", "by hand", {"gain": 0.1}, SETUP)
    assert set(header.platform) == {"python", "numpy", "machine", "system", "libc"}


def test_equal_runs_write_equal_bytes(written, tmp_path):
    _, records = log.read(written)
    again = DecisionLog("simulation", "by hand", {"gain": 0.1}, SETUP)
    for record in records:
        again.decision(*record) if isinstance(record, Decided) else again.event(record)
    again.save(tmp_path / "again.log")
    assert (tmp_path / "again.log").read_bytes() == written.read_bytes()


class Replaying:
    """Answers with what it is given, whatever is asked."""

    reasons = ("cold",)

    def __init__(self, *answers):
        self.answers = answers

    def start(self, setup):
        self.setup, self.left, self.events = setup, list(self.answers), []

    def decide(self, view):
        return self.left.pop(0)

    def record(self, event):
        self.events.append(event)


def test_the_same_answers_replay_without_a_mismatch(written):
    controller = Replaying(*(record.decision for record in RECORDS[:5]))
    assert list(log.replay(*log.read(written), controller)) == []
    assert (controller.setup, controller.events) == (SETUP, RECORDS[5:])


def test_every_other_answer_is_a_mismatch(written):
    recorded = [record.decision for record in RECORDS[:5]]
    controller = Replaying(recorded[0], stay("cold"), *recorded[2:])
    assert list(log.replay(*log.read(written), controller)) == [Mismatch(FULL_VIEW, recorded[1], stay("cold"))]


def damaged(path, number, change):
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[number - 1] = change(lines[number - 1])
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


DAMAGE = [
    (1, lambda line: "", "line 1 is not JSON"),
    (1, lambda line: "[]", "line 1 must be a JSON object"),
    (1, lambda line: line.replace("tiering-decision-log", "diary"), 'not a decision log: line 1 must hold "format"'),
    (1, lambda line: line.replace('"version":1', '"version":2'), "decision log version 2; this tiering reads 1"),
    (1, lambda line: line.replace('"version":1', '"version":true'), "decision log version True; this tiering reads 1"),
    (1, lambda line: line.replace('"setup"', '"setdown"'), "line 1: header is incomplete .KeyError: 'setup'"),
    (1, lambda line: line.replace('"compiler_threads"', '"threads"'), "line 1: header is incomplete .TypeError"),
    (1, lambda line: line.replace('"future":[{', '"future":[[],{'), "line 1: header is incomplete .AttributeError"),
    (10, lambda line: line[:-9], "line 10 is not JSON"),
    (4, lambda line: "[" * 100_000, "line 4 is not JSON"),
    (4, lambda line: "3", "line 4 must be a JSON object"),
    (4, lambda line: "{}", "line 4: neither a decision nor an event"),
    (4, lambda line: line.replace('"now"', '"then"'), "line 4: neither a decision nor an event .TypeError"),
    (4, lambda line: line.replace('"plan":{', '"plan":3,"x":{'), "line 4: neither a decision nor an event"),
    (7, lambda line: line.replace("Compiled", "Exploded"), "line 7: neither a decision nor an event .KeyError"),
    (7, lambda line: line.replace('"Compiled"', "[]"), "line 7: neither a decision nor an event .TypeError"),
]


@pytest.mark.parametrize(("number", "change", "rule"), DAMAGE, ids=range(len(DAMAGE)))
def test_damage_is_named_with_its_line(written, number, change, rule):
    with pytest.raises(InputError, match=rule) as caught:
        log.read(damaged(written, number, change))
    assert str(written) in str(caught.value)


def test_what_is_no_text_is_no_log(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "x", tmp_path / "missing", tmp_path):
        with pytest.raises(InputError, match="cannot be read as a decision log"):
            log.read(path)


def test_a_log_is_written_whole_or_not_at_all(tmp_path):
    made = DecisionLog("simulation", "by hand", {}, SETUP)
    with pytest.raises(InputError, match="is a folder"):
        made.save(tmp_path)
    with pytest.raises(InputError, match="its folder does not exist"):
        made.save(tmp_path / "missing" / "run.log")
    assert list(tmp_path.iterdir()) == []
