"""Which variables may still be read after a branch or a loop, and which a loop assigns.

Where paths meet, a variable that nobody reads any more needs no phi, and its types on the two paths need not agree:
that is what Numba's SSA form comes to as well, which makes a phi only for a use. One walk backwards over the syntax
tree; the body of a loop is walked twice, since what its head reads is live at its end.
"""

from __future__ import annotations

import ast
from typing import TypeAlias

Names: TypeAlias = frozenset[str]

EMPTY: Names = frozenset()


class Liveness:
    """Facts about the statements of one function, by statement."""

    def __init__(self, body: list[ast.stmt]) -> None:
        self.after: dict[ast.stmt, Names] = {}
        self.head: dict[ast.stmt, Names] = {}
        self.assigned: dict[ast.stmt, Names] = {}
        self._loops: list[tuple[Names, Names]] = []
        self._block(body, EMPTY)

    def _block(self, body: list[ast.stmt], live: Names) -> Names:
        for statement in reversed(body):
            self.after[statement] = self.after.get(statement, EMPTY) | live
            live = self._statement(statement, live)
        return live

    def _statement(self, node: ast.stmt, live: Names) -> Names:
        if isinstance(node, ast.If):
            return reads(node.test) | self._block(node.body, live) | self._block(node.orelse, live)
        if isinstance(node, ast.For | ast.While):
            return self._loop(node, live)
        if isinstance(node, ast.Break | ast.Continue):
            return self._loops[-1][isinstance(node, ast.Continue)] if self._loops else live
        if isinstance(node, ast.Return | ast.Raise):
            return reads(node)
        return (live - writes(node)) | reads(node)

    def _loop(self, node: ast.For | ast.While, live: Names) -> Names:
        after = self._block(node.orelse, live) if node.orelse else live
        test = reads(node.test) if isinstance(node, ast.While) else EMPTY
        targets = writes(node.target) if isinstance(node, ast.For) else EMPTY
        self.assigned[node] = targets.union(*(writes(statement) for statement in node.body))
        head = after | test
        for _ in range(2):
            self._loops.append((live, head))
            head |= self._block(node.body, head) - targets
            self._loops.pop()
        self.head[node] = head | after
        return head | (reads(node.iter) if isinstance(node, ast.For) else EMPTY)


def reads(node: ast.AST) -> Names:
    """All variables that are read anywhere below a node."""
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    for inner in ast.walk(node):
        if isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name):
            found.add(inner.target.id)
    return frozenset(found)


def writes(node: ast.AST) -> Names:
    """All variables that are assigned anywhere below a node."""
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
