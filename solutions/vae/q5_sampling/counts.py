"""Counts of what the probes of q5 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.noise.counts import standard_normal_rows
from autograder.questions.side_effects.counts import dtype_kept, gradients_switched_on, side_effects


def sampling_randomness(produced: Mapping[str, Tensor], **inputs: Tensor | int) -> dict[str, Tensor]:
    """See ``standard_normal_rows``."""
    return standard_normal_rows(produced)


def conduct(produced: Mapping[str, Tensor], rows: Tensor, z0: Tensor, **inputs: Tensor | int) -> dict[str, Tensor]:
    """Side effects, gradient mode and dtype of ``interpolate`` as ``line_…``. Of ``sample``, 0 or 1 each: gradient mode and
    dtype; ``images_have_graph``; ``gradients_off`` and ``frozen`` when it has returned."""
    return {
        **side_effects(produced, "line_", z0=z0, **inputs),
        **gradients_switched_on(produced, "line_"),
        **dtype_kept(produced, z0, "line_"),
        **gradients_switched_on(produced),
        "dtype_kept": torch.tensor(int(produced["pixel"].dtype is rows.dtype)),
        "images_have_graph": produced["images_have_graph"].long(),
        "gradients_off": (~produced["gradients_on"].bool()).long(),
        "frozen": (~produced["trainable"].bool()).long(),
    }
