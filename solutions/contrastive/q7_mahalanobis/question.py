"""Question 7 (bonus): the Mahalanobis distance, and the nearest positive semi-definite matrix."""

from string import ascii_lowercase

import torch

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.side_effects.question import changed, random_state_changed

from . import counts, probes

_SIZES = ((5, 3), (1, 4), (6, 2), (3, 1))
_DISTANCES = "batches of 5 × 3, 1 × 4, 6 × 2, 3 × 1, some distances 0"
# Sides of the matrices, and their kind.
_MATRICES = {
    "a": (4, "any"),
    "b": (3, "symmetric"),
    "c": (5, "semi-definite"),
    "d": (2, "negative"),
    "e": (1, "any"),
    "f": (3, "skew"),
}
_PROJECTIONS = "matrices: any, symmetric, semi-definite, negative definite, 1 × 1, skew"


def draw(generator):
    """Rows and matrices, one of them with a row and a column of zeros; rows that coincide, or differ along its null space."""

    def square(d):
        return torch.randn(d, d, generator=generator)

    distances = {}
    for letter, (n, d) in zip(ascii_lowercase, _SIZES):
        half = square(d) + torch.eye(d)
        u, v = (2 * torch.randn(n, d, generator=generator) for _ in range(2))
        M = half @ half.T
        if d == 3:
            M[2], M[:, 2] = 0, 0
            v[1, :2] = u[1, :2]
        if n > 1:
            v[0] = u[0]
        distances |= {f"u_{letter}": u, f"v_{letter}": v, f"M_{letter}": (M + M.T) / 2}

    def matrix(d, kind):
        M = square(d)
        shift = d * torch.eye(d)
        # fmt: off
        return {"any": M - 0.5 * torch.eye(d), "symmetric": M + M.T, "semi-definite": M[:, :2] @ M[:, :2].T,
                "negative": -M @ M.T - shift, "skew": M - M.T + 0.1 * shift}[kind]
        # fmt: on

    matrices = {f"M_{letter}": matrix(*kind) for letter, kind in _MATRICES.items()}
    return Case(_DISTANCES, {**distances, **rounded()}), Case(_PROJECTIONS, matrices)


def rounded():
    """Pairs (12, 3) whose difference a matrix of rank 1 maps to 0; float32 rounds on the way, and finds numbers below 0, too.

    Cross products of whole numbers, scaled, are exact.
    """
    a, signs = torch.tensor([[67.0, 101.0, 89.0]]), torch.tensor([1.0, -1.0, 1.0, 1.0]).repeat(9).view(12, 3)
    w = signs * (64 + 37 * torch.arange(36).view(12, 3) % 64)
    difference = torch.linalg.cross(a.expand(12, 3), w)
    return {"u_e": difference / 2**14, "v_e": torch.zeros(12, 3), "M_e": a.T @ a / 2**14}


_WORDS = {letter: f"a batch of {n} × {d}" for letter, (n, d) in zip(ascii_lowercase, _SIZES)}
_OF_DISTANCES = {
    **{
        f"distance_{letter}": Close(1e-4, 5e-4, what=f"the tensor of distances of {words}")
        for letter, words in _WORDS.items()
    },
    "changed": Exact(advice=changed("mahalanobis", "u, v or M")),
    "rng_bytes": random_state_changed("mahalanobis"),
}
_OF_GRADIENTS = {
    f"gradient_{name}_{letter}": Close(1e-3, 1e-5, what=f"the gradient to {name} of {words}, some distances 0")
    for letter, words in _WORDS.items()
    for name in ("u", "v")
} | {
    f"gradient_{name}_e": Close(
        1e-3, 1e-5, what=f"the gradient to {name} where rounding puts a number below 0 under the root"
    )
    for name in ("u", "v")
}
_OF_PROJECTIONS = {
    **{
        f"nearest_{letter}": Close(1e-4, 1e-5, what=f"the matrix nearest to a {d} × {d} matrix ({kind})")
        for letter, (d, kind) in _MATRICES.items()
    },
    "changed": Exact(advice=changed("project_psd", "M")),
    "rng_bytes": random_state_changed("project_psd"),
}
STUBS = ("mahalanobis", "project_psd")
TESTS = (
    Test("mahalanobis", "the distance of each pair of rows", probes.distances, (_DISTANCES,), _OF_DISTANCES, count=counts.kept),
    Test("gradient", "its gradient, finite where a distance is 0", probes.gradients, (_DISTANCES,), _OF_GRADIENTS,
         count=counts.gradients),
    Test("projection", "the nearest symmetric positive semi-definite matrix", probes.projections, (_PROJECTIONS,), _OF_PROJECTIONS,
         count=counts.kept),
)  # fmt: skip
