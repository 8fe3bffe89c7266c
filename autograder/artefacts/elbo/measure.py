"""Measures the bound of a checkpoint on the test images, in this process, and scores the samples handed in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module

import torch

from autograder.artefacts.accuracy.measure import source
from autograder.artefacts.elbo import NETWORKS, PARTS, Elbo
from autograder.artefacts.elbo.bound import bound_of
from autograder.artefacts.model import Finding, Headline, Inputs
from autograder.artefacts.samples.measure import TITLES, Looked, finding_of, handed_in, look_at_files
from autograder.errors import CheckpointError
from autograder.scorers.classifier import load
from autograder.text import one_line

LEAST = -1e9  # nats: a number of more digits says nothing


def measure(sheet: Elbo, inputs: Inputs) -> Finding:
    """Measure the bound and score the samples. The bound is published before the samples are scored."""
    scorer = load(inputs.dataset)
    looks = {
        "elbo": (sheet.checkpoint, lambda tensors: measured(sheet, tensors, inputs)),
        "own": (sheet.file, scorer and (lambda tensors: handed_in(sheet.own_count, tensors, scorer, inputs))),
    }
    return _finding(look_at_files(looks, inputs, lambda looked: inputs.publish(_finding(looked))))


def measured(sheet: Elbo, tensors: Mapping[str, torch.Tensor], inputs: Inputs) -> Looked:
    """The bound of the checkpoint's networks. Raises CheckpointError."""
    data = inputs.data
    encoder, decoder = import_module(NETWORKS[sheet.network]).networks(tensors)
    images = data.images("test")
    if images.shape[1:] != (1, 28, 28):
        raise CheckpointError(f"The networks expect images of (1, 28, 28); these have {tuple(images.shape[1:])}.")
    limits = {"deadline": inputs.deadline, "clock": inputs.clock, "progress": inputs.progress}
    try:
        found = bound_of(encoder, decoder, images, **limits)
    except RuntimeError as error:
        raise CheckpointError(f"The networks do not run: {one_line(str(error))}") from None
    if not found.finished:
        sentence = (
            f"The time for this submission ran out after {found.evaluated:,} of {found.dataset_size:,} test images, so "
            "there are no points; use smaller networks."
        )
        return Looked(sentence, finished=False)
    if not math.isfinite(found.elbo) or found.elbo < LEAST:
        raise CheckpointError("The networks return NaN, infinity or extremely large numbers, so there is no bound.")
    numbers = {"elbo": found.elbo} | {part: getattr(found, part) / found.evaluated for part in ("reconstruction", "kl")}
    sentence = (
        f"A bound of {found.elbo:.2f} nats: {numbers['reconstruction']:.2f} for the pixels and {numbers['kl']:.2f} for the "
        f"KL divergence, mean of {found.evaluated:,} grey test images ({source(data)})."
    )
    return Looked(sentence, numbers)


def _finding(looked: Mapping[str, Looked]) -> Finding:
    bound = looked["elbo"].numbers
    headline = bound and Headline("Bound in nats", "elbo", bound["elbo"], f"{bound['elbo']:.2f} nats")
    return finding_of(looked, PARTS, {"own": TITLES["own"]}, headline)
