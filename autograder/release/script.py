"""A master's code as one Python script: what the solution notebook does, without a kernel, in one process or several."""

from __future__ import annotations

from nbformat import NotebookNode

HEAD = """\
# All code of the solution notebook, in order: run by ./kit train, alone or by torchrun in several processes.
import os
import sys

import matplotlib

matplotlib.use("agg")  # figures go to files
if int(os.environ.get("RANK", 0)) > 0:
    sys.stdout = open(os.devnull, "w")  # the first process speaks for all
"""


def script(master: NotebookNode) -> str:
    """The code cells of ``master`` as they are, less the public checks."""
    code = [cell.source for cell in master.cells if cell.cell_type == "code"]
    return "\n\n".join([HEAD, *(f"# %%\n{source}" for source in code if not source.startswith("grader.check("))]) + "\n"
