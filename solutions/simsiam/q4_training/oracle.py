"""One epoch of SimSiam by its definition, and the deviation of normalised rows, one number at a time."""

import math

from autograder.questions.training.oracle import epoch


def _loss(loss_fn, model, batch):
    (x1, x2), _ = batch
    p1, p2, z1, z2 = model(x1, x2)
    return loss_fn(p1, p2, z1, z2), len(x1)


def feature_std(z) -> float:
    rows = [[x / (math.sqrt(sum(y * y for y in row)) or 1.0) for x in row] for row in z.tolist()]
    deviations = []
    for column in zip(*rows):
        mean = sum(column) / len(column)
        deviations.append(math.sqrt(sum((x - mean) ** 2 for x in column) / (len(column) - 1)))
    return sum(deviations) / len(deviations)


ORACLE = {"train_one_epoch": epoch(_loss), "feature_std": feature_std}
