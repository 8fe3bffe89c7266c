"""Wrong cosine schedules, each a small change of a correct one."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions

from ..q1a_linear_schedule.mistakes import BAR_EDITS, FLOAT64, POSTERIOR_EDITS
from .correct import float64_until_beta

_CLIP = "You do not keep β at or below 0.999 in the last step."
_OTHER_CLIP = "You clip β, but not at 0.999."
_UNCLIPPED = (
    "Your ᾱ does not follow from the clipped β of the last step; it is the product of the α that belong to them."
)
_BAR = {change.id: change for change in BAR_EDITS}

_EDITS = (
    edit("clip missing", _CLIP, ".clamp(max=0.999)", ""),
    edit("clipped at another value", _OTHER_CLIP, "max=0.999", "0.0001, 0.9999"),
    edit("clipped at 0.99", _OTHER_CLIP, "max=0.999", "max=0.99"),
    edit("clipped from below", "Your clip keeps β at or above 0.999; it should be an upper bound.", "max", "min"),
    edit("s ignored", "The offset s has no effect on your curve.", "(u / T + s) / (1 + s)", "u / T"),
    edit("s fixed",
         "You write the offset s as a number; use the argument.",
         "(u / T + s) / (1 + s)", "(u / T + 0.008) / 1.008"),
    edit("another default of s", "Without the argument s the offset should be 0.008.", "s=0.008", "s=0.08"),
    edit("s added to t", "You add the offset s to the step; add it to the fraction u/T.", "u / T + s", "(u + s) / T"),
    edit("not divided by 1 + s",
         "Your curve runs past its zero: after you add s, bring the fraction back to 1.",
         " / (1 + s)", ""),
    edit("division in the wrong place",
         "You divide only s by 1 + s; divide the whole sum u/T + s.",
         "(u / T + s) / (1 + s)", "(u / T + s / (1 + s))"),
    edit("cosine not squared", "Your curve is the cosine itself; square it.", " ** 2", ""),
    edit("sine", "Your curve rises: you use a sine where a cosine belongs.", "torch.cos", "torch.sin"),
    edit("whole pi", "Your angle runs to π; the curve should reach 0 at its end, at π/2.", "torch.pi / 2", "torch.pi"),
    edit("degrees", "Your angle is in degrees; torch and NumPy take radians.", "torch.pi / 2", "90"),
    edit("another s for 0",
         "You put the default in the place of s = 0, which is an offset too.",
         "    u = torch.arange", "    s = s or 0.008\n    u = torch.arange"),
    edit("steps from zero",
         "Your steps are one off: β of step t compares f(t) with f(t − 1), for t = 1 to T.",
         "((u / T", "(((u - 1).clamp(min=0) / T"),
    edit("divided by T minus 1",
         "You divide u by T − 1 somewhere; the curve has T equal parts.",
         "(u / T + s) / (1 + s) * torch.pi / 2",
         "((u / max(T - 1, 1) + s) / (1 + s) * torch.pi / 2).clamp(max=torch.pi / 2 - 1e-9)"),
    edit("divided by T plus 1",
         "You divide u by T + 1 somewhere; the curve has T equal parts.",
         "u / T", "u / (T + 1)"),
    edit("curve of T values",
         "You compute f at T points from 0 to T; it takes T + 1 points for T ratios.",
         "torch.arange(T + 1, dtype=torch.float64)", "torch.linspace(0, T, T, dtype=torch.float64)",
         "1 - f[1:] / f[:-1]", "1 - f / torch.cat([f[:1], f[:-1]])"),
    edit("curve of T values, not normalised",
         "You compute f at T points from 0 to T; it takes T + 1 points for T ratios.",
         "torch.arange(T + 1, dtype=torch.float64)", "torch.linspace(0, T, T, dtype=torch.float64)",
         "1 - f[1:] / f[:-1]", "1 - f / torch.cat([f.new_ones(1), f[:-1]])"),
    edit("beta scaled by a thousand over T",
         "You multiply β by 1000/T; take it as the curve gives it, whatever T is.",
         "(1 - f[1:] / f[:-1])", "((1 - f[1:] / f[:-1]) * 1000 / T)"),
    edit("ratio upside down",
         "Your ratio is upside down: divide f(t) by f(t − 1).",
         "f[1:] / f[:-1]", "f[:-1] / f[1:]"),
    edit("ratio to the start",
         "Your β is 1 − ᾱ; compare f(t) of each step with the step before it, not with the start.",
         "f[1:] / f[:-1]", "f[1:] / f[0]"),
    edit("ratio not taken from one", "What you call β is α.", "1 - f[1:]", "f[1:]"),
    edit("difference instead of ratio",
         "Your β is a difference of neighbouring values; it is one minus their ratio.",
         "1 - f[1:] / f[:-1]", "f[:-1] - f[1:]"),
    edit("one step too few",
         "A tensor of your schedule has one entry too few; T steps need T + 1 values of f.",
         "f[1:] / f[:-1]", "f[1:-1] / f[:-2]"),
    edit("linear schedule",
         "This is the linear schedule.",
         "(1 - f[1:] / f[:-1]).clamp(max=0.999).float()", "torch.linspace(1e-4, 0.02, T)"),
    edit("alpha bar from the curve", _UNCLIPPED, "torch.cumprod(alpha, dim=0)", "(f[1:] / f[0]).float()"),
    edit("alpha bar from the curve, not normalised",
         "Your ᾱ is f itself, which does not start at 1 for s > 0; compute it as the product of the clipped α.",
         "torch.cumprod(alpha, dim=0)", "f[1:].float()"),
    edit("clipped after the product", _UNCLIPPED,
         "torch.cumprod(alpha, dim=0)", "torch.cumprod(1.0 - (1 - f[1:] / f[:-1]).float(), dim=0)"),
    *(_BAR[id] for id in ("alpha bar is alpha", "alpha bar by sum", "alpha bar shifted")),
    FLOAT64,
)  # fmt: skip

MISCONCEPTIONS = misconceptions("cosine_schedule", float64_until_beta, (*POSTERIOR_EDITS, *_EDITS))
