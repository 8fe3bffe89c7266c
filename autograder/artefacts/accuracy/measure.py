"""Measures the accuracy of a checkpoint on the test images, in this process, with the kit's own network."""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module

from autograder.artefacts.accuracy import NETWORKS, Accuracy
from autograder.artefacts.accuracy.count import Count, count_top1
from autograder.artefacts.model import Finding, Headline, Inputs
from autograder.errors import CheckpointError, Unread
from data_scripts import DATASETS, Prepared


def measure(sheet: Accuracy, inputs: Inputs) -> Finding:
    """Count the correct images. After every batch the certain part is published: other images count as wrong."""
    data = inputs.data
    if not inputs.has(sheet.file):
        return _nothing(inputs.missing(sheet.file))
    if data is None:
        return _nothing("Not measured: this grader has no test images. Ask your instructor.")
    try:
        network = import_module(NETWORKS[sheet.network])
        model = network.classifier(inputs.read(sheet.file), len(sheet.classes), len(sheet.mean))
    except Unread as error:
        return _nothing(str(error), finished=not error.late)
    except CheckpointError as error:
        return _nothing(f"{sheet.file}: {error}")
    images, labels = data.images("test"), data.labels("test")
    most = sheet.splits(data)["test"]

    def reached(count: Count) -> None:
        inputs.publish(_finding(count, data, f"Measured {count.evaluated:,} of {count.dataset_size:,} images so far"))
        inputs.progress(count.evaluated)

    count = count_top1(
        model, images[:most], labels[:most], mean=sheet.mean, std=sheet.std, deadline=inputs.deadline,
        clock=inputs.clock, reached=reached,
    )  # fmt: skip
    return _finding(count, data, f"The time ran out after {count.evaluated:,} of {count.dataset_size:,} images")


def _nothing(sentence: str, finished: bool = True) -> Finding:
    return Finding({"accuracy": sentence}, finished=finished)


def _finding(count: Count, data: Prepared, unfinished: str) -> Finding:
    """The finding of a count. ``unfinished`` is the sentence about images that were not measured."""
    sentence = _sentence(count, data)
    if not count.finished:
        return Finding(
            {"accuracy": f"{unfinished}; the rest count as wrong. {sentence}"}, asdict(count), finished=False
        )
    headline = Headline("Top-1 accuracy", "top1", count.top1, f"{100 * count.top1:.2f} %")
    return Finding({"accuracy": sentence}, asdict(count), headline=headline)


def _sentence(count: Count, data: Prepared) -> str:
    """What was measured, and on which images."""
    return f"{count.top1:.2%} top-1: {count.correct:,} of {count.evaluated:,} test images correct ({source(data)})."


def source(data: Prepared) -> str:
    """Which images were measured."""
    title = DATASETS[data.manifest["dataset"]].title
    return f"generated images, not {title}" if data.manifest["generated"] else data.source
