"""Measures the accuracy of a checkpoint on the test images, in this process, with the kit's own network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib import import_module
from typing import Protocol

import numpy as np
from torch import nn

from autograder.artefacts.accuracy import NETWORKS, WHOLE, Accuracy
from autograder.artefacts.accuracy.count import Count, count_top1
from autograder.artefacts.model import Finding, Headline, Inputs, source
from autograder.artefacts.networks import Tensors, passed_over
from autograder.errors import CheckpointError, Unread
from data_scripts import Prepared


class Counted(Protocol):
    """What counting needs of an artefact. ``short`` is the measure in a sentence; ``headline`` its title and column."""

    mean: Sequence[float]
    std: Sequence[float]
    short: str
    headline: tuple[str, str]

    def files(self) -> tuple[str, ...]: ...


def measure(sheet: Accuracy, inputs: Inputs) -> Finding:
    """The accuracy of a checkpoint's classifier on the first test images."""
    notes = []

    def classifier(tensors: Tensors) -> nn.Module:
        module, _, function = NETWORKS[sheet.network].partition(".")
        build = getattr(import_module(f"autograder.artefacts.accuracy.{module}"), function)
        model = build(tensors, len(sheet.classes), len(sheet.mean))
        notes.append(passed_over(tensors, model) if sheet.network in WHOLE else "")
        return model

    found = counted(sheet, inputs, classifier, lambda data: slice(sheet.splits(data)["test"]))
    return replace(found, sentences={"accuracy": " ".join(filter(None, (found.sentences["accuracy"], *notes)))})


def counted(
    sheet: Counted,
    inputs: Inputs,
    classifier: Callable[[Tensors], nn.Module],
    rows: Callable[[Prepared], slice | np.ndarray],
) -> Finding:
    """Count the images that the classifier of the sheet's files gets correct, among some ``rows`` of the test images.

    After every batch the certain part is published: other images count as wrong. ``classifier`` gets the tensors of a
    file, or of several, each with its file's name as a prefix; it raises CheckpointError.
    """
    data, files = inputs.data, sheet.files()
    if absent := [file for file in files if not inputs.has(file)]:
        return _nothing(inputs.missing(absent[0]))
    if data is None:
        return _nothing("Not measured: this grader has no test images. Ask your instructor.")
    try:
        tensors = {file: inputs.read(file) for file in files}
        several = {f"{file}.{name}": tensor for file, of in tensors.items() for name, tensor in of.items()}
        model = classifier(several if len(files) > 1 else tensors[files[0]])
    except Unread as error:
        return _nothing(str(error), finished=not error.late)
    except CheckpointError as error:
        return _nothing(f"{' and '.join(files)}: {error}")
    tested = rows(data)

    def reached(count: Count) -> None:
        inputs.publish(
            _finding(sheet, count, data, f"Measured {count.evaluated:,} of {count.dataset_size:,} images so far")
        )
        inputs.progress(count.evaluated)

    count = count_top1(
        model, data.images("test")[tested], data.labels("test")[tested], mean=sheet.mean, std=sheet.std,
        deadline=inputs.deadline, clock=inputs.clock, reached=reached,
    )  # fmt: skip
    return _finding(sheet, count, data, f"The time ran out after {count.evaluated:,} of {count.dataset_size:,} images")


def _nothing(sentence: str, finished: bool = True) -> Finding:
    return Finding({"accuracy": sentence}, finished=finished)


def _finding(sheet: Counted, count: Count, data: Prepared, unfinished: str) -> Finding:
    """The finding of a count. ``unfinished`` is the sentence about images that were not measured."""
    correct = f"{count.correct:,} of {count.evaluated:,} test images correct"
    sentence = f"{count.top1:.2%} {sheet.short}: {correct} ({source(data)})."
    if not count.finished:
        return Finding(
            {"accuracy": f"{unfinished}; the rest count as wrong. {sentence}"}, asdict(count), finished=False
        )
    title, column = sheet.headline
    return Finding(
        {"accuracy": sentence}, asdict(count), headline=Headline(title, column, count.top1, f"{100 * count.top1:.2f} %")
    )
