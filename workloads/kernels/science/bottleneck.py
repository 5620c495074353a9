"""The information bottleneck: squeeze X into few clusters T that still tell what X says about Y.

Tishby, Pereira and Bialek (37th Allerton Conference, 1999) minimise I(X;T) - b I(T;Y) over encoders p(t|x) by three
equations that each follow from the others: p(t|x) in proportion to p(t) exp(-b D[p(y|x) || p(y|t)]), and p(t), p(y|t)
by the rules of probability. Taken in turn, as Blahut and Arimoto do for channels, they lower F = I(X;T) + b <D> in
every step, -sum p(x) log Z(x) being its value after the first of them; <D> is I(X;Y) - I(T;Y). Information is in nats.

`bottleneck_step` is one turn. Scores are taken relative to the largest, since exp of -b D underflows for large b.
`bottleneck_curve` follows the optimum from large b down, each from the one before it: clusters merge by themselves,
while from small b up they must be split by hand (Slonim, The Information Bottleneck: Theory and Applications, 2002).

Where X and Y are bits that differ with probability a, and anything else that they carry is noise, the best compression
is known: it flips the bit with probability d, I(X;T) = log 2 - h(d) and I(T;Y) = log 2 - h(a (1 - d) + d (1 - a)), by
Mrs Gerber's lemma (Wyner, Ziv, IEEE Transactions on Information Theory 19, 1973, 769; Witsenhausen, Wyner, ibid. 21,
1975, 493). Setting the derivative by d to zero gives d for each b; below b = 1 / (1 - 2 a)^2 nothing is worth telling.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def summarize(prior: Floats, conditional: Floats, encoder: Floats, marginal: Floats, decoder: Floats) -> None:
    """Write p(t), shape (t,), into `marginal` and p(y|t), shape (t, y), into `decoder`.

    `prior` is p(x), shape (x,), `conditional` p(y|x), shape (x, y), `encoder` p(t|x), shape (x, t). A cluster that is
    never used keeps its p(y|t).
    """
    count, values = conditional.shape
    for t in range(len(marginal)):
        total = 0.0
        for x in range(count):
            total += float(prior[x]) * float(encoder[x, t])
        marginal[t] = total
        if total > 0.0:
            for y in range(values):
                decoder[t, y] = 0.0
            for x in range(count):
                share = float(prior[x]) * float(encoder[x, t]) / total
                for y in range(values):
                    decoder[t, y] = float(decoder[t, y]) + share * float(conditional[x, y])


def bottleneck_step(
    prior: Floats, conditional: Floats, encoder: Floats, marginal: Floats, decoder: Floats, beta: float
) -> float:
    """Renew p(t), p(y|t) and p(t|x) in this order, in place; return F, in nats.

    The arrays are those of `summarize`. p(y|x) is positive, and so is p(y|t) of a cluster that is never used.
    """
    count, values = conditional.shape
    clusters = len(marginal)
    summarize(prior, conditional, encoder, marginal, decoder)
    logs = np.zeros((clusters, values))
    weights = np.zeros(clusters)
    for t in range(clusters):
        weights[t] = -math.inf
        if float(marginal[t]) > 0.0:
            weights[t] = math.log(float(marginal[t]))
        for y in range(values):
            logs[t, y] = math.log(float(decoder[t, y]))
    value = 0.0
    for x in range(count):
        own = 0.0
        for y in range(values):
            chance = float(conditional[x, y])
            own += chance * math.log(chance)
        best = -math.inf
        for t in range(clusters):
            agreement = 0.0
            for y in range(values):
                agreement += float(conditional[x, y]) * float(logs[t, y])
            score = float(weights[t]) + beta * (agreement - own)
            encoder[x, t] = score
            best = max(best, score)
        total = 0.0
        for t in range(clusters):
            chance = math.exp(float(encoder[x, t]) - best)
            encoder[x, t] = chance
            total += chance
        for t in range(clusters):
            encoder[x, t] = float(encoder[x, t]) / total
        value -= float(prior[x]) * (best + math.log(total))
    return value


def information(prior: Floats, channel: Floats, output: Floats) -> float:
    """Return the mutual information of a p(x), shape (x,), and a p(t|x), shape (x, t), that leads to p(t), in nats."""
    count, clusters = channel.shape
    total = 0.0
    for x in range(count):
        for t in range(clusters):
            chance = float(channel[x, t])
            if chance > 0.0:
                total += float(prior[x]) * chance * math.log(chance / float(output[t]))
    return total


def bottleneck_curve(
    prior: Floats,
    conditional: Floats,
    outcomes: Floats,
    encoder: Floats,
    betas: Floats,
    tolerance: float,
    steps: int,
    compression: Floats,
    relevance: Floats,
) -> int:
    """Write I(X;T) and I(T;Y) of the optimum for each of `betas`, shape (b,), falling; return the steps of all.

    `outcomes` is p(y), shape (y,); the other arrays are those of `summarize`. For each of `betas` the encoder is
    renewed until F falls by less than `tolerance`, or for `steps` steps.
    """
    clusters = encoder.shape[1]
    values = len(outcomes)
    marginal, decoder = np.zeros(clusters), np.full((clusters, values), 1.0 / values)
    taken = 0
    for b in range(len(betas)):
        last = math.inf
        for _ in range(steps):
            value = bottleneck_step(prior, conditional, encoder, marginal, decoder, float(betas[b]))
            taken += 1
            if last - value < tolerance:
                break
            last = value
        summarize(prior, conditional, encoder, marginal, decoder)
        compression[b] = information(prior, encoder, marginal)
        relevance[b] = information(marginal, decoder, outcomes)
    return taken


def entropy(chance: Any) -> Any:
    """The entropy of a bit, in nats."""
    return -chance * np.log(chance) - (1.0 - chance) * np.log1p(-chance)


def best_flip(flip: float, beta: float) -> float:
    """The probability d with which the best encoder flips the bit, where X and Y differ with probability `flip`."""
    low, high = 1e-300, 0.5
    for _ in range(200):
        middle = 0.5 * (low + high)
        both = flip * (1.0 - middle) + middle * (1.0 - flip)
        gain = beta * (1.0 - 2.0 * flip) * math.log((1.0 - both) / both)
        low, high = (middle, high) if gain < math.log((1.0 - middle) / middle) else (low, middle)
    return high


def curve(flip: float, betas: Floats) -> tuple[Floats, Floats]:
    """I(X;T) and I(T;Y) of the best encoders for all `betas`, by Mrs Gerber's lemma."""
    flips = np.array([best_flip(flip, float(beta)) for beta in betas])
    return np.log(2.0) - entropy(flips), np.log(2.0) - entropy(flip * (1.0 - flips) + flips * (1.0 - flip))


def random_rows(random: np.random.Generator, rows: int, columns: int) -> Floats:
    """Distributions in rows, no chance much smaller than another."""
    table = random.uniform(0.1, 1.0, (rows, columns))
    return np.ascontiguousarray(table / table.sum(axis=1, keepdims=True))


def noisy_bits(size: Mapping[str, int], random: np.random.Generator, flip: float) -> tuple[Floats, Floats]:
    """p(x) and p(y|x) of a bit that flips; X and Y say besides which of `noise` meaningless values they have."""
    noise = size["noise"]
    prior = np.tile(0.5 * random_rows(random, 1, noise)[0], 2)
    said = random_rows(random, 1, noise)[0]
    bit = np.kron(np.array([[1.0 - flip, flip], [flip, 1.0 - flip]]), np.ones((noise, 1)))
    return prior, np.ascontiguousarray(np.kron(bit, said))


def inputs_step(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Random distributions of `x` and `y` values, an encoder into `clusters`."""
    random = np.random.Generator(np.random.PCG64(seed))
    prior, conditional = random_rows(random, 1, size["x"])[0], random_rows(random, size["x"], size["y"])
    encoder = random_rows(random, size["x"], size["clusters"])
    marginal, decoder = np.zeros(size["clusters"]), np.zeros((size["clusters"], size["y"]))
    return prior, conditional, encoder, marginal, decoder, 20.0


def inputs_curve(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Noisy bits, whose X and Y have twice `noise` values; `betas` from 20 to just below the critical one."""
    random = np.random.Generator(np.random.PCG64(seed))
    flip = float(random.uniform(0.05, 0.2))
    prior, conditional = noisy_bits(size, random, flip)
    betas = np.geomspace(20.0, 0.9 / (1.0 - 2.0 * flip) ** 2, size["betas"])
    encoder = random_rows(random, len(prior), size["clusters"])
    return (
        prior,
        conditional,
        prior @ conditional,
        encoder,
        betas,
        1e-13,
        400,
        np.zeros_like(betas),
        np.zeros_like(betas),
    )


def checks_step(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """All three equations in vectorised NumPy, and F from what it is made of."""
    prior, conditional, encoder, _, _, beta = before
    marginal = prior @ encoder
    decoder = (encoder * prior[:, None]).T @ conditional / marginal[:, None]
    distances = np.sum(conditional[:, None] * np.log(conditional[:, None] / decoder), axis=2)
    new = marginal * np.exp(-beta * distances)
    new /= new.sum(axis=1, keepdims=True)
    value = float(prior @ np.sum(new * (np.log(new / marginal) + beta * distances), axis=1))
    return [
        Check("p(t|x)", after[2], new, 1e-12, "vectorised NumPy"),
        Check("p(t)", after[3], marginal, 1e-13, "vectorised NumPy"),
        Check("p(y|t)", after[4], decoder, 1e-13, "vectorised NumPy"),
        Check("F", result, value, 1e-11, "I(X;T) + b <D>, vectorised NumPy"),
    ]


def checks_curve(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Both informations are those of the best encoder that flips a bit, for every b."""
    _, conditional, _, _, betas, *_ = before
    noise = conditional.shape[1] // 2
    flip = float(conditional[0, noise:].sum())
    compression, relevance = curve(flip, betas)
    return [
        Check("I(X;T)", after[7], compression, 1e-3, "Mrs Gerber's lemma"),
        Check("I(T;Y)", after[8], relevance, 1e-3, "Mrs Gerber's lemma"),
    ]


SUMMARIZE = Unit(summarize, ("clusters", "x", "y", "x", "y"))
STEP = Unit(bottleneck_step, ("clusters", "y", "x", "y", "clusters", "y", "clusters", "clusters"))
SHORT = {"constant_shapes": "sums over the 2 to 8 clusters and few values of Y, in every row of the encoder"}

KERNELS = (
    Kernel(
        name="bottleneck_step",
        family="science",
        summary="one turn of the information bottleneck's three equations",
        units=(STEP, SUMMARIZE),
        signature="float64(float64[::1], float64[:,::1], float64[:,::1], float64[::1], float64[:,::1], float64)",
        sizes={
            "small": {"x": 300, "y": 8, "clusters": 5},
            "medium": {"x": 8000, "y": 10, "clusters": 8},
            "large": {"x": 80000, "y": 10, "clusters": 8},
        },
        inputs=inputs_step,
        checks=checks_step,
        bets=SHORT,
    ),
    Kernel(
        name="bottleneck_curve",
        family="science",
        summary="information bottleneck from weak to strong compression: the curve of relevance against cost",
        units=(
            Unit(bottleneck_curve, ("betas", "steps")),
            STEP,
            SUMMARIZE,
            Unit(information, ("x", "clusters")),
        ),
        signature=(
            "int64(float64[::1], float64[:,::1], float64[::1], float64[:,::1], float64[::1], float64, int64,"
            " float64[::1], float64[::1])"
        ),
        sizes={
            "small": {"noise": 2, "clusters": 2, "betas": 8},
            "medium": {"noise": 8, "clusters": 4, "betas": 60},
            "large": {"noise": 20, "clusters": 6, "betas": 80},
        },
        inputs=inputs_curve,
        checks=checks_curve,
        bets=SHORT,
    ),
)
