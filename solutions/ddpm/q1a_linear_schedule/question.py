"""Question 1a: the linear noise schedule and what follows from it (Ho et al. 2020, equations 2 to 7)."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test
from . import probes

_CASES = {
    "T = 1000, defaults": {"T": 1000, "every": 27},  # 0, 27, …, 999: the whole table says no more
    "T = 50, β from 0.001 to 0.05": {"T": 50, "beta_start": 0.001, "beta_end": 0.05},
    "T = 10, β from 0.02 to 0.3": {"T": 10, "beta_start": 0.02, "beta_end": 0.3},
    "T = 2, β from 0.1 to 0.4": {"T": 2, "beta_start": 0.1, "beta_end": 0.4},
    "T = 1, β from 0.3 to 0.5": {"T": 1, "beta_start": 0.3, "beta_end": 0.5},
    "T = 12, β from 0.01 to 0.2": {"T": 12, "beta_start": 0.01, "beta_end": 0.2},
}
_SEVERAL = tuple(_CASES)[:4]
_CONDUCT = tuple(_CASES)[4:]


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Lengths and ranges; nothing in them is random."""
    return tuple(Case(name, {"function": "noise_schedule", **settings}) for name, settings in _CASES.items())


_VALUES = Close(rtol=1e-4)

STUBS = ("noise_schedule",)
TESTS = (
    Test(
        "forward",
        "β, α and ᾱ",
        probes.schedule_forward,
        _SEVERAL,
        {"beta": Close(rtol=1e-4), "alpha": Close(rtol=1e-5), "alpha_bar": Close(rtol=1e-4)},
    ),
    # 1 − ᾱ is known to 1e-3 at the first steps of the default range, where the variance itself is tiny.
    Test(
        "posterior",
        "posterior variance",
        probes.schedule_posterior,
        _SEVERAL,
        {"posterior_variance": Close(rtol=1e-4, atol=1e-7)},
    ),
    Test(
        "conduct",
        "one step, float32, global state left alone",
        probes.schedule_conduct,
        _CONDUCT,
        {
            "rng_bytes": Exact(advice="The function seeds or draws from torch's global random generator"),
            "default_is_float64": Exact(advice="The function changes torch's default dtype"),
            "float32_parts": Exact(advice="The schedule should be float32; some of it is of another dtype"),
            "values": _VALUES,
            "values_default_float64": _VALUES,
        },
    ),
)
