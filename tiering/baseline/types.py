"""The types of values, as far as the subset goes, and what LLVM calls them.

The names are NumPy's and Numba's. A bool is one bit in a register and one byte in memory. An array knows whether it is
C- or F-contiguous or neither, for that is what indexing has to know, and whether it may be written to.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Scalar(NamedTuple):
    """`kind` is b(ool), i(nteger), u(nsigned) or f(loat)."""

    kind: str
    bits: int

    @property
    def name(self) -> str:
        """NumPy's name."""
        return "bool" if self.kind == "b" else f"{_LONG[self.kind]}{self.bits}"

    @property
    def register(self) -> str:
        """LLVM's type of a value at hand."""
        if self.kind == "f":
            return "double" if self.bits == 64 else "float"
        return "i1" if self.kind == "b" else f"i{self.bits}"

    @property
    def memory(self) -> str:
        """LLVM's type of an element of an array."""
        return "i8" if self.kind == "b" else self.register

    @property
    def bytes(self) -> int:
        """Bytes of an element of an array."""
        return 1 if self.kind == "b" else self.bits // 8

    @property
    def is_integer(self) -> bool:
        """Whether it counts: bools do not."""
        return self.kind in "iu"


class Array(NamedTuple):
    """`layout` is C, F (contiguous) or A (any strides)."""

    dtype: Scalar
    ndim: int
    layout: str = "C"
    writable: bool = True

    @property
    def name(self) -> str:
        """Short, as messages show it."""
        return f"{'' if self.writable else 'readonly '}{self.dtype.name}[{self.ndim}d, {self.layout}]"


class Tuple(NamedTuple):
    """A tuple of known length."""

    items: tuple[Type, ...]

    @property
    def name(self) -> str:
        """Short, as messages show it."""
        return f"({', '.join(item.name for item in self.items)})"


class Nothing(NamedTuple):
    """The type of None."""

    name: str = "none"


class Constant(NamedTuple):
    """The type of what exists while compiling only: modules, functions, ranges, strings. `name` says what."""

    name: str


Type: TypeAlias = Scalar | Array | Tuple | Nothing | Constant

_LONG = {"i": "int", "u": "uint", "f": "float"}

BOOL = Scalar("b", 1)
INT8, INT16, INT32, INT64 = (Scalar("i", bits) for bits in (8, 16, 32, 64))
UINT8, UINT16, UINT32, UINT64 = (Scalar("u", bits) for bits in (8, 16, 32, 64))
FLOAT32, FLOAT64 = Scalar("f", 32), Scalar("f", 64)
NONE = Nothing()

SCALARS = (BOOL, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT32, FLOAT64)
BY_NAME = {scalar.name: scalar for scalar in SCALARS}
"""NumPy's name -> scalar."""
