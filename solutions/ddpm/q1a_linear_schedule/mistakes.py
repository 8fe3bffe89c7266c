"""Wrong linear schedules, each a small change of a right one, and mistakes that any schedule can hold."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from ..probes import Schedule
from autograder.questions.model import Misconception


def right_posterior(beta, alpha, alpha_bar):
    """β̃ with ᾱ = 1 before the first step."""
    previous = torch.cat([alpha_bar.new_ones(1), alpha_bar[:-1]])
    return beta * (1 - previous) / (1 - alpha_bar)


def schedule(
    betas: Callable,
    alphas=lambda beta: 1 - beta,
    bars=lambda beta, alpha: alpha.cumprod(0),
    posterior=right_posterior,
    result=lambda *parts: Schedule(*parts),
) -> Callable:
    """A right schedule in which each part can be replaced; ``betas`` has the arguments of the graded function."""

    def make(*arguments, **settings):
        beta = betas(*arguments, **settings)
        alpha = alphas(beta)
        alpha_bar = bars(beta, alpha)
        return result(beta, alpha, alpha_bar, posterior(beta, alpha, alpha_bar))

    return make


def _with_previous(previous):
    """A posterior variance whose ᾱ_{t−1} is made by ``previous`` from ᾱ."""
    return lambda beta, alpha, alpha_bar: beta * (1 - previous(alpha_bar)) / (1 - alpha_bar)


def _steps(alpha):
    """1 … T."""
    return torch.arange(1, len(alpha) + 1)


def _second_in_place_of_first(beta, alpha, alpha_bar):
    posterior = right_posterior(beta, alpha, alpha_bar)
    return torch.cat([posterior[1:2], posterior[1:]])


_BEFORE_FIRST = "Before the first step nothing is noised: look at which ᾱ stands for step 0, and at the first β̃."

BAR_MISTAKES = (
    ("alpha bar by sum", lambda beta, alpha: alpha.cumsum(0), "ᾱ is built by sums of α; it is a running product."),
    ("alpha bar from summed beta", lambda beta, alpha: 1 - beta.cumsum(0),
     "ᾱ is taken as 1 − Σβ, which holds for tiny β alone; it is the running product of the α."),
    ("alpha bar by power", lambda beta, alpha: alpha ** _steps(alpha),
     "ᾱ_t is taken as a power of α_t; the α differ from step to step, and each enters once."),
    ("alpha bar is alpha", lambda beta, alpha: alpha,
     "ᾱ equals α: it should gather all the steps up to t."),
    ("alpha bar of beta", lambda beta, alpha: beta.cumprod(0),
     "ᾱ is a product of the β; it is the product of the α, the part that is kept."),
    ("alpha bar of one minus product", lambda beta, alpha: 1 - alpha.cumprod(0),
     "What is called ᾱ here is 1 − ᾱ, the variance of the noise."),
    ("alpha bar shifted", lambda beta, alpha: torch.cat([alpha.new_ones(1), alpha.cumprod(0)[:-1]]),
     "ᾱ lags one step behind: at index t it should hold the product with α_t included."),
    ("alpha bar ahead", lambda beta, alpha: torch.cat([alpha.cumprod(0)[1:], alpha.prod().unsqueeze(0)]),
     "ᾱ runs one step ahead: at index t the product ends with α_t."),
    ("alpha bar rooted", lambda beta, alpha: alpha.cumprod(0).sqrt(),
     "ᾱ comes out as its root; roots belong where an image is noised."),
    ("alpha bar from the end", lambda beta, alpha: alpha.flip(0).cumprod(0).flip(0),
     "ᾱ gathers the steps from t to the end; it should gather those from the first one to t."),
)  # fmt: skip

POSTERIOR_MISTAKES = (
    ("posterior starts with beta", _with_previous(lambda bar: torch.cat([bar[:1], bar[:-1]])), _BEFORE_FIRST),
    ("posterior padded with zero", _with_previous(lambda bar: torch.cat([bar.new_zeros(1), bar[:-1]])), _BEFORE_FIRST),
    ("posterior rolled", _with_previous(lambda bar: bar.roll(1)),
     "At the first step ᾱ_{t−1} is taken from the end of the array; look at what roll or the index −1 gives there."),
    ("posterior is beta", lambda beta, alpha, bar: beta,
     "The posterior variance is β itself: ᾱ of the step before does not enter, or enters as that of the same step."),
    ("posterior with the next step", _with_previous(lambda bar: torch.cat([bar[1:], bar[-1:]])),
     "The numerator of the posterior variance uses the step after t; it is the step before."),
    ("posterior upside down", lambda beta, alpha, bar: beta * (1 - bar) / (1 - torch.cat([bar.new_ones(1), bar[:-1]])),
     "The fraction of the posterior variance stands upside down, so that the first step divides by 0."),
    ("posterior without beta", lambda beta, alpha, bar: right_posterior(torch.ones_like(beta), alpha, bar),
     "The factor β_t is missing from the posterior variance."),
    ("posterior rooted", lambda *parts: right_posterior(*parts).sqrt(),
     "This is the standard deviation of the posterior; its variance is asked for."),
    ("posterior of alpha", lambda beta, alpha, bar: beta * (1 - torch.cat([alpha.new_ones(1), alpha[:-1]])) / (1 - alpha),
     "Where the posterior variance needs 1 − ᾱ, it has 1 − α of a single step."),
    ("posterior of alpha bar itself", lambda beta, alpha, bar: beta * torch.cat([bar.new_ones(1), bar[:-1]]) / bar,
     "The posterior variance divides the ᾱ themselves; it is a ratio of two 1 − ᾱ."),
    ("posterior with a root", lambda beta, alpha, bar: right_posterior(beta, alpha, bar) * torch.cat(
        [bar.new_ones(1), bar[:-1]]).sqrt(),
     "A root of ᾱ has slipped into the posterior variance from the posterior mean."),
    ("posterior of the second step first", _second_in_place_of_first,
     "The first posterior variance is replaced by the second, which is done for its logarithm only; here it is 0."),
    ("posterior in logarithms", lambda *parts: right_posterior(*parts).clamp(min=1e-20).log(),
     "The posterior variance is given as its logarithm; the variance itself is asked for."),
)  # fmt: skip


def posterior_misconceptions(name: str, betas: Callable) -> tuple[Misconception, ...]:
    """Schedules of the graded function ``name`` with right β, α and ᾱ, and a wrong posterior variance."""
    return tuple(
        Misconception(id, hint, {name: schedule(betas, posterior=wrong)}) for id, wrong, hint in POSTERIOR_MISTAKES
    )


def linear(T, beta_start=1e-4, beta_end=0.02):
    """The right β."""
    return torch.linspace(beta_start, beta_end, T)


def _end_excluded(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(beta_start, beta_end, T + 1)[:-1]


def _start_excluded(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(beta_start, beta_end, T + 1)[1:]


def _both_excluded(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(beta_start, beta_end, T + 2)[1:-1]


def _one_too_many(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(beta_start, beta_end, T + 1)


def _roots_spaced(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(beta_start**0.5, beta_end**0.5, T) ** 2


def _logarithms_spaced(T, beta_start=1e-4, beta_end=0.02):
    return torch.logspace(math.log10(beta_start), math.log10(beta_end), T)


def _scaled_by_steps(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(beta_start, beta_end, T) * 1000 / T


def _range_ignored(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(1e-4, 0.02, T)


def _end_ignored(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(beta_start, 0.02, T)


def _start_ignored(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(1e-4, beta_end, T)


def _exchanged(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(beta_end, beta_start, T)


def _cut_from_thousand(T, beta_start=1e-4, beta_end=0.02):
    return torch.linspace(beta_start, beta_end, 1000)[:T]


def _other_default(T, beta_start=1e-4, beta_end=0.2):
    return torch.linspace(beta_start, beta_end, T)


def _divided_by_gaps(T, beta_start=1e-4, beta_end=0.02):
    return beta_start + (beta_end - beta_start) * torch.arange(T) / (T - 1)


def _divided_by_gaps_in_python(T, beta_start=1e-4, beta_end=0.02):
    step = (beta_end - beta_start) / (T - 1)
    return torch.tensor([beta_start + step * t for t in range(T)])


_ENDS = "β should start at beta_start and end at beta_end, both included, in T values."
_RANGE = "β does not follow the arguments beta_start and beta_end: a number is written out where one of them belongs."
_ONE_STEP = "With a single step the spacing divides by T − 1 = 0."

BETA_MISTAKES = (
    ("beta end excluded", _end_excluded, _ENDS),
    ("beta start excluded", _start_excluded, _ENDS),
    ("both ends excluded", _both_excluded, _ENDS),
    ("T plus one steps", _one_too_many, "There is one step too many: the arrays have T entries, and index 0 is step 1."),
    ("roots evenly spaced", _roots_spaced,
     "The roots of β are spaced evenly, as latent diffusion does; here β itself is linear."),
    ("logarithms evenly spaced", _logarithms_spaced,
     "The logarithms of β are spaced evenly; here β itself is linear."),
    ("beta scaled by a thousand over T", _scaled_by_steps,
     "β is multiplied by 1000/T; the range is taken as it is given, whatever T is."),
    ("both beta arguments ignored", _range_ignored, _RANGE),
    ("beta_end ignored", _end_ignored, _RANGE),
    ("beta_start ignored", _start_ignored, _RANGE),
    ("ends exchanged", _exchanged, "β falls from beta_end to beta_start; noise should grow with the steps."),
    ("first T of a thousand", _cut_from_thousand,
     "The first T of 1000 values are taken; the range should be spread over T steps."),
    ("another default", _other_default, "Without arguments β should end at 0.02; look at the default."),
    ("one step divides by zero", _divided_by_gaps, _ONE_STEP),
    ("one step raises", _divided_by_gaps_in_python, _ONE_STEP),
)  # fmt: skip


def _sets_default_dtype(*arguments, **settings):
    torch.set_default_dtype(torch.float64)
    return linear(*arguments, **settings).float()


def _seeds(*arguments, **settings):
    torch.manual_seed(0)
    return linear(*arguments, **settings)


_OTHERS = (
    ("alpha rooted", schedule(linear, alphas=lambda beta: (1 - beta).sqrt()),
     "α is rooted; it is 1 − β, and the root belongs where an image is noised."),
    ("alpha of squared beta", schedule(linear, alphas=lambda beta: 1 - beta**2),
     "β is squared in α; β is a variance already."),
    ("alpha and alpha bar exchanged", schedule(linear, result=lambda b, a, bar, post: Schedule(b, bar, a, post)),
     "α and ᾱ are returned in each other's place."),
    ("float64 schedule", schedule(linear, result=lambda *parts: Schedule(*(part.double() for part in parts))),
     "The schedule should be float32; some of it is of another dtype."),
    ("sets the default dtype", schedule(_sets_default_dtype),
     "The function changes torch's default dtype for everything that runs after it."),
    ("seeds", schedule(_seeds),
     "The function seeds torch's global generator, so every later random draw of the notebook repeats."),
)  # fmt: skip

# In the test of the posterior alone, a wrong β̃ cannot be told from the same β̃ that follows from a wrong ᾱ: it goes first.
MISCONCEPTIONS = (
    *posterior_misconceptions("noise_schedule", linear),
    *(Misconception(id, hint, {"noise_schedule": schedule(linear, bars=wrong)}) for id, wrong, hint in BAR_MISTAKES),
    *(Misconception(id, hint, {"noise_schedule": schedule(wrong)}) for id, wrong, hint in BETA_MISTAKES),
    *(Misconception(id, hint, {"noise_schedule": wrong}) for id, wrong, hint in _OTHERS),
)
