"""What one submission may use. Times are wall-clock seconds."""

from __future__ import annotations

from dataclasses import dataclass

# What an instructor sets in [limits] of assignment.toml.
SETTABLE = ("total_seconds", "notebook_seconds", "cell_seconds", "memory_mb")


@dataclass(frozen=True)
class Limits:
    """Limits of one submission: of its sandbox sessions, of the runner that restarts them, and of all its grading.

    ``total_seconds`` bound everything, artefacts included.
    ``memory_mb`` comes on top of the preloaded libraries, for each process and, where that can be had, for all of them
    together; ``file_mb`` is the largest file, ``scratch_mb`` and ``scratch_files`` bound the whole scratch folder.
    ``grace_seconds`` lie between the exception raised in late student code and the kill of its session.
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
