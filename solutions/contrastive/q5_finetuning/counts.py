"""Counts of what the probes of q5 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.side_effects.counts import differing
from autograder.questions.training import counts

from ..q4_training.counts import other_passes
from .probes import MODELS, given_classifier, given_encoder

FORWARDS = ("train_forwards", "mixed_forwards", "gradient_forwards")


def _left_behind(produced: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {"gradients_off": (~produced["gradients_on"].bool()).long(), **_other_parameters(produced)}


def _other_parameters(produced: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``frozen``: how many parameters no longer require gradients, ``thawed``: how many do that were fixed before."""
    now = produced["trainable"].bool()
    before = torch.tensor([False, True] * len(MODELS))
    if now.shape != before.shape:
        raise Unreadable("the given models have other parameters than before")
    return {"frozen": (before & ~now).sum(), "thawed": (now & ~before).sum()}


def _not_training(produced: Mapping[str, Tensor]) -> Tensor:
    """How many forwards of the classifier were not, all of it, in train mode."""
    _, forwards, training, *_ = produced["classifier_tally"]
    return forwards - training


def evaluation_side_effects(
    produced: Mapping[str, Tensor],
    encoder: Tensor,
    classifier: Tensor,
    images: Tensor,
    batch_size: int,
    **inputs: Tensor,
) -> dict[str, Tensor]:
    """How many forwards of each model were in train mode, in a part of it, and with gradients, (2,) each; ``seen``: the images that went
    through the model with fewer of them, as a share; ``too_large``, ``moved``, ``gradients_off``, ``frozen``, ``thawed``."""
    tallies = torch.stack([produced[f"{name}_tally"] for name in MODELS])
    changed = sum(differing(produced[name], start) for name, start in zip(MODELS, (encoder, classifier)))
    return {
        "seen": tallies[:, 0].min() / len(images),
        **dict(zip(FORWARDS, tallies[:, 2:].T)),
        "too_large": (produced["largest"] > batch_size).long(),
        "moved": changed.abs() + (produced["statistics"] != 0).sum(),
        **_left_behind(produced),
    }


def frozen(produced: Mapping[str, Tensor], images: Tensor, **inputs: Tensor | float) -> dict[str, Tensor]:
    """The same of the frozen encoder alone; ``encoder`` as produced; ``classifier_not_training``."""
    tally = produced["encoder_tally"]
    return {
        "seen": tally[0] / len(images),
        **dict(zip(FORWARDS, tally[2:])),
        "encoder": produced["encoder"],
        "moved_statistics": (produced["statistics"][:1] != 0).sum(),
        **_other_parameters(produced),
        "classifier_not_training": _not_training(produced),
    }


def fit_side_effects(
    produced: Mapping[str, Tensor],
    encoder: Tensor,
    classifier: Tensor,
    images: Tensor,
    batch_size: int,
    **inputs: Tensor | float,
) -> dict[str, Tensor]:
    """See ``counts.side_effects`` of the family, and ``other_passes`` of q4; ``thawed``, ``classifier_not_training``."""
    models = [given_encoder(encoder), given_classifier(classifier)]
    return {
        **counts.side_effects(produced, given_encoder, encoder, images),
        "other_passes": other_passes(produced, models, images, batch_size),
        **_other_parameters(produced),
        "classifier_not_training": _not_training(produced),
    }
