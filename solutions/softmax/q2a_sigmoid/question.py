"""Question 2a: the sigmoid."""

import numpy as np

from autograder.questions.model import Case

from ..common_tests import of_one_array

_SHAPES = {"a matrix 5 × 3": (5, 3), "a column 7 × 1": (7, 1), "one number 1 × 1": (1, 1), "a vector of 6": (6,)}
_EXTREME = ("a column of numbers up to ±1000", "a row of numbers up to ±1000")


def draw(generator):
    """Ordinary numbers of several shapes, and large ones of both signs."""
    ordinary = {name: 2 * generator.standard_normal(shape) for name, shape in _SHAPES.items()}
    ends = np.array([[1000.0], [-1000.0], [0.0]])
    large = np.concatenate([ends, generator.uniform(-1000, 1000, (6, 1)), generator.uniform(-40, 40, (6, 1))])
    extreme = dict(zip(_EXTREME, (large, large[::-1].T.copy())))
    return tuple(Case(name, {"function": "sigmoid", "x": x}) for name, x in {**ordinary, **extreme}.items())


STUBS = ("sigmoid",)
TESTS = of_one_array("sigmoid", "the sigmoid of every entry", tuple(_SHAPES), _EXTREME)
