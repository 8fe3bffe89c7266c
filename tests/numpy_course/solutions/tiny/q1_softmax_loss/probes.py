"""Probes of q1."""

from autograder.questions.array_probing import as_array, as_value, pair
from autograder.questions.array_side_effects.probes import side_effects


def value(student, W, x, y):
    loss, _ = pair(student["softmax_loss"](W, x, y), "what softmax_loss returns", "(loss, gradient)")
    return {"loss": as_value(loss, "the loss")}


def gradient(student, W, x, y):
    _, found = pair(student["softmax_loss"](W, x, y), "what softmax_loss returns", "(loss, gradient)")
    return {"gradient": as_array(found, "the gradient")}


def effects(student, W, x, y):
    return side_effects(lambda W, x: gradient(student, W, x, y)["gradient"], {"W": W, "x": x})
