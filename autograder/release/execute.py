"""Run a notebook from top to bottom in a kernel of its own, as a student would."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from traitlets.config import Config

from autograder.errors import KitError
from autograder.release.notebooks import notebook_bytes


def execute(
    notebook: NotebookNode,
    name: str,
    folder: Path,
    profile: str,
    data: Path | None,
    on_cell: Callable[[int, int], None] = lambda done, total: None,
    run: Path | None = None,
) -> NotebookNode:
    """Execute ``notebook`` in ``folder`` (made if missing) under a profile; returns it with its outputs.

    ``data`` is a folder that holds a prepared data set, ``run`` the notebook's run folder (default: ``folder/run``). What a
    run prints to stderr (progress bars, warnings) and the times of execution are left out of the outputs.

    Raises:
        KitError: a cell raised; names the cell and its error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.ipynb").write_bytes(notebook_bytes(notebook))
    settings = {"KIT_PROFILE": profile, "KIT_RUN": str(run.resolve() if run else folder / "run")}
    if data is not None:
        settings["KIT_DATA"] = str(data.resolve())
    total = len(notebook.cells)
    sockets = tempfile.mkdtemp(prefix="kit-")
    client = NotebookClient(
        notebook,
        timeout=None,
        coalesce_streams=True,
        kernel_name="python3",
        # A socket file in a folder of our own: no other user of the machine can listen in.
        config=Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"}),
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=lambda cell, cell_index, execute_reply: on_cell(cell_index + 1, total),
    )
    try:
        client.execute(env={**os.environ, **settings})
    except CellExecutionError as error:
        told = [line for line in str(error).splitlines() if line.strip()]  # empty where the notebook shows none
        last = told[-1] if told else f"{error.ename}: {error.evalue}"
        raise KitError(f"the notebook {name} stops with an error in profile {profile}: {last}") from error
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
    return without_traces(notebook, folder)


def without_traces(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Leave out of the outputs what is not a result: stderr, progress bars, times, and the name of the folder it ran in."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("metadata", {}).pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_progress(output)]
            for output in cell.outputs:
                if output.output_type == "stream":
                    output.text = output.text.replace(f"{folder}{os.sep}", "").replace(str(folder), ".")
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def is_progress(output: NotebookNode) -> bool:
    """Whether an output is stderr, a progress bar, or the empty place of one."""
    data = output.get("data", {})
    bar = "application/vnd.jupyter.widget-view+json" in data or data == {"text/plain": ""}
    return bar or (output.output_type == "stream" and output.name == "stderr")


def remove_run(folder: Path) -> None:
    """Delete a run's folder and all that it wrote."""
    shutil.rmtree(folder, ignore_errors=True)
