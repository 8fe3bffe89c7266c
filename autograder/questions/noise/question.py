"""How the counts of noise are compared, with the sentences that students read."""

from __future__ import annotations

from autograder.questions.model import Comparison, Exact, Within

ENTRIES, ROWS = 12_000, 600  # at least, for the bounds to lie more than six standard errors away


def standard_normal(noise: str) -> dict[str, Comparison]:
    """Comparisons of what ``counts.standard_normal_rows`` returns; ``noise`` is how sentences call it ("your z")."""
    return {
        "mean": Within(-0.06, 0.06, advice=f"The mean of {noise} is not 0"),
        "deviation": Within(0.96, 1.04, advice=f"The standard deviation of {noise} is not 1"),
        "fourth": Within(2.7, 3.3, advice=f"The numbers of {noise} are not normally distributed"),
        "correlation": Within(-0.08, 0.08, (2,), advice=f"Neighbouring entries of {noise} are correlated"),
        "columns_alike": Within(
            -0.27, 0.27, advice=f"Some columns of {noise} share their numbers; draw every entry anew"
        ),
        "rows_alike": Exact(advice=f"Some rows of {noise} are equal; draw every row anew"),
        "repeat_differs": Exact(
            advice=f"A generator with the same seed does not repeat {noise}: you draw some of it elsewhere"
        ),
        "same_in_next_call": Exact(advice=f"A second call with the same generator repeats {noise}"),
        "rng_bytes": Exact(advice="You seed torch's global random generator or draw from it"),
    }
