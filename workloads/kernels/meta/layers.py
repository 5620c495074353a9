"""A network of two linear layers, trained layer by layer and all at once.

Layer-wise: each layer is solved for exactly with the other held, in turn, which is block Gauss-Seidel (see
`gauss_seidel`) on a loss that is quadratic in each layer and not in both. Monolithic: one gradient step of all layers
together. The rival methods meet in one optimum, since this loss has no other minimum (Baldi & Hornik, "Neural networks
and principal component analysis: learning from examples without local minima", Neural Networks 2, 1989): the output is
the best fit of its rank, whose loss follows from singular values.

Both courses are known as well. A sweep over the layers is one step of the power method on the output's subspace.
For inputs of unit covariance and a balanced start along the leading modes, gradient descent moves the strength u^2 of
each mode by itself, u <- u + rate * u (s - u^2): Saxe, McClelland & Ganguli, "Exact solutions to the nonlinear dynamics
of learning in deep linear neural networks", ICLR 2014, in discrete time. It waits for log(s / u0^2) / (2 s) near the
saddle at zero; the sweeps, which have no rate, do not.

With linear layers the samples enter through two moment matrices, so a step costs the same for any number of samples.
The solves for the first layer use means where sums would do: the factor cancels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .cholesky import factor, solve_lower, solve_upper


def moments(rows: Floats, columns: Floats, product: Floats) -> None:
    """Write the mean of the outer products of `rows`, (n, a), with `columns`, (n, b), into `product`, (a, b)."""
    for i in range(product.shape[0]):
        for j in range(product.shape[1]):
            total = 0.0
            for s in range(len(rows)):
                total += float(rows[s, i]) * float(columns[s, j])
            product[i, j] = total / len(rows)


def multiply(left: Floats, right: Floats, product: Floats) -> None:
    """Write `left`, (a, k), times `right`, (k, b), into `product`, (a, b)."""
    for i in range(product.shape[0]):
        for j in range(product.shape[1]):
            product[i, j] = 0.0
        for k in range(len(right)):
            for j in range(product.shape[1]):
                product[i, j] = float(product[i, j]) + float(left[i, k]) * float(right[k, j])


def multiply_by_transpose(left: Floats, right: Floats, product: Floats) -> None:
    """Write `left`, (a, k), times the transpose of `right`, (b, k), into `product`, (a, b)."""
    for i in range(product.shape[0]):
        for j in range(product.shape[1]):
            total = 0.0
            for k in range(right.shape[1]):
                total += float(left[i, k]) * float(right[j, k])
            product[i, j] = total


def solve_rows(matrix: Floats, rows: Floats) -> None:
    """Overwrite every row r of `rows`, (a, k), by the solution x of `matrix` x = r; `matrix`, (k, k), by its factor.

    ValueError if `matrix` is not positive definite.
    """
    factor(matrix)
    for i in range(len(rows)):
        solve_lower(matrix, rows[i])
        solve_upper(matrix, rows[i])


def slope(first: Floats, second: Floats, covariance: Floats, cross: Floats, product: Floats, out: Floats) -> float:
    """Write the derivative by the product of the layers, W C - K, into `out`, (q, p), and W into `product`, (q, p).

    `covariance` C is that of the inputs, `cross` K, (q, p), the moment of outputs and inputs. Returns the loss, the
    mean of |y - W x|^2 / 2, less its part that does not depend on W.
    """
    multiply(second, first, product)
    multiply(product, covariance, out)
    loss = 0.0
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            loss += float(product[i, j]) * (0.5 * float(out[i, j]) - float(cross[i, j]))
            out[i, j] = float(out[i, j]) - float(cross[i, j])
    return loss


def monolithic_training(xs: Floats, ys: Floats, first: Floats, second: Floats, rate: float, steps: int) -> float:
    """Train both layers by `steps` steps of gradient descent, in place.

    `xs` has shape (n, p), `ys` (n, q), `first` (r, p), `second` (q, r). Returns the mean of |y - second first x|^2 / 2
    before the last step, less that of |y|^2 / 2.
    """
    covariance = np.zeros((xs.shape[1], xs.shape[1]))
    cross = np.zeros((ys.shape[1], xs.shape[1]))
    moments(xs, xs, covariance)
    moments(ys, xs, cross)
    product = np.zeros_like(cross)
    derivative = np.zeros_like(cross)
    by_second = np.zeros_like(second)
    loss = 0.0
    for _ in range(steps):
        loss = slope(first, second, covariance, cross, product, derivative)
        multiply_by_transpose(derivative, first, by_second)
        for i in range(first.shape[0]):
            for k in range(len(derivative)):
                back = rate * float(second[k, i])
                for j in range(first.shape[1]):
                    first[i, j] = float(first[i, j]) - back * float(derivative[k, j])
        for i in range(second.shape[0]):
            for j in range(second.shape[1]):
                second[i, j] = float(second[i, j]) - rate * float(by_second[i, j])
    return loss


def layerwise_training(xs: Floats, ys: Floats, first: Floats, second: Floats, sweeps: int) -> float:
    """Train the layers by `sweeps` sweeps, in place: the second solved for with the first held, then the reverse.

    Shapes and result as for `monolithic_training`, the loss being that at the end. ValueError if the inputs, or the
    hidden values, are linearly dependent.
    """
    covariance = np.zeros((xs.shape[1], xs.shape[1]))
    cross = np.zeros((ys.shape[1], xs.shape[1]))
    moments(xs, xs, covariance)
    moments(ys, xs, cross)
    kept = covariance.copy()
    regression = cross.copy()
    solve_rows(kept, regression)
    product = np.zeros_like(cross)
    derivative = np.zeros_like(cross)
    through = np.zeros_like(first)
    inner = np.zeros((len(first), len(first)))
    columns = np.zeros((first.shape[1], len(first)))
    for _ in range(sweeps):
        multiply(first, covariance, through)
        multiply_by_transpose(through, first, inner)
        multiply_by_transpose(cross, first, second)
        solve_rows(inner, second)
        moments(second, second, inner)
        moments(regression, second, columns)
        solve_rows(inner, columns)
        for i in range(first.shape[0]):
            for j in range(first.shape[1]):
                first[i, j] = float(columns[j, i])
    return slope(first, second, covariance, cross, product, derivative)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """12 inputs of unit covariance, 10 noisy outputs, small random layers.

    The singular values of the map between them fall by `permille` thousandths from one to the next.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    n, p, q, r = size["n"], 12, 10, 3
    xs = np.linalg.qr(random.normal(size=(n, p)))[0] * np.sqrt(n)
    left, right = np.linalg.qr(random.normal(size=(q, q)))[0], np.linalg.qr(random.normal(size=(p, q)))[0]
    ys = xs @ (right * 2.0 * (size["permille"] / 1000.0) ** np.arange(q)) @ left.T + 0.01 * random.normal(size=(n, q))
    return np.ascontiguousarray(xs), ys, 0.1 * random.normal(size=(r, p)), 0.1 * random.normal(size=(q, r))


def layerwise_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A random start, and `sweeps`."""
    return (*inputs(size, seed), size["sweeps"])


def monolithic_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A balanced start of strength 0.01 along the leading modes, turned by random hidden axes; rate 0.05."""
    xs, ys, first, second = inputs(size, seed)
    left, _, right = np.linalg.svd(ys.T @ xs / len(xs))
    turn = np.linalg.qr(second[: len(first)])[0]
    first, second = 0.1 * turn @ right[: len(first)], 0.1 * left[:, : len(first)] @ turn.T
    return xs, ys, np.ascontiguousarray(first), np.ascontiguousarray(second), 0.05, size["steps"]


def layerwise_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The fit is the regression on a subspace that the power method turns; its loss follows from singular values."""
    xs, ys, first, _, sweeps = before
    cross = ys.T @ xs / len(xs)
    regression = np.linalg.lstsq(xs, ys)[0].T
    basis = np.linalg.qr(cross @ first.T)[0]
    for _ in range(sweeps - 1):
        basis = np.linalg.qr(regression @ cross.T @ basis)[0]
    fitted = np.linalg.svd(xs @ regression.T / np.sqrt(len(xs)), compute_uv=False)
    best = -0.5 * float(np.sum(fitted[: len(first)] ** 2))
    return [
        Check("map", after[3] @ after[2], basis @ basis.T @ regression, 1e-9, "the power method in NumPy"),
        Check("loss", result, best, 1e-6, "closed form: singular values, Baldi & Hornik 1989"),
    ]


def monolithic_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Every mode grows by itself."""
    xs, ys, first, _, rate, steps = before
    left, strengths, right = np.linalg.svd(ys.T @ xs / len(xs))
    strengths = strengths[: len(first)]
    mode, earlier = np.full(len(first), 0.1), np.full(len(first), 0.1)
    for _ in range(steps):
        earlier, mode = mode, mode + rate * mode * (strengths - mode**2)
    end = (left[:, : len(first)] * mode**2) @ right[: len(first)]
    loss = float(np.sum(0.5 * earlier**4 - strengths * earlier**2))
    return [
        Check("map", after[3] @ after[2], end, 1e-9, "modes by themselves, Saxe, McClelland & Ganguli 2014"),
        Check("loss", result, loss, 1e-9, "modes by themselves, Saxe, McClelland & Ganguli 2014"),
    ]


KERNELS = (
    Kernel(
        name="layerwise_training",
        family="meta",
        summary="two linear layers, each solved for exactly in turn: block Gauss-Seidel",
        units=(
            Unit(layerwise_training, ("sweeps", "rows", "columns")),
            Unit(slope, ("rows", "columns")),
            Unit(moments, ("rows", "columns", "samples")),
            Unit(multiply, ("rows", "columns", "inner", "columns")),
            Unit(multiply_by_transpose, ("rows", "columns", "inner")),
            Unit(solve_rows, ("rows",)),
            Unit(factor, ("rows", "columns", "pivots")),
            Unit(solve_lower, ("rows", "columns")),
            Unit(solve_upper, ("rows", "columns")),
        ),
        signature="float64(float64[:,::1], float64[:,::1], float64[:,::1], float64[:,::1], int64)",
        sizes={
            "small": {"n": 60, "sweeps": 15, "permille": 500},
            "medium": {"n": 2000, "sweeps": 1500, "permille": 990},
            "large": {"n": 20000, "sweeps": 15000, "permille": 999},
        },
        inputs=layerwise_inputs,
        checks=layerwise_checks,
        bets={"constant_shapes": "12 inputs, 3 hidden values, 10 outputs: the loops of all products and solves"},
    ),
    Kernel(
        name="monolithic_training",
        family="meta",
        summary="two linear layers, trained together by gradient descent",
        units=(
            Unit(monolithic_training, ("steps", "hidden", "outputs", "inputs", "outputs", "hidden")),
            Unit(slope, ("rows", "columns")),
            Unit(moments, ("rows", "columns", "samples")),
            Unit(multiply, ("rows", "columns", "inner", "columns")),
            Unit(multiply_by_transpose, ("rows", "columns", "inner")),
        ),
        signature="float64(float64[:,::1], float64[:,::1], float64[:,::1], float64[:,::1], float64, int64)",
        sizes={
            "small": {"n": 60, "steps": 50, "permille": 500},
            "medium": {"n": 2000, "steps": 1000, "permille": 990},
            "large": {"n": 20000, "steps": 10000, "permille": 999},
        },
        inputs=monolithic_inputs,
        checks=monolithic_checks,
        bets={"constant_shapes": "12 inputs, 3 hidden values, 10 outputs: the loops of all products"},
    ),
)
