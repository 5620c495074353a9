"""Statements and control flow to SSA form, in one walk over the syntax tree.

Variables live in an environment from name to value and never in memory. Where paths meet, those that are still read
become phis of the type that Numba would unify them to. At the head of a loop their types after a round are not known
yet: they are taken to be what they were before, and if a round turns out to widen one (an int that becomes a float)
the function is lowered again, knowing it. A variable that a path never assigned is nought there, as it is to Numba.

A compiled function returns a status, 0 or the number of the exception that it raised, and leaves its result in slots of
eight bytes. Expressions are lowered by a table from their class to a function; see `expressions`.

Rejected: variables in memory (`alloca`) and promoting them by a pass. At O0 that runs faster, but O1 without passes,
which is the point of this tier, would be left with them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeAlias

from tiering.baseline import rules
from tiering.baseline.memory import begin, closed, holds_array, leave, opened, owners
from tiering.baseline.source import Refused, Source
from tiering.baseline.text import Block, Writer
from tiering.baseline.types import NONE, Constant, Tuple, Type
from tiering.baseline.values import Value, constant, converted, items, registers, truth, zero

Environment: TypeAlias = dict[str, Value]

RAISES = ' !prof !{!"branch_weights", i32 1, i32 1000000}'
"""Of a jump that first names the path to an exception."""


class Edge(NamedTuple):
    """A path that is to be joined: the block where it stands, and its variables."""

    block: Block
    variables: Environment


class Raised(NamedTuple):
    """An exception that a status stands for."""

    kind: type[BaseException]
    arguments: tuple[Any, ...]


class Loop(NamedTuple):
    """Where `break` and `continue` lead."""

    breaks: list[Edge]
    continues: list[Edge]


class Again(Exception):
    """A variable of a loop has another type than was supposed; lower the function anew."""


class Knowledge:
    """What outlives an attempt: types of the variables that loops carry, and the exceptions of a whole module."""

    def __init__(self, raised: list[Raised]) -> None:
        self.carried: dict[tuple[int, str], Type] = {}
        self.raised = raised
        self.allocates = False


class Lowering:
    """One attempt to lower a function for arguments of these types."""

    def __init__(self, source: Source, arguments: tuple[Type, ...], knowledge: Knowledge, functions: Any) -> None:
        if len(arguments) != len(source.parameters):
            raise Refused(f"{source.name} takes {len(source.parameters)} arguments, {len(arguments)} were given")
        self.source = source
        self.text = Writer()
        self.functions = functions
        self.variables: Environment = {}
        self.line = 0
        self.knowledge = knowledge
        self.kept = 0
        self._loops: list[Loop] = []
        self._returns: list[tuple[Edge, Value]] = []
        self._errors: dict[int, Block] = {}
        self._reached = True
        self.parameters = []
        for place, (name, kind) in enumerate(zip(source.parameters, arguments, strict=True)):
            parts = tuple(f"%a{place}.{number}" for number in range(len(registers(kind))))
            self.parameters += [f"{register} {part}" for register, part in zip(registers(kind), parts, strict=True)]
            self.variables[name] = Value(kind, parts)

    def lower(self) -> Type:
        """Lower the whole body; the type of the result."""
        if self.knowledge.allocates:
            begin(self.text)
        self._statements(self.source.body)
        if self._reached:
            self._returns.append((Edge(self.text.here, {}), constant(None)))
        return self._exit()

    def evaluate(self, node: ast.expr) -> Value:
        """The value of an expression."""
        lower = EXPRESSIONS.get(type(node))
        if lower is None:
            self.refuse(f"{type(node).__name__} expressions")
        return lower(self, node)

    def refuse(self, what: str) -> NoReturn:
        """Say that something is outside the subset. Raises Refused."""
        raise self.refusal(what)

    def refusal(self, what: str) -> Refused:
        """What to raise where something is outside the subset."""
        return Refused(what, self.line)

    def convert(self, value: Value, kind: Type) -> Value:
        """A value in another type."""
        return converted(self.text, value, kind)

    def truth(self, node: ast.expr) -> Value:
        """A condition as one bit."""
        value = self.evaluate(node)
        if value.known and not isinstance(value.type, Constant):
            return constant(bool(value.constant))
        bit = truth(self.text, value)
        if bit is None:
            self.refuse(f"the truth of {value.type.name}")
        return Value(constant(True).type, (bit,))

    def error(self, kind: type[BaseException], *arguments: Any) -> Block:
        """The block that raises this exception."""
        raised, known = Raised(kind, arguments), self.knowledge.raised
        alike = [(each.kind, repr(each.arguments)) for each in known]  # True equals 1, and is another argument
        if (kind, repr(arguments)) not in alike:
            known.append(raised)
            return self.fails(len(known))
        return self.fails(alike.index((kind, repr(arguments))) + 1)

    def fails(self, status: int) -> Block:
        """The block that returns this status."""
        if status not in self._errors:
            block = self._errors[status] = self.text.block("raise")
            leave(self.text, self.knowledge.allocates, block)
            block.end = f"ret i32 {status}"
        return self._errors[status]

    def require(self, condition: str, kind: type[BaseException], *arguments: Any) -> None:
        """Raise unless a condition (one bit) holds."""
        if condition == "true":
            return
        onward = self.text.block("holds")
        self.text.fork(condition, onward, self.error(kind, *arguments))
        self.text.begin(onward)

    def join(self, edges: list[Edge], names: frozenset[str], hint: str) -> bool:
        """Go on where these paths meet, with those variables; False if there is no path."""
        self._reached = bool(edges)
        if not edges:
            return False
        meeting = self.text.block(hint)
        variables: Environment = {}
        for name in names:
            merged = self._merged(meeting, edges, name)
            if merged is not None:
                variables[name] = merged
        for edge in edges:
            self.text.jump(meeting, edge.block)
        self.text.begin(meeting)
        self.variables = variables
        return True

    def _merged(self, meeting: Block, edges: list[Edge], name: str) -> Value | None:
        found = [edge.variables.get(name) for edge in edges]
        present = [value for value in found if value is not None]
        if not present:
            return None
        first = present[0]
        if len(present) == len(edges) and all(value == first for value in present):
            return first
        return self._phi(meeting, list(zip(edges, found, strict=True)), name)

    def _phi(self, meeting: Block, paths: list[tuple[Edge, Value | None]], name: str) -> Value | None:
        kind: Type | None = None
        for _, value in paths:
            if value is not None:
                kind = value.type if kind is None else rules.merged(kind, value.type)
                if kind is None:
                    break
        missing = any(value is None for _, value in paths)
        if kind is None or isinstance(kind, Constant) or (missing and holds_array(kind)):
            return Value(Constant(f"{name}, which has other types on other paths"))
        here, incoming = self.text.here, []
        for edge, value in paths:
            self.text.here = edge.block
            incoming.append(converted(self.text, value, kind).parts if value is not None else zero(kind).parts)
        self.text.here = here
        parts = []
        for number, register in enumerate(registers(kind)):
            sources = {parts_of[number] for parts_of in incoming}
            if len(sources) == 1 and not any(value is None for _, value in paths):
                parts.append(sources.pop())
                continue
            phi = self.text.name()
            arms = [f"[{p[number]}, %{edge.block.label}]" for p, (edge, _) in zip(incoming, paths, strict=True)]
            meeting.phis.append(f"{phi} = phi {register} {', '.join(arms)}")
            parts.append(phi)
        positive = all(value is not None and value.positive for _, value in paths)
        return Value(kind, tuple(parts), positive=positive)

    def _statements(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if not self._reached:
                return
            self.line = statement.lineno
            lower = _STATEMENTS.get(type(statement))
            if lower is None:
                self.refuse(f"{type(statement).__name__} statements")
            lower(self, statement)

    def _exit(self) -> Type:
        kind: Type | None = self._returns[0][1].type if self._returns else NONE
        for _, value in self._returns:
            kind = rules.merged(kind, value.type) if kind is not None else None
        if kind is None or isinstance(kind, Constant):
            self.refuse("a result whose type depends on the path")
        for edge, value in self._returns:
            self.text.here = edge.block
            result = converted(self.text, value, kind)
            for number, (register, part) in enumerate(zip(registers(kind), result.parts, strict=True)):
                slot = self.text.value(f"getelementptr i64, ptr %result, i64 {number}")
                self.text.line(f"store {register} {part}, ptr {slot}")
            leave(self.text, self.knowledge.allocates, edge.block, owners(result))
            edge.block.end = "ret i32 0"
        self.text.blocks += self._errors.values()
        return kind

    def assign(self, target: ast.expr, value: Value) -> None:
        """Give a value to a variable, the items of a tuple, or a place in an array."""
        if isinstance(target, ast.Name):
            self.variables[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value)
        elif isinstance(target, ast.Subscript):
            STORES["subscript"](self, target, value)
        else:
            self.refuse(f"assignment to {type(target).__name__}")

    def _unpack(self, target: ast.Tuple | ast.List, value: Value) -> None:
        if not isinstance(value.type, Tuple) or len(value.type.items) != len(target.elts):
            self.refuse(f"unpacking {value.type.name} into {len(target.elts)} variables")
        for inner, item in zip(target.elts, items(value), strict=True):
            self.assign(inner, item)

    def _assign(self, node: ast.Assign) -> None:
        value = self.evaluate(node.value)
        for target in node.targets:
            self.assign(target, value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, self.evaluate(node.value))

    def _augmented(self, node: ast.AugAssign) -> None:
        STORES["augmented"](self, node, None)

    def _expression(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.evaluate(node.value)

    def _pass(self, node: ast.Pass) -> None:
        """Nothing."""

    def _return(self, node: ast.Return) -> None:
        value = self.evaluate(node.value) if node.value is not None else constant(None)
        self._returns.append((Edge(self.text.here, {}), value))
        self._reached = False

    def _if(self, node: ast.If) -> None:
        condition = self.truth(node.test)
        live = self.source.live.after[node]
        if condition.known:
            self._statements(node.body if condition.constant else node.orelse)
            return
        then, otherwise = self.text.block("then"), self.text.block("else")
        before = dict(self.variables)
        self.text.fork(condition.ir, then, otherwise)
        edges = []
        for block, body in ((then, node.body), (otherwise, node.orelse)):
            self.text.begin(block)
            self.variables, self._reached = dict(before), True
            self._statements(body)
            if self._reached:
                edges.append(Edge(self.text.here, self.variables))
        self.join(edges, live, "endif")

    def _while(self, node: ast.While) -> None:
        def head() -> Value:
            return self.truth(node.test)

        self.loop(node, head, lambda: None, lambda: None)

    def _for(self, node: ast.For) -> None:
        STORES["for"](self, node, None)

    def loop(
        self, node: ast.For | ast.While, test: Callable[[], Value], enter: Callable[[], None], step: Callable[[], None]
    ) -> None:
        """A loop: `test` is lowered at its head, `enter` before each round, `step` after it."""
        live = self.source.live
        names = live.head[node]
        head, body = self.text.block("head"), self.text.block("body")
        phis = self._carry(node, head, live.assigned[node] & names)
        self.text.jump(head)
        self.text.begin(head)
        condition = test()
        entered = dict(self.variables)
        keeps = any(holds_array(value.type) for value in phis.values())
        if condition.known and condition.constant:
            exits = []
            self.text.jump(body)
        else:
            onward = self.text.block("done")
            self.text.fork(condition.ir, body, onward)
            exits = [Edge(onward, entered)]
        self.text.begin(body)
        self.variables = dict(entered)
        mark = opened(self.text, self.knowledge.allocates)
        enter()
        loop = Loop([], [])
        self.kept += keeps
        self._loops.append(loop)
        self._statements(node.body)
        self._loops.pop()
        self.kept -= keeps
        if self._reached:
            loop.continues.append(Edge(self.text.here, self.variables))
        if self.join(loop.continues, names | phis.keys(), "next"):
            step()
            if not keeps:
                closed(self.text, mark)
            self._close(node, head, phis, names)
        self._leave(node, exits, loop.breaks)

    def _carry(self, node: ast.stmt, head: Block, names: frozenset[str]) -> dict[str, Value]:
        """Phis at the head of a loop for the variables that it changes and that somebody reads."""
        phis: dict[str, Value] = {}
        entry = self.text.here
        for name in sorted(names):
            before = self.variables.get(name)
            kind = self.knowledge.carried.get((node.lineno, name), before.type if before else None)
            if kind is None:
                continue
            if isinstance(kind, Constant):
                self.variables[name] = Value(Constant(f"{name}, which has other meanings in other rounds"))
                continue
            start = converted(self.text, before, kind) if before is not None else zero(kind)
            parts = tuple(self.text.name() for _ in registers(kind))
            for register, part, given in zip(registers(kind), parts, start.parts, strict=True):
                head.phis.append(f"{part} = phi {register} [{given}, %{entry.label}]")
            phis[name] = self.variables[name] = Value(kind, parts)
        return phis

    def _close(self, node: ast.stmt, head: Block, phis: dict[str, Value], names: frozenset[str]) -> None:
        """The jump back to the head; what has another type than the head supposed is remembered."""
        carried, widened = self.knowledge.carried, False
        for name in self.source.live.assigned[node] & names:
            value = self.variables.get(name)
            if value is None or isinstance(value.type, Constant):
                if name in phis:
                    raise Refused(f"{name} has other types in other rounds of a loop", node.lineno)
                continue
            before = phis[name].type if name in phis else None
            kind = rules.merged(before, value.type) if before is not None else value.type
            if kind is None:
                raise Refused(f"{name} has other types in other rounds of a loop", node.lineno)
            if kind != before:
                carried[node.lineno, name] = kind
                widened = True
        if widened:
            raise Again
        arms: dict[str, str] = {}
        for name, value in phis.items():
            given = converted(self.text, self.variables[name], value.type)
            arms.update(zip(value.parts, given.parts, strict=True))
        label = self.text.here.label
        head.phis = [
            f"{line}, [{arms[line.split(' ', 1)[0]]}, %{label}]" if line.split(" ", 1)[0] in arms else line
            for line in head.phis
        ]
        self.text.jump(head)

    def _leave(self, node: ast.For | ast.While, exits: list[Edge], breaks: list[Edge]) -> None:
        live = self.source.live.after[node]
        edges = []
        for edge in exits:
            self.text.begin(edge.block)
            self.variables, self._reached = dict(edge.variables), True
            self._statements(node.orelse)
            if self._reached:
                edges.append(Edge(self.text.here, self.variables))
        self.join(edges + breaks, live, "after")

    def _break(self, node: ast.Break) -> None:
        self._loops[-1].breaks.append(Edge(self.text.here, self.variables))
        self._reached = False

    def _continue(self, node: ast.Continue) -> None:
        self._loops[-1].continues.append(Edge(self.text.here, self.variables))
        self._reached = False

    def _raise(self, node: ast.Raise) -> None:
        STORES["raise"](self, node, None)
        self._reached = False

    def _assert(self, node: ast.Assert) -> None:
        condition = self.truth(node.test)
        message: tuple[Any, ...] = ()
        if node.msg is not None:
            said = self.evaluate(node.msg)
            if not said.known:
                self.refuse("an assertion whose message is not a constant")
            message = (said.constant,)
        self.require(condition.ir, AssertionError, *message)


_STATEMENTS: dict[type[ast.stmt], Callable[[Lowering, Any], None]] = {
    ast.Assign: Lowering._assign,
    ast.AnnAssign: Lowering._annotated,
    ast.AugAssign: Lowering._augmented,
    ast.Expr: Lowering._expression,
    ast.Pass: Lowering._pass,
    ast.Return: Lowering._return,
    ast.If: Lowering._if,
    ast.While: Lowering._while,
    ast.For: Lowering._for,
    ast.Break: Lowering._break,
    ast.Continue: Lowering._continue,
    ast.Raise: Lowering._raise,
    ast.Assert: Lowering._assert,
}
EXPRESSIONS: dict[type[ast.expr], Callable[[Lowering, Any], Value]] = {}
"""How expressions are lowered, by their class; filled by the modules beside this one."""

STORES: dict[str, Callable[[Lowering, Any, Any], None]] = {}
"""How what is no expression is lowered elsewhere: "subscript" stores, "augmented" assignments, "for", "raise"."""
