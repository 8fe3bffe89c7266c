"""What one submission may use. Times are wall-clock seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of a sandbox session and of the runner that restarts it.

    ``memory_mb`` comes on top of the preloaded libraries, for each process and, where that can be had, for all of them
    together; ``file_mb`` is the largest file, ``scratch_mb`` and ``scratch_files`` bound the whole scratch folder.
    ``grace_seconds`` lie between the exception raised in late student code and the kill of its session.
    """

    memory_mb: int = 1500
    cell_seconds: float = 20
    notebook_seconds: float = 120
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
