"""Question 3: the accuracy of a weighted vote of nearest neighbours."""

import torch
import torch.nn.functional as F

from autograder.questions.model import Case, Close, Exact, Test, Within
from autograder.questions.side_effects.question import comparisons

from . import counts, probes

# k and temperature of the calls with the same features; there are 31 rows in the bank.
_CALLS = ((1, 0.1), (3, 0.5), (5, 0.2), (9, 1.0), (20, 0.07), (30, 0.3), (31, 0.3))
_ABOVE = ((31, 0.3), (32, 0.3), (200, 0.3))
_FEW = "31 rows, 61 queries, labels 0, 2, 3 and 7"
_ALL = "31 rows, k above 31"
_MANY = "41 rows, 2081 queries, k 5"
_OF_MANY = (5, 0.1)
# Queries that come 50 times; 31 others follow. Primes: no usual size of a chunk divides them, or their sum.
_REPEATED = 41
MARGIN = 2e-3


def draw(generator):
    """Features of overlapping classes whose rows have very different lengths. No vote is close, so that rounding decides none."""

    def features(n, d, classes):
        y = torch.tensor(classes)[torch.randint(len(classes), (n,), generator=generator)]
        centres = torch.randn(10, d, generator=generator)
        return centres, y

    def rows(y, centres, spread):
        h = centres[y] + spread * torch.randn(len(y), centres.shape[1], generator=generator)
        return h * torch.exp(torch.randn(len(y), 1, generator=generator))

    def inputs(n, m, d, classes, calls, spread):
        centres, train_y = features(n, d, classes)
        train_h = rows(train_y, centres, spread)
        _, test_y = features(8 * m, d, classes)
        test_h = rows(test_y, centres, spread)
        votes = [_vote(train_h, train_y, test_h, *call) for call in calls]
        kept = torch.stack([clear for clear, _ in votes]).all(0).nonzero().flatten()[:m]
        assert len(kept) == m
        given = {"train_h": train_h, "train_y": train_y, "test_h": test_h[kept], "test_y": test_y[kept]}
        return given, votes[0][1][kept]

    few, _ = inputs(31, 61, 4, (0, 2, 3, 7), _CALLS, 1.0)
    few["test_y"][:3] = 9  # a class that the bank does not have
    many, predicted = inputs(41, 72, 3, (0, 1, 4, 9), (_OF_MANY,), 0.8)
    many["test_y"][_REPEATED:] = (
        predicted[_REPEATED:] + (torch.arange(31) % 3 > 0)
    ) % 10  # one in three of the last is right
    k, temperature = _OF_MANY
    more = {"repeated": _REPEATED, "times": 50, "k": k, "temperature": temperature}
    settings = (
        {"ks": torch.tensor([k for k, _ in calls]), "temperatures": torch.tensor([t for _, t in calls])}
        for calls in (_CALLS, _ABOVE)
    )
    ordinary, above = ({**{name: tensor.clone() for name, tensor in few.items()}, **some} for some in settings)
    return Case(_FEW, ordinary), Case(_ALL, above), Case(_MANY, {**many, **more})


def _vote(train_h, train_y, test_h, k, temperature):
    """For which queries neither the border of the neighbours nor the vote is close, and who wins it, (queries,) each."""
    s, order = (F.normalize(test_h) @ F.normalize(train_h).T).sort(dim=1, descending=True)
    border = s[:, k - 1] - s[:, k] > MARGIN if k < len(train_h) else torch.ones(len(s), dtype=torch.bool)
    s, order = s[:, :k], order[:, :k]
    votes = torch.zeros(len(s), 10).scatter_add_(1, train_y[order], (s / temperature).exp())
    first, second = votes.topk(2).values.unbind(1)
    return border & (first > (1 + MARGIN) * second), votes.argmax(1)


STUBS = ("knn_accuracy",)
_ACCURACIES = {
    f"accuracy_{number}": Close(1e-5, 1e-6, what=f"the accuracy for k = {k} and temperature {temperature}")
    for number, (k, temperature) in enumerate(_CALLS)
}
_ABOVE_ALL = {
    "beside": Within(-1e-5, 1e-5, advice="With k above the number of rows your accuracy is not that of all rows")
}
_CHUNKS = {
    "beside": Within(
        -1e-5, 1e-5, advice="The accuracy of 2081 queries is not the share of all: each counts once, in any chunks"
    )
}
_CONDUCT = {
    **comparisons("knn_accuracy", {"train_h": "train_h", "train_y": "train_y", "test_h": "test_h", "test_y": "test_y"}),
    "constant": Exact(advice="What knn_accuracy returns does not depend on the labels of the bank"),
    "constant_train_h": Exact(advice="What knn_accuracy returns does not depend on the features of the bank"),
    "constant_test_h": Exact(advice="What knn_accuracy returns does not depend on the features of the test rows"),
}  # fmt: skip
TESTS = (
    Test("accuracy", "the share of queries whose class wins the vote", probes.accuracies, (_FEW,), _ACCURACIES),
    Test("all_rows", "all rows vote if k is above their number", probes.accuracies, (_ALL,), _ABOVE_ALL,
         count=counts.above, needs=("accuracy", "conduct")),
    Test("chunks", "the share of 2081 queries is the mean of those of its parts", probes.chunks, (_MANY,), _CHUNKS,
         count=counts.chunks, needs=("accuracy", "conduct")),
    Test("conduct", "inputs and global state stay as they are", probes.conduct, (_FEW,), _CONDUCT, count=counts.conduct),
)  # fmt: skip
