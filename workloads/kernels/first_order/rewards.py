"""Rewards that come rarely: a policy's gradient is zero nearly always, and Adagrad and Adam disagree about what to do.

A contextual bandit with a softmax policy per context, trained by REINFORCE (Williams, Machine Learning 8, 1992): the
gradient is action taken - chances, in the row of one context, and 0 without a reward. Every action is paid now and
then, the best of its context a few times as often as the others, so no single reward tells which is best.

Adagrad (Duchi, Hazan & Singer 2011) touches a row when it is rewarded and takes the k-th like reward with a step of
rate / sqrt(k). Adam (Kingma & Ba 2015) goes over all rows in each step, moves on from old rewards while there are no
new ones, and forgets how many there were: a lone gradient, whatever its size, moves a weight by rate * (1 - beta1) /
sqrt(1 - beta2) / (1 - beta1 / sqrt(beta2)) in all, 31.8 times the rate with the usual constants, and the hundredth
likewise. With rates for which a first reward counts the same, some of Adam's contexts end with certainty at an action
that is not the best; a far smaller rate would mend it and cost Adam its start.

The draws of contexts, actions and luck are made beforehand; an action is the first whose summed chances exceed its
draw. The checks take the same draws through arrays: for Adagrad the roots of the sums of squares as lengths by hypot,
for Adam the moments as sums over past rewards only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from .adam_steps import adam_step


def choose(preferences: Floats, first: int, draw: float, chances: Floats) -> int:
    """Write the softmax of the preferences from place `first` on into `chances`, shape (actions,).

    Returns the action that `draw`, from 0 to 1, falls on. IndexError if `preferences` ends before the last action.
    """
    actions = len(chances)
    most = -math.inf
    for a in range(actions):
        most = max(most, float(preferences[first + a]))
    total = 0.0
    for a in range(actions):
        raised = math.exp(float(preferences[first + a]) - most)
        chances[a] = raised
        total += raised
    action, summed = actions - 1, 0.0
    for a in range(actions):
        chances[a] = float(chances[a]) / total
    for a in range(actions):
        summed += float(chances[a])
        if draw < summed:
            action = a
            break
    return action


def sparse_reward_adagrad(
    contexts: Indices,
    draws: Floats,
    lucks: Floats,
    odds: Floats,
    preferences: Floats,
    squares: Floats,
    actions: int,
    rate: float,
    epsilon: float,
) -> int:
    """Act once for each of `contexts`, learn from rewards by Adagrad; return how many rewards there were.

    `contexts`, `draws` and `lucks` have shape (steps,). `odds`, `preferences` and the sums of squared gradients
    `squares` have shape (contexts * `actions`,), a context after the other; the last two change in place. A step is
    rewarded if its luck is below the odds of the action drawn. IndexError if a length does not fit; ZeroDivisionError
    if a denominator is 0.
    """
    chances = np.zeros(actions)
    rewards = 0
    for t in range(len(contexts)):
        first = int(contexts[t]) * actions
        action = choose(preferences, first, float(draws[t]), chances)
        if float(lucks[t]) < float(odds[first + action]):
            rewards += 1
            chances[action] = float(chances[action]) - 1.0
            for a in range(actions):
                slope = float(chances[a])
                seen = float(squares[first + a]) + slope * slope
                squares[first + a] = seen
                preferences[first + a] = float(preferences[first + a]) - rate * slope / (math.sqrt(seen) + epsilon)
    return rewards


def sparse_reward_adam(
    contexts: Indices,
    draws: Floats,
    lucks: Floats,
    odds: Floats,
    preferences: Floats,
    actions: int,
    rate: float,
    epsilon: float,
) -> int:
    """`sparse_reward_adagrad` with Adam, its usual constants, and a step on all preferences after each action."""
    chances = np.zeros(actions)
    gradient, mean, square = np.zeros_like(preferences), np.zeros_like(preferences), np.zeros_like(preferences)
    power1, power2, rewards = 1.0, 1.0, 0
    for t in range(len(contexts)):
        first = int(contexts[t]) * actions
        action = choose(preferences, first, float(draws[t]), chances)
        if float(lucks[t]) < float(odds[first + action]):
            rewards += 1
            for a in range(actions):
                gradient[first + a] = float(chances[a])
            gradient[first + action] = float(chances[action]) - 1.0
        power1 *= 0.9
        power2 *= 0.999
        adam_step(preferences, gradient, mean, square, rate, 0.9, 0.999, 1.0 - power1, 1.0 - power2, epsilon)
        for a in range(actions):
            gradient[first + a] = 0.0
    return rewards


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Contexts in random order; the best action of each is rewarded once in `seldom` times, others a third as often."""
    random = np.random.Generator(np.random.PCG64(seed))
    steps, contexts, actions = size["steps"], size["contexts"], size["actions"]
    odds = np.full(contexts * actions, 1.0 / (3 * size["seldom"]))
    odds[np.arange(contexts) * actions + random.integers(0, actions, contexts)] *= 3.0
    order = random.integers(0, contexts, steps, dtype=np.int64)
    return order, random.random(steps), random.random(steps), odds, np.zeros(contexts * actions)


def adagrad_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`inputs`, sums of squares of 0, a rate of 0.5."""
    arguments = inputs(size, seed)
    return *arguments, np.zeros_like(arguments[4]), size["actions"], 0.5, 1e-8


def adam_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`inputs`, and the rate with which a lone reward moves as far as Adagrad's first: 0.5 / 31.8."""
    return *inputs(size, seed), size["actions"], 0.5 * (1.0 - 0.9 / math.sqrt(0.999)) / 0.1 * math.sqrt(0.001), 1e-8


def reward_slope(before: tuple[Any, ...], t: int, preferences: Floats, actions: int) -> tuple[int, Floats]:
    """The context of step `t` and the gradient in its row, 0 without a reward; from arrays."""
    contexts, draws, lucks, odds = before[:4]
    context = int(contexts[t])
    row = preferences.reshape(-1, actions)[context]
    chances = np.exp(row - np.logaddexp.reduce(row))
    action = min(int(np.searchsorted(np.cumsum(chances), draws[t], side="right")), actions - 1)
    return context, (chances - np.eye(actions)[action]) * (lucks[t] < odds.reshape(-1, actions)[context, action])


def adagrad_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """The same draws with rows as arrays and lengths by hypot."""
    preferences, actions, rate, epsilon = before[4].copy(), *before[6:]
    rows, rewards = preferences.reshape(-1, actions), 0
    roots = np.sqrt(before[5]).reshape(rows.shape)
    for t in range(len(before[0])):
        context, slope = reward_slope(before, t, preferences, actions)
        roots[context] = np.hypot(roots[context], slope)
        rows[context] -= rate * slope / (roots[context] + epsilon)
        rewards += bool(slope.any())
    return [
        Check("preferences", after[4], preferences, 1e-10, "rows as arrays, Adagrad by hypot"),
        Check("roots of the sums", np.sqrt(after[5]), roots.ravel(), 1e-10, "hypot"),
        Check("rewards", result, rewards, 0.0, "steps with a gradient"),
    ]


def adam_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """The same draws, and moments from the sums of the paper over the few steps that were rewarded."""
    preferences, actions, rate, epsilon = before[4].copy(), *before[5:]
    times: list[int] = []
    slopes: list[Floats] = []
    for t in range(len(before[0])):
        context, slope = reward_slope(before, t, preferences, actions)
        if slope.any():
            wide = np.zeros((len(preferences) // actions, actions))
            wide[context] = slope
            times.append(t)
            slopes.append(wide.ravel())
        if times:
            ages, past = t - np.array(times), np.array(slopes)
            mean = 0.1 * 0.9**ages @ past / (1.0 - 0.9 ** (t + 1))
            square = 0.001 * 0.999**ages @ past**2 / (1.0 - 0.999 ** (t + 1))
            preferences -= rate * mean / (np.sqrt(square) + epsilon)
    return [
        Check("preferences", after[4], preferences, 1e-9, "sums of Kingma & Ba 2015 over rewarded steps"),
        Check("rewards", result, len(times), 0.0, "steps with a gradient"),
    ]


CHOOSE = Unit(choose, ("actions", "actions", "actions", "actions"))

KERNELS = (
    Kernel(
        name="sparse_reward_adagrad",
        family="first_order",
        summary="a policy for a bandit with rare rewards, trained by Adagrad",
        units=(Unit(sparse_reward_adagrad, ("steps", "actions")), CHOOSE),
        signature=(
            "int64(int64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], int64, float64, "
            "float64)"
        ),
        sizes={
            "small": {"contexts": 20, "actions": 4, "steps": 4000, "seldom": 10},
            "medium": {"contexts": 200, "actions": 4, "steps": 200_000, "seldom": 20},
            "large": {"contexts": 1000, "actions": 4, "steps": 2_000_000, "seldom": 20},
        },
        inputs=adagrad_inputs,
        checks=adagrad_checks,
        bets={},
    ),
    Kernel(
        name="sparse_reward_adam",
        family="first_order",
        summary="a policy for a bandit with rare rewards, trained by Adam on all preferences in every step",
        units=(
            Unit(sparse_reward_adam, ("steps", "actions", "actions")),
            CHOOSE,
            Unit(adam_step, ("preferences",)),
        ),
        signature="int64(int64[::1], float64[::1], float64[::1], float64[::1], float64[::1], int64, float64, float64)",
        sizes={
            "small": {"contexts": 20, "actions": 4, "steps": 400, "seldom": 5},
            "medium": {"contexts": 100, "actions": 4, "steps": 5000, "seldom": 20},
            "large": {"contexts": 400, "actions": 4, "steps": 12_500, "seldom": 60},
        },
        inputs=adam_inputs,
        checks=adam_checks,
        bets={"nonzero_denominators": "three divisions per preference in the update, after each action"},
    ),
)
