"""Question 1b: the triplet loss."""

import torch

from autograder.questions.losses.question import case, finite_test, in_words, loss_tests, rows

_SIZES = ((6, 3), (1, 4), (7, 2), (4, 8))
_INACTIVE = "batches without an active triplet; rows that coincide"
FUNCTION, ARGUMENTS, ROWS = "triplet_loss", "anchor positive negative margin", ("anchor", "positive", "negative")


def _triplets(generator, n, d):
    size = 10 if d == 8 else 1
    return dict(zip(ROWS, (size * rows(generator, n, d, 0.5) for _ in ROWS)))


def _margin(anchor, positive, negative):
    """Such that about half of the triplets are active, or two of seven, and none is near the border."""
    gaps = ((anchor - negative).norm(dim=1) - (anchor - positive).norm(dim=1)).sort().values
    active = 2 if len(gaps) == 7 else (len(gaps) + 1) // 2
    border = gaps[active - 1 : active + 1].mean() if len(gaps) > 1 else gaps[0] + 1
    return float(border.clamp(min=0))


def draw(generator):
    """Half of the triplets active, in one batch those with margin 0; none active; anchors that coincide with other rows."""
    ordinary = []
    for n, d in _SIZES:
        given = _triplets(generator, n, d)
        while (margin := _margin(**given) if d != 8 else 0.0) == 0 and d != 8 or not _clear(given, margin):
            given = _triplets(generator, n, d)
        ordinary.append({**given, "margin": margin})
    far = _triplets(generator, 3, 4)
    far["positive"], far["negative"] = far["anchor"] + 0.1, far["anchor"] + 20.0
    near = _triplets(generator, 4, 3)
    near["positive"][0], near["negative"][1] = near["anchor"][0], near["anchor"][1]
    near["positive"][2], near["negative"][2] = near["anchor"][2], near["anchor"][2]
    edges = [{**far, "margin": 1.0}, {**far, "margin": 0.0}, {**near, "margin": 40.0}, {**near, "margin": 0.0}]
    return case(FUNCTION, ARGUMENTS, in_words(_SIZES), ordinary), case(FUNCTION, ARGUMENTS, _INACTIVE, edges)


def _clear(given, margin):
    """Whether rounding decides about no triplet, and some triplet is active, and another not if there are several."""
    distances = [(given["anchor"] - given[name]).norm(dim=1) for name in ROWS[1:]]
    slack = distances[0] - distances[1] + margin
    apart = (slack.abs() > 0.01).all() and (slack > 0).any() and (len(slack) == 1 or (slack < 0).any())
    moving = (slack > 2 * margin + 0.1).any() and slack.mean() > 0.1  # also a wrong loss of the first batch is not 0
    return bool(apart and {6: moving, 7: slack.mean() < -0.1}.get(len(slack), True))


STUBS = (FUNCTION,)
TESTS = (
    *loss_tests(FUNCTION, ROWS, _SIZES),
    finite_test("inactive", "a loss with a graph where no triplet is active, and finite where rows coincide", _INACTIVE,
                "The loss or its gradient is not finite where no triplet is active, or where two rows coincide"),
)  # fmt: skip
