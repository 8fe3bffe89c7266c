"""The vote of nearest neighbours, one query at a time (Wu et al. 2018, section 3.4)."""

import math


def _unit(rows) -> list[list[float]]:
    return [[x / math.sqrt(sum(y * y for y in row)) for x in row] for row in rows.tolist()]


def knn_accuracy(train_h, train_y, test_h, test_y, k, temperature) -> float:
    bank, labels, correct = _unit(train_h), train_y.tolist(), 0
    for query, label in zip(_unit(test_h), test_y.tolist(), strict=True):
        cosines = [(sum(a * b for a, b in zip(query, row)), y) for row, y in zip(bank, labels, strict=True)]
        votes = {}
        for cosine, y in sorted(cosines, reverse=True)[:k]:
            votes[y] = votes.get(y, 0.0) + math.exp(cosine / temperature)
        correct += max(votes, key=votes.get) == label
    return correct / len(test_y)


ORACLE = {"knn_accuracy": knn_accuracy}
