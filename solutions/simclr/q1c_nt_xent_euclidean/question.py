"""Question 1c: NT-Xent with the negative Euclidean distance of the raw embeddings as similarity."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Test
from autograder.questions.pair_losses import probes
from autograder.questions.pair_losses.question import (
    both_precisions,
    gradients,
    norms_between,
    orthonormal_rows,
    unit_rows,
    unit_rows_near,
)

# n, d, temperature, row norms from and to, spread of the second view around the first (None: unrelated views).
# Distances stay below 75 temperatures: this question does not ask for a form that survives an underflow of exp.
# At most 24 rows in all, but for one case below: beyond 25, torch.cdist takes a matrix product and is far off for close rows.
_GRID = (
    (1, 4, 0.5, 1, 1, 0.5),
    (2, 4, 0.5, 1, 1, None),
    (2, 4, 0.1, 0.5, 1, 0.5),
    (5, 4, 1, 0.5, 4, 0.5),
    (5, 16, 5, 50, 60, None),
    (7, 16, 1, 5, 10, 0.5),
    (7, 8, 0.05, 0.01, 0.1, 0.7),
    (8, 8, 5, 0.01, 100, 0.7),
    (8, 128, 0.2, 1, 2, 0.5),
)


def _case(name: str, z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> Case:
    return Case(name, {"function": "nt_xent_euclidean", "a": z_i, "b": z_j, "parameter": float(temperature)})


def _name(n: int, d: int, temperature: float, low: float, high: float) -> str:
    norms = f"row norms {low:g}" if low == high else f"row norms {low:g} to {high:g}"
    return f"n = {n}, d = {d}, temperature {temperature:g}, {norms}"


# Where e^(-distance/temperature) is small, for the positive or for all rows, a constant inside the logarithm shows.
_FAR = ("temperature 1, views of an image far apart", "temperature 1, all rows far apart")
_ORDINARY = (*(_name(*row[:5]) for row in _GRID), *_FAR)
_TWICE = "n = 3, d = 8, temperature 0.5, a loss of two calls"
_COINCIDENT = (
    "all rows equal",
    "each image with two equal views",
    "views of different images that are equal",
    "two equal rows of one view",
    "each image with two equal views, far from the origin",
    "one image with two equal views",
)
# Some wrong losses divide by n - 1, which is no matter of the distances.
_COINCIDENT_OF_ITSELF = _COINCIDENT[:-1]


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Embeddings of two views over ``_GRID``, views and rows far apart, two calls, and embeddings that are equal."""
    cases = []
    for n, d, temperature, low, high, spread in _GRID:
        directions = unit_rows(generator, n, d)
        others = unit_rows(generator, n, d) if spread is None else unit_rows_near(directions, spread, generator)
        norms = norms_between(low, high, n)
        cases.append(_case(_name(n, d, temperature, low, high), directions * norms, others * norms, temperature))

    far = 50 * unit_rows(generator, 1, 8)
    near = 2 * unit_rows(generator, 8, 8)
    cases.append(_case(_FAR[0], near[:4] + far, near[4:], 1))
    apart = norms_between(42, 43, 8) * orthonormal_rows(generator, 8, 16)
    cases.append(_case(_FAR[1], apart[:4], apart[4:], 1))
    twice = _case(_TWICE, 2 * unit_rows(generator, 3, 8), unit_rows(generator, 3, 8), 0.5)
    cases.append(Case(twice.name, {**twice.inputs, "calls": 2}))

    def rows() -> torch.Tensor:
        return 2 * unit_rows(generator, 5, 6)

    equal, first, second, third = rows()[:1].repeat(5, 1), rows(), rows(), rows()
    second[1] = first[3]
    third[4] = third[0]
    # What rounding leaves of a distance that is taken from products of rows, u·u + v·v − 2 u·v, grows with their norms.
    away = 0.5 * unit_rows(generator, 14, 6) + 50 * unit_rows(generator, 1, 6)
    coincident = (
        *((equal, equal), (first, first), (first, second), (third, rows())),
        *((away, away), (first[:1], first[:1])),
    )
    cases += [_case(name, z_i.clone(), z_j.clone(), 0.5) for name, (z_i, z_j) in zip(_COINCIDENT, coincident)]
    return tuple(cases)


def value_rounding(case: Case) -> float:
    """Rounding of the loss: a distance is known to about 1e-7 of the norms, the loss to that over the temperature."""
    largest = max(float(case.inputs[name].norm(dim=1).max()) for name in ("a", "b"))
    return 2e-6 * largest / case.inputs["parameter"]


def value_at_0(case: Case) -> float:
    """Rounding of the loss where a root of 1e-8 stands for a distance of 0, which keeps its gradient finite."""
    return value_rounding(case) + 2.5e-4 / case.inputs["parameter"]


def gradient_rounding(case: Case) -> float:
    """Rounding of a gradient entry: the weights of the softmax, off by that of the loss, over temperature and rows."""
    return value_rounding(case) / (case.inputs["parameter"] * len(case.inputs["a"]))


_VALUE = Close(rtol=1e-4, atol=value_rounding, what="the loss")
_GRADIENTS = gradients("z_i", "z_j", rtol=1e-3, atol=gradient_rounding)

_COINCIDES = Test(
    "coincident",
    "value and gradient where distances are 0",
    probes.pair_loss_value_and_gradient,
    _COINCIDENT,
    {"value": Close(rtol=1e-4, atol=value_at_0, what="the loss"), **_GRADIENTS},
)

STUBS = ("nt_xent_euclidean",)
TESTS = (
    Test("value", "value of the loss", probes.pair_loss_value, _ORDINARY, {"value": _VALUE}),
    Test("gradient", "gradient to both views", probes.pair_loss_gradient, (*_ORDINARY, _TWICE), _GRADIENTS),
    _COINCIDES,
    both_precisions(
        _COINCIDES,
        _COINCIDENT_OF_ITSELF,
        "Where distances are 0 your float32 loss and gradient are finite and agree with those that your own function "
        "computes in float64.",
    ),
)
