"""The conduct test of functions over given images, steps, noise and schedule: what they do beside their result."""

from __future__ import annotations

from collections.abc import Mapping

from autograder.questions.model import Comparison, Exact

_INPUTS = {
    "x0": ("float32", "The function changes the images x_0 in place; compute on a new tensor"),
    "x_t": ("float32", "The function changes x_t in place; compute on a new tensor"),
    "t": ("int64", "The function changes the steps t in place; compute on a new tensor"),
    "noise": ("float32", "The function changes the given noise in place; compute on a new tensor"),
    "schedule": ("float32", "The function changes the schedule in place, so that every later call gets a wrong one"),
    "labels": ("int64", "The function changes the labels in place; compute on a new tensor"),
    "uniform": ("float32", "The function changes the given uniform numbers in place; compute on a new tensor"),
}


def conduct_outputs(inputs: tuple[str, ...], value: Comparison) -> Mapping[str, Comparison]:
    """Comparisons of what ``probes.conduct.conduct`` returns: nothing changes, and no global setting reaches the value."""
    return {
        **{f"input_{name}": Exact(*_INPUTS[name]) for name in inputs},
        "rng_bytes": Exact(
            advice="The function seeds or draws from torch's global random generator; what is random is given to it"
        ),
        "default_is_float64": Exact(advice="The function changes torch's default dtype"),
        "value_seed_1": value,
        "value_seed_2": value,
        "value_default_float64": value,
        "dtypes_kept": Exact(advice="Of float32 inputs the result should be float32, of float64 inputs float64"),
    }
