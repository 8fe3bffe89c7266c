"""Question 1a: NT-Xent, the loss of SimCLR."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Test
from autograder.questions.pair_losses import probes
from autograder.questions.pair_losses.question import (
    both_precisions,
    gradients,
    norms_between,
    orthonormal_rows,
    side_effects_test,
    unit_rows,
    unit_rows_near,
)

# n, d, temperature, row norms from and to, spread of the second view around the first (None: unrelated views).
# At small temperatures the views lie close, so that forms which subtract e^(1/temperature) keep enough digits.
_GRID = (
    (1, 4, 0.5, 1, 1, 0.5),
    (2, 4, 0.5, 1, 1, None),
    (3, 4, 0.05, 0.5, 2, 0.3),
    (5, 4, 0.1, 0.5, 2, 0.5),
    (5, 16, 5, 100, 100, None),
    (7, 16, 1, 10, 10, None),
    (7, 8, 0.2, 0.1, 0.1, 0.7),
    (8, 8, 0.5, 0.01, 100, 0.7),
    (8, 128, 0.2, 3, 20, 1.0),
)


def _case(name: str, z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> Case:
    return Case(name, {"function": "nt_xent", "a": z_i, "b": z_j, "parameter": float(temperature)})


def _name(n: int, d: int, temperature: float, low: float, high: float, views: str = "") -> str:
    norms = f"row norms {low:g}" if low == high else f"row norms {low:g} to {high:g}"
    return f"n = {n}, d = {d}, temperature {temperature:g}, {norms}{views}"


# The rows of a view lie close, so that the softmax of the positive is about e⁻⁴⁰: a constant inside the logarithm shows.
_OPPOSITE = _name(5, 4, 0.05, 1, 1, ", opposite views")
_LARGE = (20, 16, 0.5, 1, 1)  # more rows than code that goes through them in blocks takes at a time, and no multiple
_ORDINARY = (*(_name(*row[:5]) for row in _GRID), _OPPOSITE, _name(*_LARGE))
_TWICE = "n = 3, d = 8, temperature 0.2, a loss of two calls"
_HARD_VIEWS = (
    "identical views",
    "nearly identical views",
    "all rows equal",
    "opposite views",
    "an image with close and one with opposite views",
    "four rows far from each other",
    "unrelated rows in 128 dimensions",
    "four orthogonal rows",
    "one image with opposite views",
)
_STABILITY = tuple(f"temperature 0.01, {views}" for views in _HARD_VIEWS)
# Some wrong losses have a kink at a cosine of 0, or divide by n - 1, which is no matter of the temperature.
_STABILITY_OF_ITSELF = _STABILITY[:-2]
_SIDE_EFFECTS = ("n = 5, d = 8, temperature 0.5, row norms 2 and 3",)


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Embeddings of two views over ``_GRID``, opposite views, two calls, the hard ones at temperature 0.01, ordinary ones."""
    cases = []
    for n, d, temperature, low, high, spread in _GRID:
        directions = unit_rows(generator, n, d)
        others = unit_rows(generator, n, d) if spread is None else unit_rows_near(directions, spread, generator)
        norms = norms_between(low, high, 2 * n)[torch.randperm(2 * n, generator=generator)]
        name = _name(n, d, temperature, low, high)
        cases.append(_case(name, directions * norms[:n], others * norms[n:], temperature))
    rows = unit_rows_near(unit_rows(generator, 1, 4).repeat(5, 1), 0.3, generator)
    cases.append(_case(_OPPOSITE, rows, -rows, 0.05))
    twice = _case(_TWICE, 2 * unit_rows(generator, 3, 8), unit_rows(generator, 3, 8), 0.2)
    cases.append(Case(twice.name, {**twice.inputs, "calls": 2}))

    rows = unit_rows(generator, 5, 8)
    equal = rows[:1].repeat(5, 1)
    close = unit_rows_near(equal, 0.3, generator)
    near = unit_rows_near(close, 0.1, generator)
    orthogonal, unrelated = orthonormal_rows(generator, 4, 6), unit_rows(generator, 8, 128)
    middle = orthogonal.mean(0)  # of length 1/2, and at right angles to the corners of the tetrahedron around it
    apart = torch.nn.functional.normalize(orthogonal - middle)
    hard = (
        *((rows, rows), (close, near), (equal, equal), (close, -close)),
        (apart[:2], torch.stack([0.8 * apart[0] + 1.2 * middle, -apart[1]])),
        *(each.split(len(each) // 2) for each in (apart, unrelated, orthogonal)),
        (rows[:1], -rows[:1]),
    )
    cases += [_case(name, z_i.clone(), z_j.clone(), 0.01) for name, (z_i, z_j) in zip(_STABILITY, hard)]

    cases.append(_case(*_SIDE_EFFECTS, 2 * unit_rows(generator, 5, 8), 3 * unit_rows(generator, 5, 8), 0.5))
    cases.append(_case(_name(*_LARGE), unit_rows(generator, 20, 16), unit_rows(generator, 20, 16), 0.5))
    return tuple(cases)


def value_rounding(case: Case) -> float:
    """Rounding of the loss: a cosine is known to about 1e-7, the loss to that over the temperature."""
    return 2e-6 / case.inputs["parameter"]


def gradient_rounding(case: Case) -> float:
    """Rounding of a gradient entry: softmax weights are off by 1e-7/temperature, cosines change by 1/norm."""
    temperature = case.inputs["parameter"]
    smallest = min(float(case.inputs[name].norm(dim=1).min()) for name in ("a", "b"))
    return 1e-6 / (temperature * min(temperature, 1.0) * smallest * len(case.inputs["a"]))


_VALUE = Close(rtol=1e-4, atol=value_rounding, what="the loss")
_GRADIENTS = gradients("z_i", "z_j", rtol=1e-3, atol=gradient_rounding)

_STABLE = Test(
    "stability",
    "value and gradient at temperature 0.01",
    probes.pair_loss_value_and_gradient,
    _STABILITY,
    {"value": _VALUE, **_GRADIENTS},
)

STUBS = ("nt_xent",)
TESTS = (
    Test("value", "value of the loss", probes.pair_loss_value, _ORDINARY, {"value": _VALUE}),
    Test("gradient", "gradient to both views", probes.pair_loss_gradient, (*_ORDINARY, _TWICE), _GRADIENTS),
    _STABLE,
    both_precisions(
        _STABLE,
        _STABILITY_OF_ITSELF,
        "At temperature 0.01 your float32 loss and gradient are finite and agree with those that your own function computes "
        "in float64.",
    ),
    side_effects_test("nt_xent", "z_i", "z_j", _SIDE_EFFECTS),
)
