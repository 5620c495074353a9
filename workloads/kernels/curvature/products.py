"""Hessian-vector products, each one call: of logistic regression on sparse rows, and of a network by the R-operator.

For the mean logistic loss of sparse samples the product is X' (D (X v)) / m + penalty v: a gather of `vector` by column
numbers, a weight per sample, and a scatter into the product by the same numbers. This is the inner loop of liblinear's
trust-region Newton (Lin, Weng & Keerthi, Journal of Machine Learning Research 9, 2008); nothing is stored but X, row by
row, and D.

For a network, differentiating the backward pass along a vector gives an exact product for the price of two gradients
(Pearlmutter, Neural Computation 6(1), 1994). A difference of two gradients would be as cheap and lose half the digits.
The check differentiates the gradient in the complex plane, where there is no cancellation (Squire & Trapp, SIAM Review
40(1), 1998).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def sparse_hessian_times(
    starts: Indices, columns: Indices, values: Floats, margins: Floats, penalty: float, vector: Floats, product: Floats
) -> None:
    """Write the logistic Hessian at `margins`, (samples,), times `vector`, (width,), into `product`, (width,).

    The samples are the rows of a CSR matrix: `starts` (samples + 1,), `columns` and `values` (non-zeros,).
    IndexError for a column beyond the width or an array that is too short; ZeroDivisionError without samples.
    """
    share = 1.0 / len(margins)
    for j in range(len(vector)):
        product[j] = penalty * float(vector[j])
    for row in range(len(margins)):
        first = int(starts[row])
        last = int(starts[row + 1])
        total = 0.0
        for k in range(first, last):
            total += float(values[k]) * float(vector[int(columns[k])])
        fading = math.exp(-abs(float(margins[row])))
        total *= share * fading / ((1.0 + fading) * (1.0 + fading))
        for k in range(first, last):
            j = int(columns[k])
            product[j] = float(product[j]) + total * float(values[k])


def network_hessian_times(
    samples: Floats,
    targets: Floats,
    hidden: Floats,
    output: Floats,
    hidden_vector: Floats,
    output_vector: Floats,
    hidden_product: Floats,
    output_product: Floats,
) -> float:
    """Write the Hessian of a network's mean squared error / 2, times a vector, into the two products; return the loss.

    The network is `output` . tanh(`hidden` x): `hidden` (units, width), `output` (units,), and so are the parts of
    the vector and of the product. `samples` is (m, width), `targets` (m,). IndexError if an array is too short;
    ZeroDivisionError without samples.
    """
    share = 1.0 / len(samples)
    units = len(output)
    width = samples.shape[1]
    active = np.zeros(units)
    moved = np.zeros(units)
    for u in range(units):
        output_product[u] = 0.0
        for j in range(width):
            hidden_product[u, j] = 0.0
    loss = 0.0
    for row in range(len(samples)):
        error = -float(targets[row])
        change = 0.0
        for u in range(units):
            total = 0.0
            turned = 0.0
            for j in range(width):
                feature = float(samples[row, j])
                total += float(hidden[u, j]) * feature
                turned += float(hidden_vector[u, j]) * feature
            value = math.tanh(total)
            turned *= 1.0 - value * value
            active[u] = value
            moved[u] = turned
            error += float(output[u]) * value
            change += float(output_vector[u]) * value + float(output[u]) * turned
        loss += 0.5 * share * error * error
        for u in range(units):
            value = float(active[u])
            turned = float(moved[u])
            slope = 1.0 - value * value
            output_product[u] = float(output_product[u]) + share * (change * value + error * turned)
            back = slope * (change * float(output[u]) + error * float(output_vector[u]))
            back -= 2.0 * error * float(output[u]) * value * turned
            for j in range(width):
                hidden_product[u, j] = float(hidden_product[u, j]) + share * back * float(samples[row, j])
    return loss


def sparse_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`samples` rows of up to `row` non-zeros among `width` columns, as in a bag of words."""
    random = np.random.Generator(np.random.PCG64(seed))
    lengths = random.integers(size["row"] // 2, size["row"] + 1, size["samples"])
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = random.integers(0, size["width"], int(starts[-1]), dtype=np.int64)
    values = random.standard_normal(len(columns))
    margins = 2.0 * random.standard_normal(size["samples"])
    vector = random.standard_normal(size["width"])
    return starts, columns, values, margins, 0.01, vector, np.zeros(size["width"])


def sparse_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The product from sums by row and by column, with the curvature from the hyperbolic cosine."""
    starts, columns, values, margins, penalty, vector, _ = before
    rows = np.repeat(np.arange(len(margins)), np.diff(starts))
    along = np.bincount(rows, values * vector[columns], len(margins))
    along *= 0.25 / np.cosh(0.5 * margins) ** 2 / len(margins)
    product = np.bincount(columns, values * along[rows], len(vector)) + penalty * vector
    return [Check("product", after[6], product, 1e-12, "X' D X v by numpy.bincount")]


def network_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`samples` of 6 features through 8 hidden units, a vector, and room for the product."""
    random = np.random.Generator(np.random.PCG64(seed))
    hidden, output = random.standard_normal((8, 6)) / 2.0, random.standard_normal(8)
    vector = random.standard_normal((8, 6)), random.standard_normal(8)
    samples, targets = random.standard_normal((size["samples"], 6)), random.standard_normal(size["samples"])
    return samples, targets, hidden, output, *vector, np.zeros((8, 6)), np.zeros(8)


def network_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The derivative of the gradient along the vector, by a complex step."""
    samples, targets, hidden, output, hidden_vector, output_vector, _, _ = before
    tiny = 1e-30
    turned, weights = hidden + 1j * tiny * hidden_vector, output + 1j * tiny * output_vector
    active = np.tanh(samples @ turned.T)
    error = (active @ weights - targets) / len(samples)
    back = (error[:, None] * weights * (1.0 - active**2)).T @ samples
    loss = 0.5 * float(np.mean((np.tanh(samples @ hidden.T) @ output - targets) ** 2))
    return [
        Check("hidden layer", after[6], back.imag / tiny, 1e-12, "complex-step derivative of the gradient"),
        Check("output layer", after[7], (active.T @ error).imag / tiny, 1e-12, "complex-step derivative"),
        Check("loss", result, loss, 1e-12, "vectorised"),
    ]


KERNELS = (
    Kernel(
        name="sparse_hessian_times",
        family="curvature",
        summary="Hessian-vector product of logistic regression on sparse rows: gather, weigh, scatter",
        units=(Unit(sparse_hessian_times, ("columns", "samples", "non-zeros", "non-zeros")),),
        signature="none(int64[::1], int64[::1], float64[::1], float64[::1], float64, float64[::1], float64[::1])",
        sizes={
            "small": {"samples": 1000, "row": 20, "width": 500},
            "medium": {"samples": 50000, "row": 30, "width": 5000},
            "large": {"samples": 500000, "row": 30, "width": 20000},
        },
        inputs=sparse_inputs,
        checks=sparse_checks,
        bets={"index_maxima": "columns[k], which indexes `vector` and `product` in both inner loops"},
    ),
    Kernel(
        name="network_hessian_times",
        family="curvature",
        summary="exact Hessian-vector product of a one-layer network by the R-operator",
        units=(
            Unit(
                network_hessian_times,
                ("units", "features", "samples", "units", "features", "units", "features"),
            ),
        ),
        signature=(
            "float64(float64[:, ::1], float64[::1], float64[:, ::1], float64[::1], "
            "float64[:, ::1], float64[::1], float64[:, ::1], float64[::1])"
        ),
        sizes={"small": {"samples": 300}, "medium": {"samples": 20000}, "large": {"samples": 200000}},
        inputs=network_inputs,
        checks=network_checks,
        bets={},
    ),
)
