"""How the counts of side effects are compared, with the sentences that students read."""

from __future__ import annotations

from collections.abc import Mapping

from autograder.questions.model import Comparison, Exact


def comparisons(
    function: str, inputs: Mapping[str, str], value: Comparison | None = None, prefix: str = ""
) -> dict[str, Comparison]:
    """Comparisons of what ``counts.side_effects`` returns for the student's ``function``.

    Args:
        inputs: name of each input of the probe that must not change -> how a sentence calls it.
        value: how the result is compared with the reference, under both seeds. Without it the result is compared with
            itself alone, so that a wrong value costs no point here.
        prefix: what the count puts before the names of its answer.
    """
    reached = {"differs_by_seed": Exact(advice=f"What {function} returns depends on torch's global seed")}
    outputs = {
        **{f"changed_{name}": Exact(advice=changed(function, what)) for name, what in inputs.items()},
        "rng_bytes": random_state_changed(function),
        "default_changed": Exact(advice=f"You change torch's default dtype in {function}"),
        "gradients_off": Exact(advice=f"You switch gradients off in {function}, and they stay off after it"),
        **(dict.fromkeys(("value_seed_1", "value_seed_2"), value) if value else reached),
    }
    return {prefix + name: comparison for name, comparison in outputs.items()}


def float32_result(function: str, prefix: str = "") -> dict[str, Exact]:
    """The comparison of what ``counts.dtype_kept`` returns, where the notebook promises float32 inputs."""
    return {f"{prefix}dtype_kept": Exact(advice=f"Return float32 from {function} for float32 inputs")}


def dtypes_kept(function: str, prefix: str = "") -> dict[str, Comparison]:
    """The comparison of what ``counts.dtypes_kept`` returns."""
    advice = f"Return float32 from {function} for float32 inputs, and float64 for float64 inputs"
    return {f"{prefix}dtypes_kept": Exact(advice=advice)}


def gradients_left_off(function: str, prefix: str = "") -> dict[str, Comparison]:
    """The comparison of what ``counts.gradients_switched_on`` returns."""
    advice = f"You switch gradients on in {function}, also where its caller has switched them off"
    return {f"{prefix}gradients_switched_on": Exact(advice=advice)}


def random_state_changed(function: str) -> Exact:
    """The comparison of ``rng_bytes``."""
    return Exact(advice=f"You seed torch's global random generator in {function}, or draw from it")


def changed(function: str, what: str) -> str:
    """The sentence, without its full stop, about an input that ``function`` changes."""
    return f"You change {what} in place in {function}; compute on a new tensor"
