"""The names that a master's cells define, without training, downloads and checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nbformat import NotebookNode

from autograder.release.notebooks import has_tag, read_master
from tests.checkout import SOLUTIONS


def notebook_names(master: NotebookNode, run: Path) -> dict[str, object]:
    """Execute the cells that a grader would, in a fresh namespace whose run folder is ``run``.

    Set ``KIT_PROFILE`` before. What a cell needs of the skipped ones (images, say) may be missing: its error is kept in
    ``failed``, and the other cells run.
    """
    names = {"__name__": "notebook", "RUN": run}
    for cell in master.cells:
        if cell.cell_type == "code" and not has_tag(cell, "skip-grading"):
            try:
                exec(compile(cell.source, "<cell>", "exec"), names)
            except Exception as error:
                names.setdefault("failed", []).append(error)
    return names


def smoke_sessions(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, object]]:
    """Makes the names of an assignment under the profile ``smoke``, on the CPU, by the name of a run folder in ``folder``."""
    monkeypatch.setenv("KIT_PROFILE", "smoke")
    monkeypatch.chdir(folder)
    master = read_master(SOLUTIONS / name / "master.py", name, "")

    def names_in(run: str) -> dict[str, object]:
        (folder / run).mkdir(exist_ok=True)
        names = notebook_names(master, folder / run)
        names["DEVICE"] = torch.device("cpu")
        return names

    return names_in
