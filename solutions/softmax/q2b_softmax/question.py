"""Question 2b: the softmax of rows."""

import numpy as np

from autograder.questions.model import Case

from ..common_tests import of_one_array

_SHAPES = {"6 × 4": (6, 4), "4 × 4": (4, 4), "one row 1 × 5": (1, 5), "one class 3 × 1": (3, 1)}
_EXTREME = ("rows about 1000, -1000 and 0", "rows of equal numbers", "one row up to ±1000")


def draw(generator):
    """Ordinary scores of several shapes, and large ones."""
    ordinary = {name: 2 * generator.standard_normal(shape) for name, shape in _SHAPES.items()}
    about = np.array([[1000.0], [-1000.0], [0.0]]) + generator.standard_normal((3, 4))
    equal = np.repeat(np.array([[1000.0], [-1000.0], [0.0]]) * generator.uniform(0.9, 1.0), 4, axis=1)
    row = np.concatenate([[-1000.0, 1000.0], generator.uniform(-1000, -998, 3)])[None]
    extreme = dict(zip(_EXTREME, (about, equal, row)))
    return tuple(Case(name, {"function": "softmax", "x": x}) for name, x in {**ordinary, **extreme}.items())


STUBS = ("softmax",)
TESTS = of_one_array("softmax", "the softmax of every row", tuple(_SHAPES), _EXTREME)
