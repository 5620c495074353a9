"""Memory of arrays that compiled code makes: a pool per call, emptied when the call returns.

An array's last part is its owner: null, the block that it lies in, or, with the lowest bit set, the Python object of an
argument. Blocks of one call hang on a list, the pool; each begins with the next block, and a word that names the pool,
or is 1 while the block belongs to nobody. When a call returns, its pool is freed but for what the result lies in: that
becomes nobody's, and whoever called takes it into a pool of its own, or, outermost, makes an array object of it. A
result may also lie in a block of the caller's pool, and that is not the callee's to give away: so the word says whose
it is. An exception frees all.

Rounds of a loop: what a round made is freed at its end, unless the loop carries an array from round to round; arrays
that are made in such a loop are refused, since memory would grow with the rounds. Rejected: reference counts, which
every assignment and every path out of it would have to keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiering.baseline.text import Block, Writer
from tiering.baseline.types import Array, Tuple, Type
from tiering.baseline.values import Value, items

if TYPE_CHECKING:
    from tiering.baseline.lowering import Lowering

HEAD_BYTES = 16
"""Before the data of a block: the next block, and the pool that it is in, 1 for nobody's."""

POOL = "%pool"

RUNTIME = """
declare ptr @malloc(i64)
declare ptr @calloc(i64, i64)
declare void @free(ptr)
define internal void @tiering.release(ptr %pool, ptr %until) {
entry:
%first = load ptr, ptr %pool
br label %head
head:
%block = phi ptr [%first, %entry], [%next, %freed]
%ends = icmp eq ptr %block, %until
br i1 %ends, label %done, label %more
more:
%next = load ptr, ptr %block
%word = getelementptr i64, ptr %block, i64 1
%state = load i64, ptr %word
%kept = icmp eq i64 %state, 1
br i1 %kept, label %freed, label %frees
frees:
call void @free(ptr %block)
br label %freed
freed:
br label %head
done:
store ptr %until, ptr %pool
ret void
}
define internal void @tiering.keep(ptr %pool, ptr %owner) {
entry:
%bits = ptrtoint ptr %owner to i64
%tag = and i64 %bits, 1
%foreign = icmp eq i64 %tag, 1
%none = icmp eq ptr %owner, null
%skips = or i1 %foreign, %none
br i1 %skips, label %done, label %marks
marks:
%word = getelementptr i64, ptr %owner, i64 1
%state = load i64, ptr %word
%home = ptrtoint ptr %pool to i64
%own = icmp eq i64 %state, %home
br i1 %own, label %sets, label %done
sets:
store i64 1, ptr %word
br label %done
done:
ret void
}
define internal void @tiering.adopt(ptr %pool, ptr %owner) {
entry:
%bits = ptrtoint ptr %owner to i64
%tag = and i64 %bits, 1
%foreign = icmp eq i64 %tag, 1
%none = icmp eq ptr %owner, null
%skips = or i1 %foreign, %none
br i1 %skips, label %done, label %looks
looks:
%word = getelementptr i64, ptr %owner, i64 1
%state = load i64, ptr %word
%free = icmp eq i64 %state, 1
br i1 %free, label %takes, label %done
takes:
store ptr %pool, ptr %word
%first = load ptr, ptr %pool
store ptr %first, ptr %owner
store ptr %owner, ptr %pool
br label %done
done:
ret void
}
"""


def holds_array(kind: Type) -> bool:
    """Whether a value of this type has memory."""
    return isinstance(kind, Array) or (isinstance(kind, Tuple) and any(holds_array(item) for item in kind.items))


def owners(value: Value) -> list[str]:
    """The owners of all arrays in a value."""
    if isinstance(value.type, Array):
        return [value.parts[-1]]
    return [owner for item in items(value) for owner in owners(item)] if isinstance(value.type, Tuple) else []


def begin(text: Writer) -> None:
    """An empty pool, at the entry of a function that makes arrays."""
    text.blocks[0].lines[:0] = [f"{POOL} = alloca ptr", f"store ptr null, ptr {POOL}"]
    text.declarations["tiering.release"] = ""


def leave(text: Writer, allocates: bool, block: Block, kept: list[str] | None = None) -> None:
    """Before a return at the end of a block: free the pool but for what is kept."""
    if not allocates:
        return
    block.lines += [f"call void @tiering.keep(ptr {POOL}, ptr {owner})" for owner in kept or []]
    block.lines.append(f"call void @tiering.release(ptr {POOL}, ptr null)")


def opened(text: Writer, allocates: bool) -> str:
    """At the beginning of a round: what the pool holds."""
    return text.value(f"load ptr, ptr {POOL}") if allocates else ""


def closed(text: Writer, mark: str) -> None:
    """At the end of a round: free what it made."""
    if mark:
        text.line(f"call void @tiering.release(ptr {POOL}, ptr {mark})")


def adopt(lower: Lowering, value: Value) -> None:
    """Take what a called function made into this function's pool."""
    need_pool(lower)
    for owner in owners(value):
        lower.text.line(f"call void @tiering.adopt(ptr {POOL}, ptr {owner})")


def need_pool(lower: Lowering) -> None:
    """This function makes arrays. Raises Again where that was not known at its beginning."""
    from tiering.baseline.lowering import Again

    if lower.kept:
        lower.refuse("an array made in a loop that carries arrays from round to round")
    if not lower.knowledge.allocates:
        lower.knowledge.allocates = True
        raise Again
