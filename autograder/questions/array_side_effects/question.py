"""How the counts of side effects are compared, with the sentences that students read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autograder.questions.model import Exact
from autograder.questions.side_effects.question import changed


def comparisons(function: str, inputs: Mapping[str, str], prefix: str = "") -> dict[str, Exact]:
    """Comparisons of what ``counts.side_effects`` returns for the student's ``function``.

    Args:
        inputs: name of each input of the probe that must not change -> how a sentence calls it.
        prefix: what the count puts before the names of its answer.
    """
    outputs = {
        **{f"changed_{name}": Exact(advice=changed(function, what)) for name, what in inputs.items()},
        "random_changed": Exact(advice=f"You seed np.random in {function}, or draw from it"),
        "settings_changed": Exact(
            advice=f"You switch NumPy's warnings off in {function} for all that runs after it; use with np.errstate(...)"
        ),
        "differs_by_seed": Exact(advice=f"What {function} returns depends on the seed of np.random"),
    }
    return {prefix + name: comparison for name, comparison in outputs.items()}


def comparisons_of_each(functions: Iterable[str], inputs: Mapping[str, str]) -> dict[str, Exact]:
    """The same for several functions, where the prefix is the name of each and ``_``."""
    return {name: one for f in functions for name, one in comparisons(f, inputs, f"{f}_").items()}
