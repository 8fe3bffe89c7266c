"""Counts of what the probes of the noise schedules produced, also of question 1b."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.side_effects.counts import side_effects

PARTS = ("beta", "alpha", "alpha_bar", "posterior_variance")
FORWARD = PARTS[:3]


def logarithm_of_beta(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """``beta``, and ``log_beta``: a small β counts in it as much as a large one."""
    return {"beta": produced["beta"], "log_beta": produced["beta"].log()}


def logarithm(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """What was produced, and ``log_alpha_bar``."""
    return {**produced, "log_alpha_bar": produced["alpha_bar"].log()}


def products(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """α, ᾱ with its logarithm, and posterior variance in float32, and ``float32_parts``."""
    single = {name: produced[name].float() for name in PARTS[1:]}
    return {**logarithm(single), **float32_parts(produced)}


def schedule_side_effects(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """What ``side_effects`` counts, ``float32_parts``, ``not_finite`` (how many entries of β, α and ᾱ are
    not), and ``first``: β, α and ᾱ of the first step, (3,)."""
    return {
        **side_effects(produced, **inputs),
        **float32_parts(produced),
        "not_finite": sum((~torch.isfinite(produced[name])).sum() for name in FORWARD),
        "first": torch.cat([produced[name].flatten()[:1].float() for name in FORWARD]),
    }


def float32_parts(produced: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``float32_parts``: how many of the four tensors of a schedule are float32, 0-d."""
    return {"float32_parts": torch.tensor(sum(produced[name].dtype is torch.float32 for name in PARTS))}


# The next three compare parts of a schedule with what follows from its other parts, whether these are correct or not.


def alpha_bar_of_alpha(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """``alpha_bar``: the distance of ᾱ from the products of α, (T,). Raises Unreadable."""
    return {"alpha_bar": apart(changing(produced, "alpha_bar"), produced["alpha"].double().cumprod(0))}


def posterior_of_the_rest(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """``posterior_variance``: its distance from the one that β and ᾱ give, (T,). Raises Unreadable."""
    beta, bar = (produced[name].double() for name in ("beta", "alpha_bar"))
    before = torch.cat([bar.new_ones(1), bar[:-1]])
    return {"posterior_variance": apart(changing(produced, "posterior_variance"), beta * (1 - before) / (1 - bar))}


def rest_of_beta(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """Both of the above, the same of ``alpha`` and 1 − β, and ``float32_parts``. Raises Unreadable."""
    alpha = apart(changing(produced, "alpha"), 1 - produced["beta"].double())
    return {
        "alpha": alpha,
        **alpha_bar_of_alpha(produced),
        **posterior_of_the_rest(produced),
        **float32_parts(produced),
    }


def apart(found: Tensor, wanted: Tensor) -> Tensor:
    """The distance of two tensors as a share of the largest number of the second; 0 where that has no number."""
    known = torch.isfinite(wanted)
    scale = wanted[known].abs().max() if known.any() else torch.ones(())
    return torch.where(known, found - wanted, 0.0) / scale.clamp(min=1e-12)


def changing(produced: Mapping[str, Tensor], name: str) -> Tensor:
    """A part of a schedule in float64.

    Raises:
        Unreadable: it is the same at every step, so it may be no product of anything.
    """
    part = produced[name].double()
    if bool((part == part[0]).all()):
        raise Unreadable(f"{name} is the same number at every step")
    return part
