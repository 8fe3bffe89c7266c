"""Question 1b: the Barlow Twins loss, uncentred as its equation is printed."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Test
from autograder.questions.pair_losses import probes
from autograder.questions.pair_losses.question import both_scales, gradients, norms_between, side_effects_test

# n, d, λ, scale of the entries, spread of the second view around the first (None: unrelated views).
_GRID = (
    (2, 4, 0.05, 3, None),
    (5, 4, 0.005, 2, None),
    (5, 16, 1, 10, None),
    (7, 4, 0, 3, 0.5),
    (8, 32, 0.005, 10, 0.7),
    (128, 4, 0.5, 2, 0.7),
)
# Only their value is compared: n = 1 has the gradient 0, of which float32 leaves rounding as large as 0.1, and a loop
# over 128 by 128 entries takes seconds to differentiate.
_VALUE_ALONE = ((1, 4, 0.05, 20, None), (8, 128, 0.005, 10, 0.7))
_SCALE = (
    "n = 8, d = 6, lambd 0.05, column norms 0.01 to 100",
    "n = 7, d = 5, lambd 1, column norms 0.1",
    "n = 5, d = 6, lambd 0.05, column norms 100",
)
_TWICE = "n = 4, d = 5, lambd 0.1, scale 3, a loss of two calls"
_SIDE_EFFECTS = ("n = 6, d = 5, lambd 0.1, scale 10",)


def _case(name: str, z_a: torch.Tensor, z_b: torch.Tensor, lambd: float) -> Case:
    return Case(name, {"function": "barlow_twins", "a": z_a, "b": z_b, "parameter": float(lambd)})


def _name(n: int, d: int, lambd: float, scale: float) -> str:
    return f"n = {n}, d = {d}, lambd {lambd:g}, scale {scale:g}"


_ORDINARY = tuple(_name(*row[:4]) for row in _GRID)
_VALUES = tuple(_name(*row[:4]) for row in (*_GRID, *_VALUE_ALONE))


def _views(generator: torch.Generator, n: int, d: int, spread: float | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views (n, d) whose columns have means of their own, so that centring them shows."""
    means = torch.randn(d, generator=generator)
    first = means + torch.randn(n, d, generator=generator)
    noise = torch.randn(n, d, generator=generator)
    return first, (torch.randn(d, generator=generator) + noise if spread is None else first + spread * noise)


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Embeddings of two views over both tables above, two calls, and columns of very different length."""
    cases = []
    for n, d, lambd, scale, spread in (*_GRID, *_VALUE_ALONE):
        z_a, z_b = _views(generator, n, d, spread)
        cases.append(_case(_name(n, d, lambd, scale), scale * z_a, scale * z_b, lambd))
    z_a, z_b = _views(generator, 4, 5, 0.7)
    twice = _case(_TWICE, 3 * z_a, 3 * z_b, 0.1)
    cases.append(Case(twice.name, {**twice.inputs, "calls": 2}))

    for name, (n, d, lambd, low, high) in zip(
        _SCALE, ((8, 6, 0.05, 0.01, 100), (7, 5, 1, 0.1, 0.1), (5, 6, 0.05, 100, 100))
    ):
        norms = [norms_between(low, high, d)[torch.randperm(d, generator=generator)].squeeze(1) for _ in range(2)]
        columns = [torch.nn.functional.normalize(z, dim=0) for z in _views(generator, n, d, 0.7)]
        cases.append(_case(name, norms[0] * columns[0], norms[1] * columns[1], lambd))

    z_a, z_b = _views(generator, 6, 5, 0.7)
    cases.append(_case(*_SIDE_EFFECTS, 10 * z_a, 10 * z_b, 0.1))
    return tuple(cases)


def gradient_rounding(case: Case) -> float:
    """Rounding of a gradient entry: a correlation is known to about 1e-7 and changes by 1/(column norm)."""
    smallest = min(float(case.inputs[name].norm(dim=0).min()) for name in ("a", "b"))
    return 1e-6 / smallest


_VALUE = Close(rtol=1e-4, what="the loss")
_GRADIENTS = gradients("z_a", "z_b", rtol=1e-3, atol=gradient_rounding)

_SCALED = Test(
    "scale",
    "value and gradient for columns of any length",
    probes.pair_loss_value_and_gradient,
    _SCALE,
    {"value": _VALUE, **_GRADIENTS},
)

STUBS = ("barlow_twins",)
TESTS = (
    Test("value", "value of the loss", probes.pair_loss_value, _VALUES, {"value": _VALUE}, seconds=20.0),
    Test("gradient", "gradient to both views", probes.pair_loss_gradient, (*_ORDINARY, _TWICE), _GRADIENTS),
    _SCALED,
    both_scales(
        _SCALED,
        _SCALE,
        "Your loss stays the same when a column gets another length, and its gradient changes as it should.",
    ),
    side_effects_test("barlow_twins", "z_a", "z_b", _SIDE_EFFECTS),
)
