"""Loss and accuracy by their definition, row by row. The logarithm of a sum of exponentials is taken about the largest."""

import math


def _scores(model, X):
    columns, b = model.W.T.tolist(), model.b.tolist()
    return [[math.fsum(map(math.prod, zip(row, w))) + c for w, c in zip(columns, b)] for row in X.tolist()]


def calculate_loss(model, X, y, is_binary):
    losses = []
    for row, label in zip(_scores(model, X), y.tolist()):
        scores = [0.0, *row] if is_binary else row
        largest = max(scores)
        losses.append(largest + math.log(math.fsum(math.exp(s - largest) for s in scores)) - scores[label])
    return math.fsum(losses) / len(losses)


def calculate_accuracy(model, X, y, is_binary):
    correct = 0
    for row, label in zip(model(X).tolist(), y.tolist()):
        predicted = int(row[0] > 0.5) if is_binary else row.index(max(row))
        correct += predicted == label
    return correct / len(y)


ORACLE = {"calculate_loss": calculate_loss, "calculate_accuracy": calculate_accuracy}
