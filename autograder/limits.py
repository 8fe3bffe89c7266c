"""The limits of one submission. Times are seconds; see ``Limits.patience`` for the clock."""

from __future__ import annotations

from dataclasses import dataclass, field

# What an instructor sets in [limits] of assignment.toml.
SETTABLE = ("total_seconds", "notebook_seconds", "cell_seconds", "memory_mb")
# The patience of a grader that nothing ends after ten minutes, as it ends a container of Gradescope.
LOCAL_PATIENCE = 4.0


@dataclass(frozen=True)
class Limits:
    """Limits of one submission: of its sandbox sessions, of the runner that restarts them, and of its whole grading.

    ``total_seconds`` limits everything, artefacts included.
    ``memory_mb`` does not include the preloaded libraries. It limits each process and, if the machine supports it, all
    processes together. ``file_mb`` limits each file; ``scratch_mb`` and ``scratch_files`` limit the whole scratch folder.
    ``grace_seconds`` is the time between the exception that interrupts slow student code and the kill of its session.
    With a ``patience`` of 1 all times are those of the clock on the wall. With a larger one, what counts is the processor
    time, so that a busy machine costs nobody points; and by the clock everything may take ``patience`` times as long.
    """

    total_seconds: float = 540
    notebook_seconds: float = 120
    cell_seconds: float = 20
    memory_mb: int = 1500
    rerun_seconds: float = 30
    definitions_seconds: float = 5
    test_seconds: float = 10
    grace_seconds: float = 2
    start_seconds: float = 20
    preload_seconds: float = 120
    cpu_seconds: int = 900
    processes: int = 64
    open_files: int = 256
    file_mb: int = 200
    scratch_mb: int = 600
    scratch_files: int = 20_000
    answer_mb: int = 32
    frame_mb: int = 256
    restarts: int = 10
    threads: int = 1
    patience: float = field(default=1.0, repr=False)  # of the grader, and no setting of an assignment
