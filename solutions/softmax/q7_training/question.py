"""Question 7: evaluation in batches, and the training loop."""

import numpy as np

from autograder.questions.model import Case, Close, Exact, Test, Within, variant

from ..common_tests import conduct
from ..inputs import model_and_rows
from ..probes import MEASURES, STEPS, other_batch
from . import counts, probes

# n, d, k, batch_size
_EVALUATIONS = {
    "11 rows in batches of 4, 4 classes": (11, 3, 4, 4),
    "10 rows in batches of 4, two classes": (10, 3, 1, 4),
    "8 rows in batches of 4, 3 classes": (8, 2, 3, 4),
    "5 rows in a batch of 9": (5, 2, 3, 9),
    "3 rows one by one, two classes": (3, 2, 1, 1),
}
# n, d, k, num_iters; a batch holds all rows
_TRAININGS = {
    "23 iterations, 4 classes": (9, 3, 4, 23),
    "10 iterations, two classes": (8, 4, 1, 10),
    "3 iterations, 3 classes": (6, 2, 3, 3),
    "one iteration, two classes": (5, 2, 1, 1),
}
_SMALL = {
    "12 iterations of batches of 4, 3 classes": (10, 3, 3, 12),
    "10 iterations of batches of 4, two classes": (9, 3, 1, 10),
}
_BATCHES = "60 iterations, 12 rows in batches of 8"
_CONDUCT = "5 iterations of batches of 4, 3 classes"


def draw(generator):
    """Models and rows; settings under which some steps are clipped and others are not."""

    def training(n, d, k, num_iters, batch_size):
        given = model_and_rows(generator, n, d, k)
        X_val, y_val = np.resize(given["X"], (13, d)), np.resize(given["y"], 13)
        y_val[:9] = (y_val[:9] + 1) % max(k, 2)  # labels that contradict: who stops early, or keeps the best, is seen
        return {
            **{"W": 0.1 * given["W"], "b": 0.1 * given["b"], "is_binary": given["is_binary"]},
            **{"X_train": 2 * given["X"], "y_train": given["y"], "X_val": 2 * X_val, "y_val": y_val},
            **{"num_iters": num_iters, "lr": float(generator.uniform(0.3, 0.6)), "batch_size": batch_size},
            **{"l2_lambda": float(generator.uniform(0.1, 0.3)), "grad_norm_clip": float(generator.uniform(0.5, 0.8))},
            "seed": int(generator.integers(2**31)),
        }

    def evaluation(n, d, k, batch_size):
        return {**model_and_rows(generator, n, d, k), "batch_size": batch_size}

    labels = generator.permutation(np.resize(np.arange(4), 12))
    identity = {
        **training(12, 12, 4, 60, 8),
        **{"W": np.zeros((12, 4)), "b": np.zeros(4), "X_train": np.eye(12), "y_train": labels},
        **{"X_val": np.eye(12), "y_val": labels},  # their loss falls, so who stops early does not stop here
        **{"lr": 1e-6, "l2_lambda": 0.0, "grad_norm_clip": 1e6},
    }
    return (
        *(Case(name, evaluation(*sizes)) for name, sizes in _EVALUATIONS.items()),
        *(Case(name, training(*sizes, 2 * sizes[0])) for name, sizes in _TRAININGS.items()),
        *(Case(name, training(*sizes, 4)) for name, sizes in _SMALL.items()),
        Case(_BATCHES, identity),
        Case(_CONDUCT, training(8, 3, 3, 5, 4)),
    )


_EVALUATION = {name: Close(1e-8, 1e-10, dtype="float64", what=f"the {name}") for name in ("loss", "accuracy")}
_WEIGHTS = {name: Close(1e-7, dtype="float64", what=f"model.{name} after the training") for name in "Wb"}
_LISTS = {name: Close(1e-7, 1e-9, dtype="float64", what=name) for name in probes.LISTS}
_OFTEN = "in {} batches than it should be, over 60 iterations; draw a new batch in each"
_DRAWN = {
    "never": Exact(advice="Some rows are in no batch, over 60 iterations; draw a new batch in each"),
    "rarest": Within(0.45, 1.0, dtype="float64", advice="A row is " + _OFTEN.format("fewer")),
    "commonest": Within(1.0, 1.45, dtype="float64", advice="A row is " + _OFTEN.format("more")),
    "variance": Within(
        0.1, 3.5, dtype="float64", advice="Your batches are not drawn anew and independently in each iteration"
    ),
    "same": Exact(advice="Trainings with different generators draw the same batches"),
}
_EVERYTHING = ("q1", "q2a", "q2b", "q3", "q4", "q5", "q6", "evaluation")
EVALUATION, TRAJECTORY, LISTS, BATCHES, CONDUCT = _MAIN = (
    Test("evaluation", "loss and accuracy of all rows, whatever the batches", probes.evaluation, tuple(_EVALUATIONS), _EVALUATION),
    Test("trajectory", "weights after the training", probes.training, tuple(_TRAININGS), _WEIGHTS),
    Test("lists", "what is noted, and when", probes.noted, tuple(_SMALL), _LISTS, stand_ins={"get_data_batch": other_batch}),
    Test("batches", "a new batch in each iteration, drawn by rng", probes.batches, (_BATCHES,), _DRAWN, count=counts.batches,
         needs=("trajectory", "lists"),
         stand_ins={"gradients": probes.rows_of_the_batch, "clip_gradients": probes.as_they_are}),
    conduct("fit_model", {name: name for name in ("X_train", "y_train", "X_val", "y_val")}, probes.conduct, (_CONDUCT,),
            ("trajectory", "lists")),
)  # fmt: skip
_GIVEN = "{} is correct: it was given other functions in the place of yours."
_OF_ANOTHER = (
    (TRAJECTORY, probes.training_of_another),
    (LISTS, probes.noted_of_another),
    (BATCHES, probes.batches_of_another),
    (CONDUCT, probes.conduct_of_another),
)
STUBS = ("evaluate_model", "fit_model")
TESTS = (
    *_MAIN,
    variant(EVALUATION, "evaluation_given", _GIVEN.format("evaluate_model"), ("q4",), probe=probes.evaluation_of_another, stand_ins=MEASURES),
    *(variant(test, f"{test.id}_given", _GIVEN.format("fit_model"), _EVERYTHING, probe=probe, stand_ins=STEPS)
      for test, probe in _OF_ANOTHER),
    variant(LISTS, "lists_at_rest", "The lists are correct where the steps are 0.", ("trajectory",), probe=probes.noted_at_rest, stand_ins=STEPS),
)  # fmt: skip
