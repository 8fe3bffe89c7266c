"""Question 3: the three models."""

from autograder.questions.model import Case, Close, Exact, Test, Within, variant

from ..common_tests import conduct
from ..probes import PROBABILITIES
from . import counts, probes

_NEW = "d = 2500, 2 classes"
_GIVEN = {
    "7 rows, d = 5, 4 classes": (7, 5, 4),
    "one row, 3 classes": (1, 4, 3),
    "one class": (3, 2, 1),
    "scores of hundreds, 3 classes": (4, 3, 3),
    "one row, d = 1, one class": (1, 1, 1),
}


def draw(generator):
    """A seed; weights and rows of several shapes."""
    seed = int(generator.integers(2**31))
    return (
        Case(_NEW, {"d": 2500, "k": 2, "seed": seed}),
        *(
            Case(name, {"W": generator.standard_normal((d, k)) * (300 if "hundreds" in name else 1), "b": generator.standard_normal(k),
                        "X": generator.standard_normal((n, d))})
            for name, (n, d, k) in _GIVEN.items()
        ),
    )  # fmt: skip


def _new(name):
    statistic = {"shape": (), "dtype": "float64"}
    return {
        f"{name}_W": Close(0.0, dtype="float64", what=f"W of {name}"),
        f"{name}_b": Close(
            0.0, dtype="float64", what=f"the bias b of {name}", advice=f"The bias b of {name} does not begin with zeros"
        ),
        f"{name}_again": Exact(
            advice=f"Numbers of W come again, in {name} or in the next model; draw them all from rng"
        ),
        f"{name}_mean": Within(-0.12, 0.12, advice=f"The numbers of W in {name} do not have mean 0", **statistic),
        f"{name}_deviation": Within(
            0.9, 1.1, advice=f"The numbers of W in {name} do not have deviation 1/√d", **statistic
        ),
        f"{name}_inside": Within(0.63, 0.74, advice=f"The numbers of W in {name} are not normal", **statistic),
    }


_WEIGHTS = {output: one for name in probes.MODELS for output, one in _new(name).items()}
_ANSWERS = {name: Close(1e-9, 1e-12, dtype="float64", what=f"what {name} returns") for name in probes.MODELS}
STUBS = probes.MODELS
_ON_OTHERS = (
    Test("forward", "scores and probabilities with given weights", probes.answers, tuple(_GIVEN), _ANSWERS),
    conduct(probes.MODELS, {"W": "W", "b": "b", "X": "X"}, probes.conduct, tuple(_GIVEN)[:1], ("forward", "weights")),
)
_TOLD = "The models are correct: they were given another sigmoid and softmax in the place of yours."
TESTS = (
    Test("weights", "W is normal, divided by √d; b is 0", probes.begun, (_NEW,), _WEIGHTS, count=counts.begun),
    *_ON_OTHERS,
    *(variant(test, f"{test.id}_given", _TOLD, ("q2a", "q2b"), stand_ins=PROBABILITIES) for test in _ON_OTHERS),
)
