"""What probes of assignments in NumPy share: arrays, numbers and pairs that a student's function returned."""

from __future__ import annotations

from numbers import Real

import numpy as np

from autograder.arrays import described

MOST_PARTS = 3  # of a tuple or list that are described


class NoArray(TypeError):
    """The student's function returned something else than an array."""


def holding(answer: object) -> str:
    """The parts of a tuple or list, as the end of a sentence: " (it holds a tensor of shape (4, 8), None)"; else ''."""
    if not isinstance(answer, list | tuple):
        return ""
    parts = [described(part) for part in answer[:MOST_PARTS]] + ["…"] * (len(answer) > MOST_PARTS)
    return f" (it holds {', '.join(parts)})" if parts else " (it is empty)"


def as_array(answer: object, what: str) -> np.ndarray:
    """The numbers of an array of any class, or a number of NumPy's as a 0-d array; ``what`` names it in the error.

    Raises:
        NoArray: it is something else.
    """
    if not isinstance(answer, np.ndarray | np.generic):
        raise NoArray(f"{what} is {described(answer)}, expected a NumPy array{holding(answer)}")
    return np.asarray(answer)


def as_value(answer: object, what: str, dtype: str = "float64") -> np.ndarray:
    """A Python or NumPy number as a 0-d array of ``dtype``; an array as it is.

    Raises:
        NoArray: it is something else.
    """
    return np.array(answer, dtype) if isinstance(answer, Real) else as_array(answer, what)


class NotAPair(TypeError):
    """Two things are asked for and something else was returned."""


def pair(answer: object, what: str, form: str) -> tuple[object, object]:
    """The two parts of a tuple or list. A tensor of two rows is none.

    ``what`` names it in the error ("the output of SimCLR.forward"), ``form`` says how it should look ("(h, z)").

    Raises:
        NotAPair: it is something else.
    """
    if not isinstance(answer, tuple | list):
        raise NotAPair(f"{what} should be the pair {form}; it is {described(answer)}")
    if len(answer) != 2:
        found = f"{described(answer)} of length {len(answer)}{holding(answer)}"
        raise NotAPair(f"{what} should be the pair {form}; it is {found}")
    return answer[0], answer[1]
