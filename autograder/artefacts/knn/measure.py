"""Measures the k-NN accuracy of an encoder, in this process: a vote of neighbours is a classifier like others."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import torch
import torch.nn.functional as F
from torch import nn

from autograder.artefacts.accuracy.count import outputs
from autograder.artefacts.accuracy.measure import counted
from autograder.artefacts.knn import NETWORKS, Knn
from autograder.artefacts.model import Finding, Inputs
from autograder.artefacts.networks import Tensors
from autograder.errors import CheckpointError


class Neighbours(nn.Module):
    """Normalised images (n, 3, h, w) -> votes (n, classes) of the nearest features of a bank, by their cosine.

    Wu et al. (2018), section 3.4: each of the ``neighbours`` votes for its class with exp(cosine / ``temperature``).
    """

    def __init__(
        self, encoder: nn.Module, bank: torch.Tensor, labels: torch.Tensor, neighbours: int, temperature: float
    ):
        super().__init__()
        self.encoder, self.bank, self.labels = encoder, F.normalize(bank), labels
        self.neighbours, self.temperature = min(neighbours, len(bank)), temperature

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        cosines, nearest = (F.normalize(self.encoder(x)) @ self.bank.T).topk(self.neighbours)
        weights = ((cosines - cosines[:, :1]) / self.temperature).exp()  # the largest is 1, which leaves the order
        votes = torch.zeros(len(x), int(self.labels.max()) + 1)
        return votes.scatter_add_(1, self.labels[nearest], weights)


def measure(sheet: Knn, inputs: Inputs) -> Finding:
    """Compute the features of the bank, then count the queries that its vote classifies correctly."""
    rows, numbers = {}, {}

    def classifier(tensors: Tensors) -> nn.Module:
        rows.update(sheet.rows(inputs.data))
        encoder = import_module(NETWORKS[sheet.network]).encoder(tensors)
        images, labels = (part("train")[rows["train"]] for part in (inputs.data.images, inputs.data.labels))
        features = []
        for found in outputs(
            encoder, images, mean=sheet.mean, std=sheet.std, deadline=inputs.deadline, clock=inputs.clock
        ):
            features.append(found)
            inputs.progress(sum(map(len, features)))
        bank = torch.cat(features) if features else torch.zeros(1, 1)
        if not bank.isfinite().all():
            raise CheckpointError("The encoder returns NaN or infinity, so no image has a neighbour.")
        if features and not bank.any():
            raise CheckpointError("The encoder returns zeros for every image, so no image is nearer than another.")
        if len(bank) > 1:
            numbers["feature_std"] = F.normalize(bank).std(0).mean().item() * bank.shape[1] ** 0.5
        return Neighbours(encoder, bank, torch.from_numpy(labels[: len(bank)]), sheet.neighbours, sheet.temperature)

    after_the_bank = replace(inputs, progress=lambda done: inputs.progress(len(rows["train"]) + done))
    found = counted(sheet, after_the_bank, classifier, lambda data: rows["test"])
    return replace(found, numbers={**found.numbers, **numbers} if found.numbers else {})
