"""Wrong ways to noise an image in one jump, each a small change of a right one."""

from __future__ import annotations

import torch

from autograder.questions.model import Misconception


def per_row(coefficients, x):
    """(n,) in a shape that broadcasts against x, (n, ...)."""
    return coefficients.reshape(-1, *(1,) * (x.ndim - 1))


def _q_sample(
    table=lambda schedule: schedule.alpha_bar,
    steps=lambda t, T: t,
    signal=torch.sqrt,
    deviation=lambda bar: (1 - bar).sqrt(),
    combine=lambda signal, x0, deviation, noise: signal * x0 + deviation * noise,
    align=per_row,
):
    """A right ``q_sample`` in which each part can be replaced."""

    def q_sample(x0, t, noise, schedule):
        bar = table(schedule)[steps(t, len(schedule.beta))]
        return combine(align(signal(bar), x0), x0, align(deviation(bar), x0), noise)

    return q_sample


right = _q_sample()


def _previous_bars(schedule):
    return torch.cat([schedule.alpha_bar.new_ones(1), schedule.alpha_bar[:-1]])


def _own_bars(T):
    return (1 - torch.linspace(1e-4, 0.02, T)).cumprod(0)


def _iterated(x0, t, noise, schedule):
    """Step after step, with the same noise in each of them."""
    x = x0
    for step in range(int(t.max()) + 1):
        moved = schedule.alpha[step].sqrt() * x + schedule.beta[step].sqrt() * noise
        x = torch.where(per_row(t >= step, x0), moved, x)
    return x


def _one_row(x0, t, noise, schedule):
    return right(x0[:1], t[:1], noise[:1], schedule)


def _noise_drawn(x0, t, noise, schedule):
    return right(x0, t, torch.randn_like(x0), schedule)


def _noise_of_first_row(x0, t, noise, schedule):
    return right(x0, t, noise[:1].expand_as(x0), schedule)


def _t_by_shape_of_images(coefficients, x):
    return coefficients.view(-1, 1, 1, 1)


def _images_overwritten(x0, t, noise, schedule):
    bar = per_row(schedule.alpha_bar[t], x0)
    x0 *= bar.sqrt()
    x0 += (1 - bar).sqrt() * noise
    return x0


def _noise_overwritten(x0, t, noise, schedule):
    bar = per_row(schedule.alpha_bar[t], x0)
    return bar.sqrt() * x0 + noise.mul_((1 - bar).sqrt())


def _schedule_overwritten(x0, t, noise, schedule):
    bar = per_row(schedule.alpha_bar[t], x0)
    schedule.alpha_bar.sqrt_()
    return bar.sqrt() * x0 + (1 - bar).sqrt() * noise


def _steps_overwritten(x0, t, noise, schedule):
    x_t = right(x0, t, noise, schedule)
    t -= 1
    return x_t


def _seeds(x0, t, noise, schedule):
    torch.manual_seed(0)
    return right(x0, t, noise, schedule)


def _draws(x0, t, noise, schedule):
    torch.randn_like(x0)
    return right(x0, t, noise, schedule)


def _sets_default_dtype(x0, t, noise, schedule):
    torch.set_default_dtype(torch.float64)
    return right(x0, t, noise, schedule)


def _float32_result(x0, t, noise, schedule):
    return right(x0, t, noise, schedule).float()


def _float64_result(x0, t, noise, schedule):
    return right(x0, t, noise, schedule).double()


_SINGLE_STEP = "x_t is made by the coefficients of one step (α, β); the jump from x_0 to x_t takes those of ᾱ."
_SHIFT = "ᾱ of a neighbouring step is taken: index t of the schedule holds the step that t means."
_ONE_T = "One t is used for the whole batch; each row has its own."
_OWN_SCHEDULE = "ᾱ comes from a schedule made elsewhere; use the one that is handed over."
_DTYPE = "The result has a dtype of its own: float32 inputs give float32, float64 inputs float64."

# In the value of x_t; a loss that is built on it has them too.
VALUE_MISTAKES = (
    ("root missing on alpha bar", _q_sample(signal=lambda bar: bar),
     "x_0 is multiplied by ᾱ itself; its root is missing."),
    ("root missing on one minus alpha bar", _q_sample(deviation=lambda bar: 1 - bar),
     "The noise is multiplied by its variance 1 − ᾱ; it takes the standard deviation."),
    ("both roots missing", _q_sample(signal=lambda bar: bar, deviation=lambda bar: 1 - bar),
     "Both roots are missing: the squares of the two coefficients should add up to 1."),
    ("coefficients exchanged", _q_sample(signal=lambda bar: (1 - bar).sqrt(), deviation=torch.sqrt),
     "The two coefficients stand in each other's place: at small t the image should be nearly clean."),
    ("one minus the root", _q_sample(deviation=lambda bar: 1 - bar.sqrt()),
     "The noise is multiplied by 1 − √ᾱ; the root goes over the whole of 1 − ᾱ."),
    ("alpha in place of alpha bar", _q_sample(table=lambda schedule: schedule.alpha), _SINGLE_STEP),
    ("beta in place of alpha bar", _q_sample(table=lambda schedule: schedule.beta),
     "The coefficients are made of β; they are made of ᾱ."),
    ("noise of one step", lambda x0, t, noise, schedule: (
        per_row(schedule.alpha_bar[t].sqrt(), x0) * x0 + per_row(schedule.beta[t].sqrt(), x0) * noise),
     "The noise has the deviation √β of one step; up to step t the variance 1 − ᾱ has gathered."),
    ("posterior variance in the noise", lambda x0, t, noise, schedule: (
        per_row(schedule.alpha_bar[t].sqrt(), x0) * x0
        + per_row(schedule.posterior_variance[t].sqrt(), x0) * noise),
     "The noise has the deviation of the posterior; it is a matter of the way back, not of the way there."),
    ("same noise in every step", _iterated,
     "x_t is made step by step with the same noise in each; the jump in one step uses the noise once."),
    ("ᾱ of the step before", _q_sample(table=_previous_bars), _SHIFT),
    ("ᾱ of the step after", _q_sample(steps=lambda t, T: (t + 1).clamp(max=T - 1)), _SHIFT),
    ("a schedule of its own", _q_sample(table=lambda schedule: _own_bars(len(schedule.beta))), _OWN_SCHEDULE),
    ("a schedule of a thousand steps", _q_sample(table=lambda schedule: _own_bars(1000)), _OWN_SCHEDULE),
    ("t minus one as an index", _q_sample(steps=lambda t, T: t - 1),
     "t − 1 is used as an index: steps count from 0 here, and index −1 is the last step."),
    ("t from the end", _q_sample(steps=lambda t, T: T - 1 - t),
     "The schedule is read from its end: large t should mean much noise."),
    ("t of the first row", _q_sample(steps=lambda t, T: t[:1].expand_as(t)), _ONE_T),
    ("t of the last row", _q_sample(steps=lambda t, T: t[-1:].expand_as(t)), _ONE_T),
    ("largest t", _q_sample(steps=lambda t, T: t.max().expand_as(t)), _ONE_T),
    ("rows not aligned", _q_sample(align=lambda coefficients, x: coefficients),
     "The coefficients (n,) are not brought to a shape that goes along the rows: broadcasting starts at the last axis."),
    ("noise subtracted", _q_sample(combine=lambda signal, x0, deviation, noise: signal * x0 - deviation * noise),
     "The noise is subtracted; the equation adds it."),
    ("noise left out", _q_sample(combine=lambda signal, x0, deviation, noise: signal * x0),
     "The noise is missing from x_t."),
    ("noise not scaled", _q_sample(combine=lambda signal, x0, deviation, noise: signal * x0 + noise),
     "The noise is added as it is, without its coefficient."),
    ("image not scaled", _q_sample(combine=lambda signal, x0, deviation, noise: x0 + deviation * noise),
     "x_0 keeps its full size; as the noise grows the image fades."),
    ("clipped", _q_sample(combine=lambda a, x0, b, noise: (a * x0 + b * noise).clamp(-1, 1)),
     "x_t is clipped to [−1, 1]; a noised image may leave that range."),
    ("noise drawn anew", _noise_drawn, "Noise is drawn inside of the function; the noise that is given should be used."),
    ("noise of the first row", _noise_of_first_row, "All rows get the noise of the first one; each has its own."),
)  # fmt: skip

_OTHERS = (
    ("only the first row", _one_row, "Only the first image of the batch comes back."),
    ("four axes written out", _q_sample(align=_t_by_shape_of_images),
     "The coefficients are shaped for images of four axes; data of shape (n, d) take another number of ones."),
    ("images overwritten", _images_overwritten, "x_0 is overwritten in place; compute on a new tensor."),
    ("noise overwritten", _noise_overwritten, "The given noise is overwritten in place; the loss needs it afterwards."),
    ("schedule overwritten", _schedule_overwritten,
     "The schedule is overwritten in place, so that every later call gets a wrong one."),
    ("steps overwritten", _steps_overwritten, "The steps t are overwritten in place; the model needs them afterwards."),
    ("seeds", _seeds, "The function seeds torch's global generator, so every later random draw of the notebook repeats."),
    ("draws", _draws, "Noise is drawn although it is given: draws inside of the function cannot be repeated."),
    ("sets the default dtype", _sets_default_dtype,
     "The function changes torch's default dtype for everything that runs after it."),
    ("float32 result", _float32_result, _DTYPE),
    ("float64 result", _float64_result, _DTYPE),
)  # fmt: skip

MISCONCEPTIONS = tuple(Misconception(id, hint, {"q_sample": wrong}) for id, wrong, hint in (*VALUE_MISTAKES, *_OTHERS))
