"""Counts of what the probes of q5 produced."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from autograder.questions.noise.counts import standard_normal_rows
from autograder.questions.side_effects.counts import side_effects


def sampling_randomness(produced: Mapping[str, Tensor], **inputs: Tensor | int) -> dict[str, Tensor]:
    """See ``standard_normal_rows``."""
    return standard_normal_rows(produced)


def conduct(produced: Mapping[str, Tensor], **inputs: Tensor | int) -> dict[str, Tensor]:
    """Side effects of ``interpolate`` as ``line_…``; ``images_have_graph``, ``gradients_off`` of ``sample``, 0 or 1."""
    return {
        **side_effects(produced, "line_", **inputs),
        "images_have_graph": produced["images_have_graph"].long(),
        "gradients_off": (~produced["gradients_on"].bool()).long(),
    }
