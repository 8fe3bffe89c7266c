"""How the count that the questions of the assignment share is compared, with the sentence that students read."""

from __future__ import annotations

from autograder.questions.model import Exact


def float32_result(function: str, prefix: str = "") -> dict[str, Exact]:
    """The comparison of what ``counts.dtype_kept`` returns: the notebook promises float32 inputs."""
    return {f"{prefix}dtype_kept": Exact(advice=f"Return float32 from {function} for float32 inputs")}
