"""Counts of what the probes of q4 produced."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from autograder.questions.side_effects.counts import side_effects_and_dtypes


def denoising_loss_side_effects(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """Side effects and dtypes; ``parameters`` as produced; ``eval_modes``: how many calls left the model in eval mode."""
    eval_modes = (~produced["modes"]).sum()
    return {
        **side_effects_and_dtypes(produced, **inputs),
        "parameters": produced["parameters"],
        "eval_modes": eval_modes,
    }
