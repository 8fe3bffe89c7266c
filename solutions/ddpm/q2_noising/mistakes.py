"""Wrong ways to noise an image in one jump, each a small change of a correct one."""

from __future__ import annotations

import torch

from autograder.questions.edits import edit, misconceptions
from autograder.questions.model import Misconception
from autograder.questions.side_effects import mistakes as side_effects
from autograder.questions.side_effects.question import changed

from .correct import viewed_by_number_of_axes


def _same_noise_in_every_step(x0, t, noise, schedule):
    x = x0
    for step in range(int(t.max()) + 1):
        moved = schedule.alpha[step].sqrt() * x + schedule.beta[step].sqrt() * noise
        x = torch.where((t >= step).view(-1, *[1] * (x0.dim() - 1)), moved, x)
    return x


_SHIFT = "You use ᾱ of a neighbouring step: index t of the schedule holds the step that t means."
_ONE_T = "You use one t for the whole batch; each row has its own."
_OWN_SCHEDULE = "You use ᾱ of a schedule that is made elsewhere; use the schedule that the function gets."
_BAR, _AXES = "schedule.alpha_bar[t]", ".view(-1, *[1] * (x0.dim() - 1))"
_SUM = "torch.sqrt(bar) * x0 + torch.sqrt(1 - bar) * noise"

_BEFORE_ITERATED = (
    edit("root missing on alpha bar",
         "You multiply x_0 by ᾱ itself; its root is missing.",
         "torch.sqrt(bar)", "bar"),
    edit("root missing on one minus alpha bar",
         "You multiply the noise by its variance 1 − ᾱ; multiply it by the standard deviation.",
         "torch.sqrt(1 - bar)", "(1 - bar)"),
    edit("both roots missing",
         "Both roots are missing: the squares of the two coefficients should add up to 1.",
         _SUM, "bar * x0 + (1 - bar) * noise"),
    edit("coefficients exchanged",
         "You exchange the two coefficients: at small t the image should be nearly clean.",
         _SUM, "torch.sqrt(1 - bar) * x0 + torch.sqrt(bar) * noise"),
    edit("both coefficients of the image",
         "You multiply the noise by √ᾱ too; its coefficient is √(1 − ᾱ).",
         "torch.sqrt(1 - bar)", "torch.sqrt(bar)"),
    edit("both coefficients of the noise",
         "You multiply x_0 by √(1 − ᾱ) too; its coefficient is √ᾱ.",
         "torch.sqrt(bar)", "torch.sqrt(1 - bar)"),
    edit("one minus the root",
         "You multiply the noise by 1 − √ᾱ; take the root of the whole of 1 − ᾱ.",
         "torch.sqrt(1 - bar)", "(1 - torch.sqrt(bar))"),
    edit("one plus alpha bar",
         "The coefficient of your noise has 1 + ᾱ under its root; the squares of both coefficients add up to 1.",
         "torch.sqrt(1 - bar)", "torch.sqrt(1 + bar)"),
    edit("alpha in place of alpha bar",
         "You make x_t with the coefficients of one step (α, β); the jump from x_0 to x_t needs those of ᾱ.",
         _BAR, "schedule.alpha[t]"),
    edit("beta in place of alpha bar",
         "You make the coefficients of β; make them of ᾱ.",
         _BAR, "schedule.beta[t]"),
    edit("noise of one step",
         "Your noise has the deviation √β of one step; up to step t the variance 1 − ᾱ has gathered.",
         "torch.sqrt(1 - bar)", "torch.sqrt(schedule.beta[t].view_as(bar))"),
    edit("posterior variance in the noise",
         "Your noise has the deviation of the posterior, which belongs to the reverse process.",
         "torch.sqrt(1 - bar)", "torch.sqrt(schedule.posterior_variance[t].view_as(bar))"),
)  # fmt: skip
_AFTER_ITERATED = (
    edit("ᾱ of the step before", _SHIFT, _BAR, "torch.cat([schedule.alpha_bar.new_ones(1), schedule.alpha_bar])[t]"),
    edit("ᾱ of the step after", _SHIFT, "[t]", "[(t + 1).clamp(max=len(schedule.beta) - 1)]"),
    edit("a schedule of its own", _OWN_SCHEDULE,
         _BAR, "(1 - torch.linspace(1e-4, 0.02, len(schedule.beta))).cumprod(0)[t]"),
    edit("a schedule of a thousand steps", _OWN_SCHEDULE, _BAR, "(1 - torch.linspace(1e-4, 0.02, 1000)).cumprod(0)[t]"),
    edit("t minus one as an index",
         "You use t − 1 as an index: steps count from 0 here, and index −1 is the last step.",
         "[t]", "[t - 1]"),
    edit("t from the end",
         "You read the schedule from its end: large t should mean much noise.",
         "[t]", "[len(schedule.beta) - 1 - t]"),
    edit("t of the first row", _ONE_T, "[t]", "[t[:1].expand_as(t)]"),
    edit("t of the last row", _ONE_T, "[t]", "[t[-1:].expand_as(t)]"),
    edit("mean t", _ONE_T, "[t]", "[t.double().mean().long().expand_as(t)]"),
    edit("largest t", _ONE_T, "[t]", "[t.max().expand_as(t)]"),
    edit("rows not aligned",
         "Your coefficients (n,) do not go along the rows: broadcasting starts at the last axis, so reshape them.",
         _AXES, ""),
    edit("noise subtracted", "You subtract the noise; the equation adds it.", "x0 + torch", "x0 - torch"),
    edit("noise left out", "The noise is missing from your x_t.", " + torch.sqrt(1 - bar) * noise", ""),
    edit("noise not scaled",
         "You add the noise as it is, without its coefficient.",
         "torch.sqrt(1 - bar) * noise", "noise"),
    edit("image not scaled",
         "Your x_0 keeps its full size; as the noise grows, the image fades.",
         "torch.sqrt(bar) * x0", "x0"),
    edit("image returned", "You return x_0 as it is, without any noise.", _SUM, "x0.clone()"),
    edit("noise returned", "You return the noise alone; x_0 is missing from your x_t.", _SUM, "noise.clone()"),
    edit("clipped", "You clip x_t to [−1, 1]; a noised image may leave that range.", _SUM, f"({_SUM}).clamp(-1, 1)"),
    edit("clipped far out",
         "You clip x_t to a few standard deviations; it is the sum as it is, for any noise.",
         _SUM, f"({_SUM}).clamp(-3.5, 3.5)"),
    edit("noise drawn anew",
         "You draw noise inside the function; use the noise that it gets.",
         "* noise", "* torch.randn_like(x0)"),
    edit("noise of the first row",
         "You give all rows the noise of the first one; each row has its own.",
         "* noise", "* noise[:1]"),
)  # fmt: skip
_OTHER_EDITS = (
    edit("only the first row", "You return only the first image of the batch.", _SUM, f"({_SUM})[:1]"),
    edit("four axes written out",
         "You shape the coefficients for images of four axes; data of shape (n, d) need another number of ones.",
         _AXES, ".view(-1, 1, 1, 1)"),
    edit("images overwritten", f"{changed('q_sample', 'x_0')}.", "torch.sqrt(bar) * x0 +", "x0.mul_(torch.sqrt(bar)).add_(",
         "1 - bar) * noise", "1 - bar) * noise)"),
    edit("noise overwritten",
         "You change the noise in place in q_sample; the loss needs it afterwards.",
         "torch.sqrt(1 - bar) * noise", "noise.mul_(torch.sqrt(1 - bar))"),
    edit("schedule overwritten",
         "You change the schedule in place in q_sample, so every later call gets a wrong one.",
         "return", "schedule.alpha_bar.sqrt_()\n    return"),
    edit("steps overwritten",
         "You change the steps t in place in q_sample; the model needs them afterwards.",
         "return", "t -= 1\n    return"),
)  # fmt: skip


def _of(edits):
    return misconceptions("q_sample", viewed_by_number_of_axes, edits)


# In the value of x_t; a loss that is built on it has them too.
VALUE_MISCONCEPTIONS = (
    *_of(_BEFORE_ITERATED),
    Misconception(
        "same noise in every step",
        "You make x_t step by step with the same noise in each; the jump in one step uses the noise once.",
        {"q_sample": _same_noise_in_every_step},
    ),
    *_of(_AFTER_ITERATED),
)
# Id -> kind.
SIDE_EFFECTS = {
    "seeds": "seeds",
    "draws": "draws",
    "sets the default dtype": "default dtype",
    "float32 result": "float32",
    "float64 result": "float64",
}

MISCONCEPTIONS = (
    *VALUE_MISCONCEPTIONS,
    *_of(_OTHER_EDITS),
    *side_effects.misconceptions("q_sample", {"q_sample": viewed_by_number_of_axes}, SIDE_EFFECTS),
)
