"""LLVM IR as text: blocks that lines are appended to, in the order in which they were begun.

Text is the fastest way in: LLVM parses a hundred lines in a third of a millisecond, and building the same through
llvmlite's objects takes three to five times as long. A block stays open until it is ended by a jump, so whoever joins
several blocks can still put conversions into each of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Block:
    """A basic block: phis first, then lines, then the jump that ends it."""

    label: str
    lines: list[str] = field(default_factory=list)
    phis: list[str] = field(default_factory=list)
    end: str = ""


class Writer:
    """The body of one function. `here` is the block that lines go to."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.declarations: dict[str, str] = {}
        self._serial = 0
        self.here = self.begin(Block("entry"))

    def begin(self, block: Block) -> Block:
        """Put a block at the end, and go on in it."""
        self.blocks.append(block)
        self.here = block
        return block

    def block(self, hint: str) -> Block:
        """A new block, not yet begun."""
        self._serial += 1
        return Block(f"{hint}.{self._serial}")

    def name(self) -> str:
        """A name for a value that nobody has."""
        self._serial += 1
        return f"%v{self._serial}"

    def value(self, instruction: str) -> str:
        """Append an instruction; the name of its value."""
        self._serial += 1
        name = f"%v{self._serial}"
        self.here.lines.append(f"{name} = {instruction}")
        return name

    def line(self, instruction: str) -> None:
        """Append an instruction without a value."""
        self.here.lines.append(instruction)

    def call(self, result: str, function: str, arguments: list[tuple[str, str]], attributes: str = "") -> str:
        """Call a function outside by its name, with arguments as (type, value); it is declared by the way."""
        types = ", ".join(kind for kind, _ in arguments)
        self.declarations[function] = f"declare {result} @{function}({types}){attributes}"
        given = ", ".join(f"{kind} {value}" for kind, value in arguments)
        instruction = f"call {result} @{function}({given})"
        if result == "void":
            self.line(instruction)
            return ""
        return self.value(instruction)

    def jump(self, target: Block, start: Block | None = None) -> None:
        """End a block (the present one) with a jump."""
        (start or self.here).end = f"br label %{target.label}"

    def fork(self, condition: str, then: Block, otherwise: Block, weights: str = "") -> None:
        """End the present block with a jump to one of two."""
        self.here.end = f"br i1 {condition}, label %{then.label}, label %{otherwise.label}{weights}"

    def body(self) -> str:
        """All blocks, as text."""
        lines: list[str] = []
        for block in self.blocks:
            lines.append(f"{block.label}:")
            lines += block.phis
            lines += block.lines
            lines.append(block.end or "unreachable")
        return "\n".join(lines)
