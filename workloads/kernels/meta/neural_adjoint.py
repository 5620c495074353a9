"""Inverse design through a network that was trained on the simulator: the neural adjoint.

Ren, Padilla & Malof, "Benchmarking deep inverse models over time, and the neural-adjoint method", NeurIPS 2020: train a
network on samples of the simulator, then hold it and descend from many random designs towards a wanted response. Two
things keep the designs honest. A hinge outside of the sampled box pulls back those that leave for where the network has
seen nothing (their boundary loss), and of all designs that one is returned which the network predicts best, as most
inverse problems have several answers.

The simulator is theirs as well (from Kruse, Ardizzone, Rother & Kothe, "Benchmarking invertible architectures on
inverse problems", 2019): an arm of three segments on a rail, four numbers in, the place of its hand out. The network
has one hidden layer and is trained one sample at a time.

The reference runs training and descent again with complex-step derivatives, so that no backward pass is in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def respond(hidden: Floats, output: Floats, design: Floats, activations: Floats, response: Floats) -> None:
    """Write the network's prediction for `design`, shape (inputs,), into `response`, shape (outputs,).

    `hidden`, shape (units, inputs + 1), and `output`, shape (outputs, units + 1), end in a column of biases.
    `activations`, shape (units,), is written as well.
    """
    for h in range(len(hidden)):
        inside = float(hidden[h, len(design)])
        for k in range(len(design)):
            inside += float(hidden[h, k]) * float(design[k])
        activations[h] = math.tanh(inside)
    for o in range(len(response)):
        total = float(output[o, len(hidden)])
        for h in range(len(hidden)):
            total += float(output[o, h]) * float(activations[h])
        response[o] = total


def train_sample(
    hidden: Floats, output: Floats, design: Floats, activations: Floats, error: Floats, rate: float
) -> None:
    """Take one descent step on |error|^2 / 2 for the sample `design`, in `hidden` and `output`, in place.

    `activations` are those of `respond`, `error`, shape (outputs,), is its response less the true one.
    """
    for h in range(len(hidden)):
        activation = float(activations[h])
        back = 0.0
        for o in range(len(error)):
            back += float(error[o]) * float(output[o, h])
            output[o, h] = float(output[o, h]) - rate * float(error[o]) * activation
        back *= rate * (1.0 - activation * activation)
        for k in range(len(design)):
            hidden[h, k] = float(hidden[h, k]) - back * float(design[k])
        hidden[h, len(design)] = float(hidden[h, len(design)]) - back
    for o in range(len(error)):
        output[o, len(hidden)] = float(output[o, len(hidden)]) - rate * float(error[o])


def move_design(
    hidden: Floats, output: Floats, design: Floats, activations: Floats, error: Floats, rate: float, hinge: float
) -> None:
    """Take one descent step on |error|^2 / 2 plus `hinge` times the way out of the box [-1, 1], in `design`, in place.

    `activations` are those of `respond`, `error`, shape (outputs,), is its response less the wanted one.
    """
    for k in range(len(design)):
        slope = 0.0
        if float(design[k]) > 1.0:
            slope = hinge
        elif float(design[k]) < -1.0:
            slope = -hinge
        for h in range(len(hidden)):
            back = 0.0
            for o in range(len(error)):
                back += float(error[o]) * float(output[o, h])
            slope += back * (1.0 - float(activations[h]) * float(activations[h])) * float(hidden[h, k])
        design[k] = float(design[k]) - rate * slope


def neural_adjoint(
    samples: Floats,
    responses: Floats,
    hidden: Floats,
    output: Floats,
    rate: float,
    epochs: int,
    target: Floats,
    designs: Floats,
    design_rate: float,
    hinge: float,
    steps: int,
    losses: Floats,
) -> int:
    """Train a network on `samples`, (n, inputs), and `responses`, (n, outputs); then move `designs`, (k, inputs).

    Networks as for `respond`; both they and the designs are changed in place. Writes |prediction - target|^2 / 2 of
    the designs into `losses`, shape (k,); returns the index of the least.
    """
    activations = np.zeros(len(hidden))
    error = np.zeros(len(target))
    for _ in range(epochs):
        for i in range(len(samples)):
            respond(hidden, output, samples[i], activations, error)
            for o in range(len(target)):
                error[o] = float(error[o]) - float(responses[i, o])
            train_sample(hidden, output, samples[i], activations, error, rate)
    best = 0
    for d in range(len(designs)):
        for _ in range(steps):
            respond(hidden, output, designs[d], activations, error)
            for o in range(len(target)):
                error[o] = float(error[o]) - float(target[o])
            move_design(hidden, output, designs[d], activations, error, design_rate, hinge)
        respond(hidden, output, designs[d], activations, error)
        loss = 0.0
        for o in range(len(target)):
            loss += 0.5 * (float(error[o]) - float(target[o])) * (float(error[o]) - float(target[o]))
        losses[d] = loss
        if loss < float(losses[best]):
            best = d
    return best


def arm(designs: Any) -> Any:
    """Where the hands are of arms, shape (..., 4): place of the shoulder on its rail, and three angles in radians."""
    angles = np.cumsum(designs[..., 1:], axis=-1)
    lengths = np.array([0.5, 0.5, 1.0])
    return np.stack([designs[..., 0] + np.sin(angles) @ lengths, np.cos(angles) @ lengths], axis=-1)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Arms drawn from [-1, 1]^4, random weights, designs near the middle, and a place within reach for the hand."""
    random = np.random.Generator(np.random.PCG64(seed))
    units = size["units"]
    samples = random.uniform(-1.0, 1.0, (size["samples"], 4))
    hidden, output = random.normal(size=(units, 5)) / 2.0, random.normal(size=(2, units + 1)) / np.sqrt(units)
    designs = random.uniform(-0.5, 0.5, (size["designs"], 4))
    target = np.array([0.6, 1.5])
    return (
        *(samples, arm(samples), hidden, output, 0.05, size["epochs"]),
        *(target, designs, 0.1, 0.1, size["steps"], np.zeros(len(designs))),
    )


def reference_response(hidden: Any, output: Any, designs: Any) -> Any:
    """Predictions; any argument may be complex, and have leading axes that broadcast."""
    activations = np.tanh(np.einsum("...hk,...k->...h", hidden[..., :-1], designs) + hidden[..., -1])
    return np.einsum("...oh,...h->...o", output[..., :-1], activations) + output[..., -1]


def retrained(before: tuple[Any, ...]) -> tuple[Any, Any]:
    """The trained layers, by complex-step derivatives of the loss by all weights at once."""
    samples, responses, hidden, output, rate, epochs = before[:6]
    hidden, output = hidden.copy(), output.copy()
    ways = 1e-30j * np.eye(hidden.size + output.size)
    into_hidden = ways[:, : hidden.size].reshape(-1, *hidden.shape)
    into_output = ways[:, hidden.size :].reshape(-1, *output.shape)
    for sample, response in list(zip(samples, responses, strict=True)) * epochs:
        errors = reference_response(hidden + into_hidden, output + into_output, sample) - response
        slopes = np.sum(errors**2, axis=1).imag / 2e-30
        hidden -= rate * slopes[: hidden.size].reshape(hidden.shape)
        output -= rate * slopes[hidden.size :].reshape(output.shape)
    return hidden, output


def checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Training and descent again, all designs together."""
    hidden, output = retrained(before)
    target, designs, rate, hinge, steps = before[6:11]
    for _ in range(steps):
        ways = designs[:, None] + 1e-30j * np.eye(designs.shape[1])
        slopes = np.sum((reference_response(hidden, output, ways) - target) ** 2, axis=2).imag / 2e-30
        designs = designs - rate * (slopes + hinge * np.sign(designs) * (np.abs(designs) > 1.0))
    losses = 0.5 * np.sum((reference_response(hidden, output, designs) - target) ** 2, axis=1)
    source = "training and descent in NumPy, complex-step derivatives"
    return [
        Check("hidden layer", after[2], hidden, 1e-9, source),
        Check("output layer", after[3], output, 1e-9, source),
        Check("designs", after[7], designs, 1e-8, source),
        Check("losses", after[11], losses, 1e-8, source),
        Check("best design", result, np.argmin(losses), 0.0, source),
    ]


KERNELS = (
    Kernel(
        name="neural_adjoint",
        family="meta",
        summary="inverse design of an arm: a network trained on samples, then descended by its inputs",
        units=(
            Unit(neural_adjoint, ("epochs", "samples", "outputs", "designs", "steps", "outputs", "outputs")),
            Unit(train_sample, ("units", "outputs", "inputs", "outputs")),
            Unit(move_design, ("inputs", "units", "outputs")),
            Unit(respond, ("units", "inputs", "outputs", "units")),
        ),
        signature="int64(float64[:,::1], float64[:,::1], float64[:,::1], float64[:,::1], float64, int64, float64[::1], "
        "float64[:,::1], float64, float64, int64, float64[::1])",
        sizes={
            "small": {"samples": 50, "units": 8, "epochs": 4, "designs": 3, "steps": 40},
            "medium": {"samples": 500, "units": 16, "epochs": 20, "designs": 20, "steps": 200},
            "large": {"samples": 1000, "units": 32, "epochs": 60, "designs": 40, "steps": 300},
        },
        inputs=inputs,
        checks=checks,
        bets={"constant_shapes": "4 inputs and 2 outputs: the innermost loops of training and of descent"},
    ),
)
