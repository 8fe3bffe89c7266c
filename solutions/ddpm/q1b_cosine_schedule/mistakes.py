"""Wrong cosine schedules, each a small change of a right one."""

from __future__ import annotations

import math

import torch

from ..q1a_linear_schedule.mistakes import (
    linear,
    posterior_misconceptions,
    right_posterior,
    schedule,
)
from ..probes import Schedule
from autograder.questions.model import Misconception


def _angle(u, T, s):
    return (u / T + s) / (1 + s) * math.pi / 2


def _betas(
    angle=_angle,
    curve=lambda angle: angle.cos() ** 2,
    ratio=lambda f: 1 - f[1:] / f[:-1],
    clip=lambda beta: beta.clamp(max=0.999),
):
    """The β of a right schedule in which each part can be replaced. Float64 inside, so that no rounding hides a clip."""

    def make(T, s=0.008):
        f = curve(angle(torch.arange(T + 1, dtype=torch.float64), T, s))
        return clip(ratio(f)).float()

    return make


def _s_ignored(T, s=0.008):
    return _betas()(T, 0.0)


def _s_fixed(T, s=0.008):
    return _betas()(T, 0.008)


def _another_default(T, s=0.08):
    return _betas()(T, s)


def _bars_of_f(T, s=0.008):
    """ᾱ straight from the curve, β from it and clipped: they fit together but for the clipped step."""
    f = torch.cos(_angle(torch.arange(T + 1, dtype=torch.float64), T, s)) ** 2
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999).float()
    alpha_bar = (f[1:] / f[0]).float()
    return Schedule(beta, 1 - beta, alpha_bar, right_posterior(beta, 1 - beta, alpha_bar))


def _bars_not_normalised(T, s=0.008):
    f = torch.cos(_angle(torch.arange(T + 1, dtype=torch.float64), T, s)) ** 2
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999).float()
    alpha_bar = f[1:].float()
    return Schedule(beta, 1 - beta, alpha_bar, right_posterior(beta, 1 - beta, alpha_bar))


def _clipped_after_product(T, s=0.008):
    beta = _betas(clip=lambda beta: beta)(T, s)
    alpha_bar = (1 - beta).cumprod(0)
    beta = beta.clamp(max=0.999)
    return Schedule(beta, 1 - beta, alpha_bar, right_posterior(beta, 1 - beta, alpha_bar))


_CLIP = "β is not kept at or below 0.999 in the last step."
_UNCLIPPED = "ᾱ does not follow from the clipped β of the last step; it is the product of the α that belong to them."
_INDEX = "The steps are one off: β of step t compares f(t) with f(t − 1), for t = 1 to T."

_BETA_MISTAKES = (
    ("clip missing", _betas(clip=lambda beta: beta), _CLIP),
    ("clipped at another value", _betas(clip=lambda beta: beta.clamp(0.0001, 0.9999)),
     "β is clipped, but not at 0.999."),
    ("clipped at 0.99", _betas(clip=lambda beta: beta.clamp(max=0.99)), "β is clipped, but not at 0.999."),
    ("clipped from below", _betas(clip=lambda beta: beta.clamp(min=0.999)),
     "The clip keeps β at or above 0.999; the bound is an upper one."),
    ("s ignored", _s_ignored, "The offset s has no effect on the curve."),
    ("s fixed", _s_fixed, "The offset s is written out as a number; it is an argument."),
    ("another default of s", _another_default, "Without the argument s the offset should be 0.008."),
    ("s added to t", _betas(angle=lambda u, T, s: (u + s) / T / (1 + s) * math.pi / 2),
     "The offset s is added to the step; it is added to the fraction u/T."),
    ("not divided by 1 + s", _betas(angle=lambda u, T, s: (u / T + s) * math.pi / 2),
     "The curve runs past its zero: after s is added the fraction has to be brought back to 1."),
    ("division in the wrong place", _betas(angle=lambda u, T, s: (u / T + s / (1 + s)) * math.pi / 2),
     "Only s is divided by 1 + s; the whole sum u/T + s is."),
    ("cosine not squared", _betas(curve=torch.cos), "The curve is the cosine itself; its square is asked for."),
    ("sine", _betas(curve=lambda angle: angle.sin() ** 2), "The curve rises: it is a sine where a cosine belongs."),
    ("whole pi", _betas(angle=lambda u, T, s: 2 * _angle(u, T, s)),
     "The angle runs to π; the curve should reach 0 at its end, at π/2."),
    ("degrees", _betas(angle=lambda u, T, s: (u / T + s) / (1 + s) * 90),
     "The angle is in degrees; torch and NumPy take radians."),
    ("steps from zero", _betas(angle=lambda u, T, s: _angle((u - 1).clamp(min=0), T, s)), _INDEX),
    ("divided by T minus 1", _betas(angle=lambda u, T, s: _angle(u, max(T - 1, 1), s).clamp(max=math.pi / 2 - 1e-9)),
     "The fraction is u/(T − 1) somewhere; the curve is cut into T equal parts."),
    ("divided by T plus 1", _betas(angle=lambda u, T, s: _angle(u, T + 1, s)),
     "The fraction is u/(T + 1) somewhere; the curve is cut into T equal parts."),
    ("ratio upside down", _betas(ratio=lambda f: 1 - f[:-1] / f[1:]),
     "The ratio stands upside down: f(t) is divided by f(t − 1)."),
    ("ratio to the start", _betas(ratio=lambda f: 1 - f[1:] / f[0]),
     "β is 1 − ᾱ here; each step compares f(t) with the step before it, not with the start."),
    ("ratio not taken from one", _betas(ratio=lambda f: f[1:] / f[:-1]), "What is called β here is α."),
    ("difference instead of ratio", _betas(ratio=lambda f: f[:-1] - f[1:]),
     "β is a difference of neighbouring values; it is one minus their ratio."),
    ("one step too few", _betas(ratio=lambda f: 1 - f[1:-1] / f[:-2]),
     "The arrays are one step short; T steps need T + 1 values of f."),
    ("linear schedule", lambda T, s=0.008: linear(T), "This is the linear schedule."),
)  # fmt: skip

_WHOLE = (
    ("alpha bar from the curve", _bars_of_f, _UNCLIPPED),
    ("alpha bar from the curve, not normalised", _bars_not_normalised,
     "ᾱ is f itself, which does not start at 1 for s > 0; it is asked as the product of the clipped α."),
    ("clipped after the product", _clipped_after_product, _UNCLIPPED),
    ("alpha bar is alpha", schedule(_betas(), bars=lambda beta, alpha: alpha),
     "ᾱ equals α: it should gather all the steps up to t."),
    ("alpha bar by sum", schedule(_betas(), bars=lambda beta, alpha: alpha.cumsum(0)),
     "ᾱ is built by sums of α; it is a running product."),
    ("alpha bar shifted", schedule(
        _betas(), bars=lambda beta, alpha: torch.cat([alpha.new_ones(1), alpha.cumprod(0)[:-1]])),
     "ᾱ lags one step behind: at index t it should hold the product with α_t included."),
    ("float64 schedule", schedule(_betas(), result=lambda *parts: Schedule(*(part.double() for part in parts))),
     "The schedule should be float32; some of it is of another dtype."),
)  # fmt: skip

MISCONCEPTIONS = (
    *posterior_misconceptions("cosine_schedule", _betas()),
    *(Misconception(id, hint, {"cosine_schedule": schedule(wrong)}) for id, wrong, hint in _BETA_MISTAKES),
    *(Misconception(id, hint, {"cosine_schedule": wrong}) for id, wrong, hint in _WHOLE),
)
