"""How the counts of side effects are compared, with the sentences that students read."""

from __future__ import annotations

from collections.abc import Mapping

from autograder.questions.model import Comparison, Exact


def comparisons(function: str, inputs: Mapping[str, str], value: Comparison | None = None) -> dict[str, Comparison]:
    """Comparisons of what ``counts.side_effects`` returns for the student's ``function``.

    Args:
        inputs: name of each input of the probe that must not change -> how a sentence calls it.
        value: how the result is compared with the reference, under both seeds. Without it the result is compared with
            itself alone, so that a wrong value costs no point here.
    """
    reached = {"differs_by_seed": Exact(advice=f"What {function} returns depends on NumPy's global seed")}
    return {
        **{
            f"changed_{name}": Exact(advice=f"You change {what} in place in {function}; compute on a new array")
            for name, what in inputs.items()
        },
        "rng_bytes": Exact(advice=f"You seed NumPy's global random generator in {function}, or draw from it"),
        "modes_changed": Exact(
            advice=f"You call np.seterr in {function}, and it lasts; use np.errstate in a with statement"
        ),
        "heard": Exact(
            advice=f"You change in {function} what Python does about warnings, and it lasts; give none, or use np.errstate"
        ),
        **(dict.fromkeys(("value_seed_1", "value_seed_2"), value) if value else reached),
    }


def dtypes_kept(function: str) -> dict[str, Comparison]:
    """The comparison of what ``counts.dtypes_kept`` returns."""
    advice = f"Return float32 from {function} for float32 inputs, and float64 for float64 inputs"
    return {"dtypes_kept": Exact(advice=advice)}
