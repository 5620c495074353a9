"""A ledger that is kept in whole numbers until the first fraction arrives, and in floats ever after.

One meets it in any program whose inputs are typed in by people or parsed from text: `100` becomes an int, `99.5` a
float, and the balance that one call returns is the argument of the next. Nobody decided on a type.

It puts three types to one function within a few hundred calls: ints, then once an int and a float, then floats. Whoever
compiles eagerly compiles three times, once for a single call; whoever bet on the ints is wrong at the 151st call and
from then on always.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program import Decorate, WholeProgram


def balance(start: float, payment: float, months: int) -> float:
    """`start` after `months` equal payments, the last of them counted double."""
    return start + payment * (months + 1)


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the balance after the whole numbers, the one at the end, and all in between."""
    advance = decorate(balance)
    random = np.random.Generator(np.random.PCG64(13))
    months = random.integers(1, 12, 400).tolist()
    payments = random.integers(-50, 90, 400).tolist()
    total: float = 1000
    for month, payment in zip(months[:150], payments[:150], strict=True):
        total = advance(total, payment, month)
    whole = total
    history = []
    for month, payment in zip(months[150:], payments[150:], strict=True):
        total = advance(total, payment + 0.25, month)
        history.append(total)
    return {"whole": whole, "end": total, "history": np.array(history)}


PROGRAM = WholeProgram(
    name="whole_numbers_first",
    summary="a running balance whose type changes from int to float for good",
    length="short",
    stresses="argument types change after 150 calls; one of three specialisations is called once",
    run=run,
)
