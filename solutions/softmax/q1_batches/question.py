"""Question 1: a random split and a random batch, judged by what is in them, and by how often."""

from dataclasses import replace

from autograder.questions.model import Case, Exact, Test

from ..common_tests import conduct
from . import counts, probes

SPLIT, BATCH = probes.PARTS
# n, d, ratio; no ratio is one whose product with n is a whole number but for rounding
_SPLITS = {
    "11 rows, a ratio of 0.25": (11, 3, 0.25),
    "8 rows, a ratio of 0.75": (8, 2, 0.75),
    "one row, a ratio of 0.5": (1, 2, 0.5),
    "7 rows, a ratio of 0": (7, 1, 0.0),
    "5 rows, a ratio of 1": (5, 4, 1.0),
}
# n, d, batch_size
_BATCHES = {
    "11 rows, a batch of 4": (11, 3, 4),
    "6 rows, a batch of 6": (6, 1, 6),
    "5 rows, a batch of 8": (5, 2, 8),
    "one row, a batch of one": (1, 3, 1),
}
_OFTEN = {"5 rows, a ratio of 0.4, 220 splits": (SPLIT, 5, 0.4), "5 rows, 220 batches of 2": (BATCH, 5, 2)}
_ONCE = "9 rows"


def draw(generator):
    """Rows that are all different, labels, and a seed."""

    def rows(n, d):
        y = generator.integers(0, 10, n)
        return {"X": generator.standard_normal((n, d)), "y": y, "seed": int(generator.integers(2**31))}

    return (
        *(Case(name, {**rows(n, d), "function": SPLIT, "size": size}) for name, (n, d, size) in _SPLITS.items()),
        *(Case(name, {**rows(n, d), "function": BATCH, "size": size}) for name, (n, d, size) in _BATCHES.items()),
        *(
            Case(name, {**rows(n, 2), "function": function, "size": size, "times": 220})
            for name, (function, n, size) in _OFTEN.items()
        ),
        Case(_ONCE, {**rows(9, 2), "ratio": 0.4, "batch_size": 4}),
    )


def _contents(*parts):
    return {
        **{f"rows_{part}": Exact(advice=f"X_{part} has a wrong number of rows") for part in parts},
        "strange": Exact(advice="There are rows that X does not have"),
        "repeated": Exact(advice="A row comes more than once"),
        "labels": Exact(advice="Rows have lost their labels: take X and y at the same places"),
    }


_CHANCES = {
    "at_an_end": Exact(advice="You take the first or the last rows; draw them"),
    "far_off": Exact(advice="Some rows are drawn more often than others, over many calls with one rng"),
    "missing": Exact(advice="Some sets of rows are never drawn; each has to have the same chance"),
}
_WHOLE = "{} returns labels as floating-point numbers, by which nobody can index; keep the dtype of y"
_CONDUCT = conduct(probes.PARTS, {"X": "X", "y": "y"}, probes.conduct, (_ONCE,), ("split", "batch"))
STUBS = (SPLIT, BATCH)
TESTS = (
    Test("split", "every row with its label in one of the parts", probes.drawn, tuple(_SPLITS), _contents("train", "test"),
         count=counts.partition),
    Test("batch", "different rows with their labels", probes.drawn, tuple(_BATCHES), _contents("batch"), count=counts.partition),
    Test("chances", "every set of rows has the same chance", probes.often, tuple(_OFTEN), _CHANCES, count=counts.chances),
    replace(_CONDUCT, count=counts.conduct,
            outputs={**_CONDUCT.outputs, **{f"{f}_whole": Exact(advice=_WHOLE.format(f)) for f in STUBS}}),
)  # fmt: skip
