"""Learning from sparse rows, one at a time: Pegasos, a stochastic subgradient method, and Adagrad.

Text is the case for both: a row holds a few of many words, most words are rare, and a step must cost what the row
holds and not what the vocabulary does. Rows are compressed (values, columns, where each row starts), so the weights are
gathered and scattered through `columns`, whose values no compiler knows. The test of each index costs Pegasos about a
seventh of its time; beside the roots and divisions of Adagrad it does not show.

Pegasos (Shalev-Shwartz, Singer & Srebro, ICML 2007) minimizes hinge loss and L2 penalty at the rate 1 / (penalty
* t). With this rate the weights are at all times the sum of label * row over the steps that found a margin below 1,
divided by penalty * t (their section 2); the sum is kept in place of the weights, and the shrinkage of all weights in
each step costs nothing. The same form gives the check: a count per row, and a dense recursion as in their figure 1.

Adagrad (Duchi, Hazan & Singer, JMLR 12, 2011) was made for such rows: a rare word keeps the large rate that frequent
words have used up. The loss is logistic, from exp(-|margin|), which cannot overflow. The check keeps all gradients,
dense, and sums their squares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def sparse_score(values: Floats, columns: Indices, start: int, stop: int, weights: Floats) -> float:
    """The scalar product of the row in places `start` to `stop` and `weights`. IndexError if a column is outside."""
    score = 0.0
    for k in range(start, stop):
        score += float(values[k]) * float(weights[int(columns[k])])
    return score


def pegasos(
    values: Floats,
    columns: Indices,
    starts: Indices,
    labels: Floats,
    order: Indices,
    weights: Floats,
    violations: Indices,
    penalty: float,
) -> int:
    """Write the weights after a step on each row in `order` into `weights`, which must be 0; return the violations.

    `values` and `columns` have shape (entries,), `starts` (rows + 1,), `labels` (rows,) of -1.0 or 1.0, `weights`
    (columns,). `violations`, shape (rows,), counts the steps that found a margin below 1. IndexError if an index is
    outside; ZeroDivisionError if `order` is empty or `penalty` is 0.
    """
    total = 0
    scale = 1.0
    for t in range(len(order)):
        row = int(order[t])
        start, stop = int(starts[row]), int(starts[row + 1])
        label = float(labels[row])
        if label * scale * sparse_score(values, columns, start, stop, weights) < 1.0:
            for k in range(start, stop):
                j = int(columns[k])
                weights[j] = float(weights[j]) + label * float(values[k])
            violations[row] = int(violations[row]) + 1
            total += 1
        scale = 1.0 / (penalty * (t + 1))
    for j in range(len(weights)):
        weights[j] = scale * float(weights[j])
    return total


def adagrad_sparse(
    values: Floats,
    columns: Indices,
    starts: Indices,
    labels: Floats,
    order: Indices,
    weights: Floats,
    squares: Floats,
    rate: float,
    epsilon: float,
) -> float:
    """Take a step of Adagrad on each row in `order`; return the mean of the losses found before the steps.

    `weights` and the sums of squared gradients `squares`, both of shape (columns,), are changed in place; other shapes
    and IndexError as in `pegasos`. ZeroDivisionError if `order` is empty or a denominator is 0.
    """
    loss = 0.0
    for t in range(len(order)):
        row = int(order[t])
        start, stop = int(starts[row]), int(starts[row + 1])
        label = float(labels[row])
        margin = label * sparse_score(values, columns, start, stop, weights)
        fading = math.exp(-abs(margin))
        wrong = 1.0 / (1.0 + fading)
        if margin > 0.0:
            wrong = fading / (1.0 + fading)
        loss += math.log(1.0 + fading) + max(0.0, -margin)
        for k in range(start, stop):
            j = int(columns[k])
            slope = -label * wrong * float(values[k])
            seen = float(squares[j]) + slope * slope
            squares[j] = seen
            weights[j] = float(weights[j]) - rate * slope / (math.sqrt(seen) + epsilon)
    return loss / len(order)


def rows_of_words(size: Mapping[str, int], random: np.random.Generator) -> tuple[Floats, Indices, Indices, Floats]:
    """`rows` rows of unit length with up to `words` distinct words; the frequency of a word falls as 1 / rank (Zipf).

    A tenth of the labels, planted by normal weights, is flipped.
    """
    ranks = np.exp(random.random((size["rows"], size["words"])) * math.log(size["columns"])).astype(np.int64) - 1
    words = [np.unique(row) for row in ranks]
    lengths = np.array([len(row) for row in words])
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = np.concatenate(words).astype(np.int64)
    values = np.repeat(1.0 / np.sqrt(lengths), lengths)
    scores = np.add.reduceat(random.standard_normal(size["columns"])[columns] * values, starts[:-1])
    labels = np.where(scores > 0.0, 1.0, -1.0)
    labels[random.random(size["rows"]) < 0.1] *= -1.0
    return values, columns, starts, labels


def pegasos_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Rows of words, `steps` of them drawn with replacement, and a penalty of 0.01."""
    random = np.random.Generator(np.random.PCG64(seed))
    rows = rows_of_words(size, random)
    order = random.integers(0, size["rows"], size["steps"], dtype=np.int64)
    return *rows, order, np.zeros(size["columns"]), np.zeros(size["rows"], np.int64), 0.01


def adagrad_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Rows of words, `steps` of them drawn with replacement, and a rate of 0.5."""
    random = np.random.Generator(np.random.PCG64(seed))
    rows = rows_of_words(size, random)
    order = random.integers(0, size["rows"], size["steps"], dtype=np.int64)
    return *rows, order, np.zeros(size["columns"]), np.zeros(size["columns"]), 0.5, 1e-8


def dense(values: Floats, columns: Indices, starts: Indices, width: int, row: int) -> Floats:
    """One row with its zeros, shape (width,)."""
    filled = np.zeros(width)
    filled[columns[starts[row] : starts[row + 1]]] = values[starts[row] : starts[row + 1]]
    return filled


def pegasos_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """The recursion of the paper with dense weights that shrink in every step, and the weights from the counts."""
    values, columns, starts, labels, order, weights, counts, penalty = before
    weights, counts = weights.copy(), counts.copy()
    for t, row in enumerate(order, 1):
        x = dense(values, columns, starts, len(weights), row)
        violated = labels[row] * (weights @ x) < 1.0
        weights *= 1.0 - 1.0 / t
        weights += violated * labels[row] / (penalty * t) * x
        counts[row] += violated
    entries = np.repeat(after[6] * labels, np.diff(starts)) * values
    expansion = np.bincount(columns, entries, len(weights)) / (penalty * len(order))
    return [
        Check("weights", after[5], weights, 1e-10, "dense recursion (Shalev-Shwartz et al. 2007, figure 1)"),
        Check("violations of each row", after[6], counts, 0.0, "dense recursion"),
        Check("weights by counts", after[5], expansion, 1e-10, "sum over the violating rows (their section 2)"),
        Check("violations", result, int(after[6].sum()), 0.0, "sum over the rows"),
    ]


def adagrad_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Dense rows, where an absent word has a gradient of 0 and does not move."""
    values, columns, starts, labels, order, weights, squares, rate, epsilon = before
    root, weights, losses = np.sqrt(squares), weights.copy(), []
    for row in order:
        x = dense(values, columns, starts, len(weights), row)
        margin = labels[row] * (weights @ x)
        losses.append(np.logaddexp(0.0, -margin))
        slope = -labels[row] * np.exp(-np.logaddexp(0.0, margin)) * x
        root = np.hypot(root, slope)
        weights -= rate * slope / (root + epsilon)
    return [
        Check("weights", after[5], weights, 1e-9, "dense Adagrad by hypot (Duchi et al. 2011)"),
        Check("roots of the sums", np.sqrt(after[6]), root, 1e-10, "dense Adagrad by hypot"),
        Check("mean loss", result, float(np.mean(losses)), 1e-10, "logaddexp"),
    ]


KERNELS = (
    Kernel(
        name="pegasos",
        family="first_order",
        summary="stochastic subgradient descent for a support vector machine on sparse rows",
        units=(Unit(pegasos, ("steps", "entries of a row", "columns")), Unit(sparse_score, ("entries of a row",))),
        signature=(
            "int64(float64[::1], int64[::1], int64[::1], float64[::1], int64[::1], float64[::1], int64[::1], float64)"
        ),
        sizes={
            "small": {"rows": 300, "words": 20, "columns": 200, "steps": 1500},
            "medium": {"rows": 10_000, "words": 40, "columns": 2000, "steps": 40_000},
            "large": {"rows": 20_000, "words": 40, "columns": 2000, "steps": 400_000},
        },
        inputs=pegasos_inputs,
        checks=pegasos_checks,
        bets={"index_maxima": "weights[columns[k]], read for every entry of a row and in a violation written back"},
    ),
    Kernel(
        name="adagrad_sparse",
        family="first_order",
        summary="Adagrad for logistic regression on sparse rows",
        units=(Unit(adagrad_sparse, ("steps", "entries of a row")), Unit(sparse_score, ("entries of a row",))),
        signature=(
            "float64(float64[::1], int64[::1], int64[::1], float64[::1], int64[::1], float64[::1], float64[::1], "
            "float64, float64)"
        ),
        sizes={
            "small": {"rows": 300, "words": 20, "columns": 200, "steps": 1500},
            "medium": {"rows": 10_000, "words": 40, "columns": 2000, "steps": 40_000},
            "large": {"rows": 20_000, "words": 40, "columns": 2000, "steps": 400_000},
        },
        inputs=adagrad_inputs,
        checks=adagrad_checks,
        bets={},
    ),
)
