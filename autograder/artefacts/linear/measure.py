"""Counts the test images that submitted linear models get correct, by NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from autograder.artefacts.linear import Linear
from autograder.artefacts.model import Finding, Headline, Inputs, source
from autograder.errors import CheckpointError, Unread
from data_scripts import DATASETS, Prepared

BATCH = 1_000
Model = dict[str, np.ndarray]


def measure(sheet: Linear, inputs: Inputs) -> Finding:
    """The accuracy of each model of the sheet; the finding's numbers hold it by the model's name."""
    found = {}
    for done, name in enumerate(sheet.files_of):
        inputs.progress(done)
        found[name] = _measured(sheet, name, inputs)
    numbers = {name: accuracy for name, (_, accuracy, _) in found.items() if accuracy is not None}
    name, file = next(iter(sheet.files_of.items()))
    headline = None
    if name in numbers:
        headline = Headline(f"Accuracy of {file}", name, numbers[name], f"{100 * numbers[name]:.2f} %")
    sentences = {name: sentence for name, (sentence, _, _) in found.items()}
    return Finding(sentences, numbers, finished=all(done for _, _, done in found.values()), headline=headline)


def _measured(sheet: Linear, name: str, inputs: Inputs) -> tuple[str, float | None, bool]:
    """A sentence about one model, its accuracy if it was measured, and whether measuring it again would change nothing."""
    file, data = sheet.files_of[name], inputs.data
    if not inputs.has(file):
        return inputs.missing(file), None, True
    if data is None:
        return "Not measured: this grader has no test images. Ask your instructor.", None, True
    if inputs.clock() >= inputs.deadline:
        return "Not measured: the time ran out.", None, False
    try:
        model = checked(inputs.read(file), math.prod(data.manifest["image_shape"]), len(sheet.classes[name]))
    except Unread as error:
        return str(error), None, not error.late
    except CheckpointError as error:
        return f"{file}: {error}", None, True
    known = DATASETS[inputs.dataset].classes
    correct, count = counted(model, data, [known.index(one) for one in sheet.classes[name]])
    accuracy = correct / count if count else 0.0
    return f"{accuracy:.2%}: {correct:,} of {count:,} test images correct ({source(data)}).", accuracy, True


def checked(arrays: Mapping[str, np.ndarray], width: int, classes: int) -> Model:
    """The four arrays of a model as float64.

    Raises:
        CheckpointError: one is missing, has another shape or dtype, or holds numbers that cannot be used.
    """
    k = 1 if classes == 2 else classes
    shapes = {"W": [(width, k)], "b": [(k,)], "mean": [(width,), (), (1,)], "scale": [(width,), (), (1,)]}
    model = {}
    for name, allowed in shapes.items():
        if name not in arrays:
            held = ", ".join(sorted(arrays)[:5])[:100] or "nothing"
            raise CheckpointError(f"there is no array {name}, but {held}: save W, b, mean and scale by numpy.savez.")
        array = np.asarray(arrays[name])
        if array.dtype.kind not in "fiu":
            raise CheckpointError(f"{name} is {array.dtype}; save plain numbers, float64.")
        if array.shape not in allowed:
            raise CheckpointError(f"{name} has shape {array.shape}, expected {allowed[0]}.")
        model[name] = array.astype(np.float64)
        if not np.isfinite(model[name]).all():
            raise CheckpointError(f"{name} holds NaN or infinity: the training diverged.")
    if not model["scale"].all():
        raise CheckpointError("scale holds a 0, by which inputs would be divided.")
    return model


def counted(model: Model, data: Prepared, classes: list[int]) -> tuple[int, int]:
    """How many test images of some classes a model gets correct, and how many there are.

    Of equal scores the first counts; an image whose scores are not finite is wrong.
    """
    labels = data.labels("test")
    rows, images, correct = np.flatnonzero(np.isin(labels, classes)), data.images("test"), 0
    for part in np.array_split(rows, math.ceil(len(rows) / BATCH)) if len(rows) else ():
        x = images[part].transpose(0, 2, 3, 1).reshape(len(part), -1) / 255
        with np.errstate(all="ignore"):
            scores = (x - model["mean"]) / model["scale"] @ model["W"] + model["b"]
        predicted = scores[:, 0] > 0 if scores.shape[1] == 1 else scores.argmax(axis=1)
        right = np.array(classes)[predicted.astype(np.int64)] == labels[part]
        correct += int((right & np.isfinite(scores).all(axis=1)).sum())
    return correct, len(rows)
