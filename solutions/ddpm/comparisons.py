"""How the counts that the questions of the assignment share are compared, with the sentences that students read."""

from __future__ import annotations

from autograder.questions.model import Exact


def gradients_left_on(function: str, prefix: str = "") -> dict[str, Exact]:
    """The comparison of what ``counts.gradients_off`` returns for the student's ``function``."""
    advice = f"You switch gradients off in {function}, and they stay off for the code after it; switch them on again"
    return {f"{prefix}gradients_off": Exact(advice=advice)}


def float32_result(function: str, prefix: str = "") -> dict[str, Exact]:
    """The comparison of what ``counts.dtype_kept`` returns: the notebook promises float32 inputs."""
    return {f"{prefix}dtype_kept": Exact(advice=f"Return float32 from {function} for float32 inputs")}
