"""From a Python call to machine code: a callable object whose call is machine code too.

A `Bridged` object is an instance of a heap type with a vectorcall slot (PEP 590). After the fields of its Python base
stand rows of two words, one per signature: the wrapper that checks and unpacks its arguments, and the compiled code it
calls. The vectorcall slot leads to the first wrapper; one whose guards do not hold leads to the next row, the last to
Python. A wrapper belongs to a signature and a row, not to a function, so each is compiled once; another tier of a
function is one store of eight bytes into its row.

Guards are exact: the type of each object, and of an array its element type, dimensions, layout and flags. A subclass, a
NumPy scalar, a byte-swapped or read-only array goes on to Python, where it gets a row of its own or is left to Numba.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from types import MethodType
from typing import Any, cast

import numpy as np

from tiering.baseline import layout
from tiering.baseline.engine import Code, compile_text
from tiering.baseline.types import FLOAT64, INT64, NONE, Array, Scalar, Tuple, Type
from tiering.baseline.values import registers

ROWS = 4
"""Signatures of one function that are called without Python's help."""

_WORDS = 3 + 2 * ROWS + 1
"""Of an object after its base: vectorcall, slow, fails, the rows, the list of weak references."""

_api = ctypes.pythonapi
_VECTORCALL_FLAG = 1 << 11
_DEFAULT_FLAGS = 1 << 18  # Py_TPFLAGS_DEFAULT: Py_TPFLAGS_HAVE_STACKLESS_EXTENSION is 0, HAVE_VERSION_TAG
_BASETYPE, _GC = 1 << 10, 1 << 14
_T_PYSSIZET, _READONLY = 19, 1
_TP_CALL, _TP_MEMBERS, _TP_TRAVERSE = 50, 72, 71

_kept: list[Any] = []
"""Structures that CPython points into for ever."""


class Base:
    """What a bridged callable is to Python. Its attributes live in `attributes`, a dict.

    A `__dict__` of the usual kind, and weak references too from 3.12 on, stand before the object, where only types that
    Python makes have room for them.
    """

    __slots__ = ("attributes",)

    def __getattr__(self, name: str) -> Any:
        """Whatever was set."""
        try:
            return object.__getattribute__(self, "attributes")[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute."""
        self.attributes[name] = value

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A bound method, as functions give one."""
        return self if instance is None else MethodType(cast(Any, self), instance)


class _Member(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


class _Slot(ctypes.Structure):
    _fields_ = [("slot", ctypes.c_int), ("pfunc", ctypes.c_void_p)]


class _Spec(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_Slot)),
    ]


@cache
def bridged_type(base: type = Base) -> Any:
    """A subclass of a Python class whose instances are called by machine code."""
    first = base.__basicsize__
    members = (_Member * 3)(
        _Member(b"__vectorcalloffset__", _T_PYSSIZET, first, _READONLY, None),
        _Member(b"__weaklistoffset__", _T_PYSSIZET, first + 8 * (_WORDS - 1), _READONLY, None),
        _Member(),
    )
    call = ctypes.cast(_api.PyVectorcall_Call, ctypes.c_void_p)
    slots = (_Slot * 3)(
        _Slot(_TP_MEMBERS, ctypes.cast(members, ctypes.c_void_p)),
        _Slot(_TP_CALL, call),
        _Slot(0, None),
    )
    name = f"{base.__module__}.{base.__qualname__}".encode()
    spec = _Spec(name, first + 8 * _WORDS, 0, _DEFAULT_FLAGS | _BASETYPE | _VECTORCALL_FLAG, slots)
    _kept.extend([members, slots, spec, name])
    make = _api.PyType_FromSpecWithBases
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object]
    return make(ctypes.addressof(spec), (base,))


class Rows:
    """The rows of one bridged object."""

    def __init__(self, target: Any, slow: Callable[..., Any], fails: Callable[[int, int], None]) -> None:
        self._first = id(target) + type(target).__basicsize__ - 8 * _WORDS
        self._kept: list[Any] = [slow, fails]
        self.used = 0
        _store(self._first + 8, id(slow))
        _store(self._first + 16, id(fails))
        for row in range(ROWS):
            _store(self._row(row), _last().address)
        _store(self._first, _last().address)

    def add(self, arguments: tuple[Type, ...], result: Type, code: Code) -> int | None:
        """Take this signature into the next row; None if all are taken. Raises ValueError for what cannot be passed."""
        if self.used == ROWS:
            return None
        wrapper = wrapper_of(arguments, result, self.used)
        row = self.used
        self.replace(row, code)
        _store(self._row(row), wrapper.address)
        if row == 0:
            _store(self._first, wrapper.address)
        self.used += 1
        return row

    def replace(self, row: int, code: Code) -> None:
        """From the next call on this row runs other code of the same signature."""
        self._kept.append(code)
        _store(self._row(row) + 8, code.address)

    def _row(self, row: int) -> int:
        return self._first + 24 + 16 * row


def _store(address: int, value: int) -> None:
    ctypes.c_int64.from_address(address).value = value


def new(slow: Callable[..., Any], fails: Callable[[int, int], None], base: type = Base) -> tuple[Any, Rows]:
    """A bridged object and its rows. `slow` takes every call without a row, `fails(row, status)` has to raise."""
    kind = bridged_type(base)
    made = kind.__new__(kind)
    rows = Rows(made, slow, fails)
    object.__setattr__(made, "attributes", {"_rows": rows})  # whoever can call the code keeps it alive
    return made, rows


_HEAD = "define ptr @wrapper(ptr %self, ptr %args, i64 %count, ptr %names) {\nentry:\n"


def _offset() -> int:
    return int(Base.__basicsize__)


@cache
def _last() -> Code:
    """The wrapper of no signature: all goes to Python."""
    text = (
        _HEAD
        + _word("slow", 1)
        + f"%result = call ptr inttoptr (i64 {_address('PyObject_Vectorcall')} to ptr)"
        + "(ptr %slow, ptr %args, i64 %count, ptr %names)\nret ptr %result\n}"
    )
    return compile_text(text, "wrapper", "O1")


def _word(name: str, number: int, base: str = "%self") -> str:
    """Load a word of the bridged object; `number` counts from the vectorcall slot."""
    place = f"%{name}.at = getelementptr i8, ptr {base}, i64 {_offset() + 8 * number}\n"
    return place + f"%{name} = load ptr, ptr %{name}.at\n"


def _address(name: str) -> int:
    found = ctypes.cast(getattr(_api, name), ctypes.c_void_p).value
    assert found is not None
    return found


@cache
def wrapper_of(arguments: tuple[Type, ...], result: Type, row: int) -> Code:
    """The wrapper of a signature in a row. Raises ValueError for a type that cannot be passed."""
    return compile_text(_Wrapper(arguments, result, row).text(), "wrapper", "O1")


class _Wrapper:
    """The text of one wrapper."""

    def __init__(self, arguments: tuple[Type, ...], result: Type, row: int) -> None:
        self._arguments, self._result, self._row = arguments, result, row
        self._lines: list[str] = []
        self._serial = 0
        self._given: list[tuple[str, str]] = []

    def text(self) -> str:
        """The whole module."""
        self._check("icmp eq ptr %names, null")
        self._check(f"icmp eq i64 {self._value('and i64 %count, 4611686018427387903')}, {len(self._arguments)}")
        for number, kind in enumerate(self._arguments):
            place = self._value(f"getelementptr ptr, ptr %args, i64 {number}")
            self._argument(kind, self._value(f"load ptr, ptr {place}"))
        slots = max(1, len(registers(self._result)))
        given = "".join(f", {register} {part}" for register, part in self._given)
        self._lines.append(_word("target", 3 + 2 * self._row + 1).rstrip())
        self._lines.append(f"%status = call i32 %target(ptr %slots{given})")
        good = self._value("icmp eq i32 %status, 0")
        self._lines += [f"br i1 {good}, label %returns, label %fails", "returns:"]
        boxed = self._box(self._result, 0)
        self._lines += [f"ret ptr {boxed}", "fails:", self._fails(), "misses:", self._misses()]
        body = "\n".join(self._lines)
        return f"{_HEAD}%slots = alloca [{slots} x i64]\n{body}\n}}"

    def _value(self, instruction: str) -> str:
        self._serial += 1
        self._lines.append(f"%w{self._serial} = {instruction}")
        return f"%w{self._serial}"

    def _check(self, condition: str) -> None:
        held = self._value(condition)
        self._serial += 1
        label = f"held{self._serial}"
        self._lines += [f"br i1 {held}, label %{label}, label %misses", f"{label}:"]

    def _at(self, owner: str, offset: int, kind: str) -> str:
        place = self._value(f"getelementptr i8, ptr {owner}, i64 {offset}")
        return self._value(f"load {kind}, ptr {place}")

    def _is(self, owner: str, offset: int, address: int) -> None:
        self._check(f"icmp eq i64 {self._at(owner, offset, 'i64')}, {address}")

    def _call(self, result: str, name: str, arguments: str) -> str:
        return self._value(f"call {result} inttoptr (i64 {_address(name)} to ptr)({arguments})")

    def _argument(self, kind: Type, owner: str) -> None:
        if kind == FLOAT64:
            self._is(owner, layout.TYPE, id(float))
            self._given.append(("double", self._at(owner, layout.FLOAT_VALUE, "double")))
        elif kind == INT64:
            self._is(owner, layout.TYPE, id(int))
            self._given.append(("i64", self._integer(owner)))
        elif isinstance(kind, Scalar) and kind.kind == "b":
            self._is(owner, layout.TYPE, id(bool))
            true = self._value(f"icmp eq ptr {owner}, inttoptr (i64 {id(True)} to ptr)")
            self._given.append(("i1", true))
        elif isinstance(kind, Array):
            self._array(kind, owner)
        elif isinstance(kind, Tuple):
            self._is(owner, layout.TYPE, id(tuple))
            self._check(f"icmp eq i64 {self._at(owner, layout.TUPLE_SIZE, 'i64')}, {len(kind.items)}")
            for number, item in enumerate(kind.items):
                self._argument(item, self._at(owner, layout.TUPLE_ITEMS + 8 * number, "ptr"))
        elif kind == NONE:
            self._check(f"icmp eq ptr {owner}, inttoptr (i64 {id(None)} to ptr)")
        else:
            raise ValueError(f"an argument of type {kind.name} is not passed by the bridge")

    def _integer(self, owner: str) -> str:
        """An int of one digit is read, a longer one converted by CPython; what needs more than 64 bits is a miss."""
        head = self._at(owner, layout.INT_HEAD, "i64")
        if layout.TAGGED:
            short = self._value(f"icmp ult i64 {head}, 16")
            sign = self._value(f"sub i64 1, {self._value(f'and i64 {head}, 3')}")
        else:
            short = self._value(f"icmp ult i64 {self._value(f'add i64 {head}, 1')}, 3")
            sign = head
        self._serial += 1
        n = self._serial
        self._lines += [f"br i1 {short}, label %short{n}, label %long{n}", f"short{n}:"]
        digit = self._value(f"zext i32 {self._at(owner, layout.INT_DIGIT, 'i32')} to i64")
        small = self._value(f"mul i64 {digit}, {sign}")
        self._lines += [f"br label %whole{n}", f"long{n}:"]
        large = self._call("i64", "PyLong_AsLongLong", f"ptr {owner}")
        doubt = self._value(f"icmp eq i64 {large}, -1")
        self._lines += [f"br i1 {doubt}, label %doubt{n}, label %sure{n}", f"doubt{n}:"]
        error = self._call("ptr", "PyErr_Occurred", "")
        fine = self._value(f"icmp eq ptr {error}, null")
        self._lines += [f"br i1 {fine}, label %sure{n}, label %over{n}", f"over{n}:"]
        self._lines += [
            f"call void inttoptr (i64 {_address('PyErr_Clear')} to ptr)()",
            "br label %misses",
            f"sure{n}:",
            f"br label %whole{n}",
            f"whole{n}:",
        ]
        return self._value(f"phi i64 [{small}, %short{n}], [{large}, %sure{n}]")

    def _array(self, kind: Array, owner: str) -> None:
        self._is(owner, layout.TYPE, id(np.ndarray))
        self._is(owner, layout.ARRAY_DTYPE, id(np.dtype(kind.dtype.name)))
        self._check(f"icmp eq i32 {self._at(owner, layout.ARRAY_NDIM, 'i32')}, {kind.ndim}")
        flags = self._at(owner, layout.ARRAY_FLAGS, "i32")
        order = {"C": layout.C_CONTIGUOUS, "F": layout.F_CONTIGUOUS, "A": 0}[kind.layout]
        asked = layout.ALIGNED | layout.WRITEABLE | order | (layout.C_CONTIGUOUS if kind.layout != "C" else 0)
        if kind.layout == "A":
            asked |= layout.F_CONTIGUOUS
        wanted = layout.ALIGNED | order | (layout.WRITEABLE if kind.writable else 0)
        self._check(f"icmp eq i32 {self._value(f'and i32 {flags}, {asked}')}, {wanted}")
        self._given.append(("ptr", self._at(owner, layout.ARRAY_DATA, "ptr")))
        tables = [layout.ARRAY_SHAPE] + ([layout.ARRAY_STRIDES] if kind.layout == "A" else [])
        for table in tables:
            start = self._at(owner, table, "ptr")
            self._given += [("i64", self._at(start, 8 * number, "i64")) for number in range(kind.ndim)]
        tag = self._value(f"getelementptr i8, ptr {owner}, i64 1")
        self._given.append(("ptr", tag))

    def _box(self, kind: Type, slot: int) -> str:
        if kind == NONE:
            self._lines.append(
                f"call void inttoptr (i64 {_address('Py_IncRef')} to ptr)(ptr inttoptr (i64 {id(None)} to ptr))"
            )
            return f"inttoptr (i64 {id(None)} to ptr)"
        if isinstance(kind, Scalar):
            place = self._value(f"getelementptr i64, ptr %slots, i64 {slot}")
            value = self._value(f"load {kind.register}, ptr {place}")
            if kind.kind == "f":
                wide = value if kind == FLOAT64 else self._value(f"fpext float {value} to double")
                return self._call("ptr", "PyFloat_FromDouble", f"double {wide}")
            if kind.kind == "b":
                return self._call("ptr", "PyBool_FromLong", f"i64 {self._value(f'zext i1 {value} to i64')}")
            signed = kind.kind == "i"
            if kind.bits < 64:
                value = self._value(f"{'sext' if signed else 'zext'} {kind.register} {value} to i64")
            name = "PyLong_FromLongLong" if signed else "PyLong_FromUnsignedLongLong"
            return self._call("ptr", name, f"i64 {value}")
        if isinstance(kind, Tuple):
            made = self._call("ptr", "PyTuple_New", f"i64 {len(kind.items)}")
            for number, item in enumerate(kind.items):
                boxed = self._box(item, slot)
                slot += len(registers(item))
                self._call("i32", "PyTuple_SetItem", f"ptr {made}, i64 {number}, ptr {boxed}")
            return made
        raise ValueError(f"a result of type {kind.name} is not passed by the bridge")

    def _fails(self) -> str:
        """Hand the status to Python, which raises."""
        row = f"%row = call ptr inttoptr (i64 {_address('PyLong_FromLong')} to ptr)(i64 {self._row})"
        wide = "%wide = zext i32 %status to i64"
        status = f"%number = call ptr inttoptr (i64 {_address('PyLong_FromLong')} to ptr)(i64 %wide)"
        call = (
            f"%raised = call ptr (ptr, ...) inttoptr (i64 {_address('PyObject_CallFunctionObjArgs')} to ptr)"
            "(ptr %raises, ptr %row, ptr %number, ptr null)"
        )
        drop = f"call void inttoptr (i64 {_address('Py_DecRef')} to ptr)"
        return "\n".join(
            [
                _word("raises", 2).rstrip(),
                row,
                wide,
                status,
                call,
                f"{drop}(ptr %row)",
                f"{drop}(ptr %number)",
                "ret ptr null",
            ]
        )

    def _misses(self) -> str:
        """The wrapper of the next row, or Python."""
        if self._row == ROWS - 1:
            last = f"inttoptr (i64 {_last().address} to ptr)"
            return f"%next = call ptr {last}(ptr %self, ptr %args, i64 %count, ptr %names)\nret ptr %next"
        word = _word("further", 3 + 2 * (self._row + 1)).rstrip()
        return f"{word}\n%next = call ptr %further(ptr %self, ptr %args, i64 %count, ptr %names)\nret ptr %next"
