"""The values that a host and a controller exchange, and the three methods of a controller.

A policy for a just-in-time compiler is usually smeared over the engine that it steers: counters in the code
generator, thresholds in flags, queue feedback in the compile broker. Here it is one object that sees values and
answers with values, so that the same object can be simulated, run live, recorded, replayed and compared.

Why values are NamedTuples: a live host makes one View per question, and a frozen dataclass of this width costs five
times as much to make. Why three methods: `start` makes a controller reproducible (it forgets everything and
seeds), `decide` is the only question, `record` the only feedback. What a host cannot know is None, never a guess;
what it cannot do is a fact in `Setup`, so that no controller asks which host it is in.

Nothing but the standard library is imported here. Times are seconds as floats; hosts keep their own exact clocks.
"""

from __future__ import annotations

from dataclasses import MISSING, field, fields
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from tiering.errors import InputError as InputError
from tiering.errors import NeedsFuture as NeedsFuture

FOREVER = 1 << 62
"""A budget that is never spent: do not ask about this unit again because of its counts."""

Why = Literal["count", "timer", "sample", "compiled", "deopt", "dequeue", "evict"]
Action = Literal["stay", "compile", "deoptimize", "evict", "pin"]


class Tier(NamedTuple):
    """A level of execution. Tier 0 is where code starts and costs nothing to make.

    `speed` is a prior, relative to tier 0 (1.0). The prior cost of compiling a unit is
    `compile_cost + compile_cost_per_size * View.size` seconds.
    """

    name: str
    speed: float
    compile_cost: float = 0.0
    compile_cost_per_size: float = 0.0
    speculative: bool = False
    osr: bool = False

    def compile_seconds(self, size: int | None) -> float:
        """Prior cost in seconds of compiling a unit of `size` bytecodes (None: size unknown, fixed part only)."""
        return self.compile_cost + self.compile_cost_per_size * (size or 0)


class UnitFuture(NamedTuple):
    """What a clairvoyant controller is told about one unit: its calls, and per tier seconds per call and to compile."""

    unit: str
    calls: int
    call_seconds: tuple[float, ...]
    compile_seconds: tuple[float, ...]
    guard_failures: int = 0


class Setup(NamedTuple):
    """Facts of the host, told once, before the first question.

    `osr`, `bets` and `evict` say whether the host can replace a running loop, speculate, and drop code. `observes`
    names the fields of a View that this host can know. `future` is there for oracles only, and only in a simulation.
    `keeps` says that code stays where it is when its guard fails, until an answer removes or replaces it. `costs`
    are named numbers of the machine that no View shows ("deopt_seconds", "spill_seconds", "call_seconds" ...), where
    the host knows them; `cost` finds one.
    """

    tiers: tuple[Tier, ...]
    compiler_threads: int
    seed: int
    osr: bool = False
    bets: bool = False
    evict: bool = False
    observes: tuple[str, ...] = ()
    future: tuple[UnitFuture, ...] | None = None
    keeps: bool = False
    costs: tuple[tuple[str, float], ...] = ()


def cost(setup: Setup, name: str, default: float) -> float:
    """The number of this name in `Setup.costs`, or the default where the host does not state it."""
    return next((number for known, number in setup.costs if known == name), default)


class Bet(NamedTuple):
    """A speculation that the host offers for a unit. `gain` and `guard_cost` are priors, shares of a call's time."""

    id: int
    kind: str
    site: int
    gain: float
    guard_cost: float
    failures: int = 0
    observed: float | None = None


class View(NamedTuple):
    """One unit, now, as the host sees it.

    `why` is what made the host ask: "count" (the budget is spent; also a unit's first call), "timer" (the wake),
    "sample" (a compiled call was timed), "compiled" (a compile ended, well or not, or was dropped), "deopt", "dequeue"
    (this unit's compile is one of those that could begin now), "evict" (its code could make room for other code).

    `size` is in bytecodes. `tier` runs at present, `pending` is being compiled (or None), `lowest` is the lowest
    tier that can run this unit at all. `invocations` and `backedges` count since the start or the last counter
    reset; `seconds` is the time observed in tier 0 since then. `queues` holds the tasks that wait, per tier.
    `features` holds named numbers (type-feedback entropy, call-graph stability, register pressure ...).
    """

    now: float
    why: Why
    unit: str
    size: int | None
    tier: int
    pending: int | None
    invocations: int
    backedges: int | None
    seconds: float | None
    deopts: int
    failures: int
    queues: tuple[int, ...]
    code_used_bytes: int | None = None
    code_capacity_bytes: int | None = None
    bets: tuple[Bet, ...] = ()
    features: tuple[tuple[str, float], ...] = ()
    lowest: int = 0


class Plan(NamedTuple):
    """How to compile: ids of the bets to take, the light or the heavy register allocator, an inlining budget."""

    bets: tuple[int, ...] = ()
    registers: Literal["light", "heavy"] = "heavy"
    inlining: int = 0


PLAIN = Plan()


class Decision(NamedTuple):
    """An answer. Make it with `stay`, `compile`, `deoptimize`, `evict` or `pin`.

    `budget` is the number of counts (invocations + backedges) until this unit is asked about again, `wake` the
    seconds until then; whichever comes first. `reason` is one of the controller's `reasons`.
    """

    action: Action
    tier: int | None
    plan: Plan
    priority: float
    budget: int
    wake: float | None
    reason: str


def stay(reason: str, *, budget: int = FOREVER, wake: float | None = None) -> Decision:
    """Change nothing; ask again after `budget` counts or `wake` seconds."""
    return Decision("stay", None, PLAIN, 0.0, budget, wake, reason)


def compile(
    tier: int,
    reason: str,
    *,
    plan: Plan = PLAIN,
    priority: float = 0.0,
    budget: int = FOREVER,
    wake: float | None = None,
) -> Decision:
    """Queue this unit for compilation to `tier`; of the tasks that wait, the highest `priority` is taken first."""
    return Decision("compile", tier, plan, priority, budget, wake, reason)


def deoptimize(tier: int, reason: str, *, budget: int = FOREVER, wake: float | None = None) -> Decision:
    """Go back to `tier` (or the highest installed tier below it) at the next entry, and drop the code above."""
    return Decision("deoptimize", tier, PLAIN, 0.0, budget, wake, reason)


def evict(reason: str, *, priority: float = 0.0, budget: int = FOREVER) -> Decision:
    """Offer this unit's code for eviction; of all candidates, the highest `priority` goes first."""
    return Decision("evict", None, PLAIN, priority, budget, None, reason)


def pin(reason: str) -> Decision:
    """Leave this unit where it is and never ask about it again."""
    return Decision("pin", None, PLAIN, 0.0, FOREVER, None, reason)


class Compiled(NamedTuple):
    """A compile ended and its code is installed: seconds in the queue, seconds in the compiler, bytes of code."""

    now: float
    unit: str
    tier: int
    waited: float
    took: float
    bytes: int | None = None
    bet: int | None = None


class CompileFailed(NamedTuple):
    """A compile ended without code; `message` is the compiler's, in one line. Its time is spent all the same."""

    now: float
    unit: str
    tier: int
    message: str
    took: float = 0.0
    bet: int | None = None


class Deoptimized(NamedTuple):
    """Code was left: `why` is "guard" (its own failed: eager) or "dependency" (what it had inlined changed: lazy).

    `tier` is what was left; `bet` the one that failed, where the host can tell.
    """

    now: float
    unit: str
    tier: int
    why: str
    bet: int | None = None


class Dropped(NamedTuple):
    """A compile that was asked for will not be made: `why` is "queue full", "stale", or "refused" (at dequeue)."""

    now: float
    unit: str
    tier: int
    why: str


class Evicted(NamedTuple):
    """Code was dropped from the code cache to make room; its unit is asked about again at its next call."""

    now: float
    unit: str
    tier: int
    bytes: int


class Sampled(NamedTuple):
    """`calls` calls of a unit in `tier` took `seconds` together."""

    now: float
    unit: str
    tier: int
    seconds: float
    calls: int
    bet: int | None = None


Event: TypeAlias = Compiled | CompileFailed | Deoptimized | Dropped | Evicted | Sampled


class Controller(Protocol):
    """A tiering policy. `reasons` is the closed list from which every Decision takes its reason.

    A controller is sealed: no clock, thread, file or global random state; all it knows came through these calls,
    and the same calls give the same answers in any process. `tiering.testing.check_controller` holds it to that.
    """

    reasons: tuple[str, ...]

    def start(self, setup: Setup) -> None:
        """Forget everything, learn the host's facts, seed."""

    def decide(self, view: View) -> Decision:
        """Answer one question about one unit. Never re-entered; must answer any reachable view legally."""

    def record(self, event: Event) -> None:
        """Learn what came of earlier decisions."""


def parameter(
    default: Any,
    unit: str,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that carries its unit, its range (inclusive) and the sentence that justifies its default."""
    facts = {"unit": unit, "doc": doc, "low": low, "high": high, "choices": choices}
    return field(default=default, metadata=facts)


class Parameter(NamedTuple):
    """One parameter of a controller as `tiering list --json` shows it."""

    name: str
    default: Any
    unit: str
    doc: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]


def parameters(controller: Any) -> tuple[Parameter, ...]:
    """The parameters that a controller (class or object) declared with `parameter`; empty for any other class."""
    if not hasattr(controller, "__dataclass_fields__"):
        return ()
    declared = []
    for item in fields(controller):
        if "doc" in item.metadata and item.default is not MISSING:
            declared.append(Parameter(item.name, item.default, **item.metadata))
    return tuple(declared)


def check_parameters(controller: Any) -> None:
    """Hold every declared parameter of a controller to its type and range.

    Raises InputError naming the value, the rule and the default.
    """
    for declared in parameters(controller):
        value = getattr(controller, declared.name)
        rule = _broken_rule(declared, value)
        if rule:
            raise InputError(f"{declared.name}={value!r}: must be {rule} (default {declared.default!r})")


def _broken_rule(declared: Parameter, value: Any) -> str | None:
    if declared.choices:
        return None if value in declared.choices else f"one of {', '.join(declared.choices)}"
    whole = isinstance(declared.default, int)
    kind = "a whole number" if whole else "a number"
    number = isinstance(value, int) or (isinstance(value, float) and not whole)
    if isinstance(value, bool) or not number or value != value:
        return kind
    low, high = declared.low, declared.high
    if (low is not None and value < low) or (high is not None and value > high):
        if high is None:
            return f"{kind}, at least {low:g}"
        return f"{kind} from {low:g} to {high:g}" if low is not None else f"{kind}, at most {high:g}"
    return None
