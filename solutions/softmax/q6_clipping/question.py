"""Question 6: both gradients clipped by their joint norm."""

import numpy as np

from autograder.questions.model import Case, Close, Exact, Test

from ..common_tests import conduct
from . import probes

_CASES = {
    "a norm far above max_norm, 5 × 3": (5, 3, 10.0),
    "each norm below max_norm, both together above": (4, 4, None),
    "a norm below max_norm, 3 × 2": (3, 2, 0.5),
    "a norm equal to max_norm": (3, 3, 1.0),
    "one score, d = 1": (1, 1, 3.0),
    "grad_W of zeros": (4, 2, 6.0),
    "gradients of zeros": (2, 3, 0.0),
}


def draw(generator):
    """Gradients whose joint norm is a given multiple of ``max_norm``."""
    cases = []
    for name, (d, k, times) in _CASES.items():
        grad_W, grad_b = generator.standard_normal((d, k)), generator.standard_normal(k)
        max_norm = float(generator.uniform(1, 3))
        if name == "grad_W of zeros":
            grad_W = 0 * grad_W
        if times is None:
            grad_W, grad_b = (0.9 * max_norm * grad / np.linalg.norm(grad) for grad in (grad_W, grad_b))
        else:
            scale = times * max_norm / np.sqrt((grad_W**2).sum() + (grad_b**2).sum())
            grad_W, grad_b = scale * grad_W, scale * grad_b
        cases.append(Case(name, {"grad_W": grad_W, "grad_b": grad_b, "max_norm": max_norm}))
    return tuple(cases)


_GRADIENTS = {
    **{name: Close(2e-5, dtype="float64", what=f"the clipped {name}") for name in ("grad_W", "grad_b")},
    "warnings": Exact(advice="NumPy warns in clip_gradients, as it does of a division by 0"),
}
STUBS = ("clip_gradients",)
TESTS = (
    Test("value", "both gradients scaled by one factor", probes.clipped, tuple(_CASES), _GRADIENTS),
    conduct("clip_gradients", {"grad_W": "grad_W", "grad_b": "grad_b"}, probes.conduct, tuple(_CASES)[:2]),
)  # fmt: skip
