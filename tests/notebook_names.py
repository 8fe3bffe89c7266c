"""The names that a master's cells define, without training, downloads and checks."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode

from autograder.release.notebooks import has_tag


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
