"""Harmless replacements for what a notebook finds in Jupyter: magics, ``display``, widgets, Otter's public checks.

They let a notebook run without a kernel, a screen or a network. They do not affect points.
"""

from __future__ import annotations

import ast
import builtins
import re
import shlex
import sys
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from types import ModuleType

from autograder.sandbox import notebook

BODY_MAGICS = ("time", "timeit", "capture", "prun")
WRITING_MAGICS = ("writefile", "file")
# Modules of Jupyter that only display things: everything imported from them does nothing.
SHOWING_MODULES = (
    *("IPython.display", "IPython.core", "IPython.core.display", "IPython.core.interactiveshell", "ipywidgets"),
    *("IPython.core.pylabtools", "IPython.core.magic", "IPython.utils", "IPython.utils.io"),
)


class Shell:
    """The object that ``get_ipython()`` returns. Most magics and all shell commands do nothing; timed cells run."""

    def __init__(self, namespace: dict[str, object]) -> None:
        self.user_ns = namespace

    def run_line_magic(self, name: str, line: str, *_: object, **__: object) -> None:
        if name == "time" and line.strip():  # not timeit, whose line begins with options and defines nothing
            self.run_cell(line)
        if name == "run":
            self.run_file(line)

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        if name in BODY_MAGICS:
            self.run_cell(cell)
        if name in WRITING_MAGICS:
            *options, file = shlex.split(line)
            with open(file, "a" if "-a" in options else "w", encoding="utf-8") as target:
                target.write(cell)

    def run_cell(self, source: str, *_: object, **__: object) -> None:
        exec(compile(source, "<magic>", "exec", dont_inherit=True), self.user_ns)

    def run_file(self, line: str) -> None:
        """``%run helper.py``: run the file named by the first word that is not an option, in the notebook's namespace.

        Of a notebook the code is run, as that of the submission is read and run.
        """
        file = next(word for word in shlex.split(line) if not word.startswith("-"))
        if file.lower().endswith(".ipynb"):
            return self.run_notebook(Path(file))
        if not Path(file).exists() and Path(f"{file}.py").exists():  # as in IPython
            file = f"{file}.py"
        exec(compile(Path(file).read_bytes(), file, "exec", dont_inherit=True), self.user_ns)

    def run_notebook(self, path: Path) -> None:
        """Run the code cells of a notebook, also those after one that fails. Raises the first exception."""
        failure = None
        for cell in notebook.read_cells(path):
            try:
                tree = ast.parse(cell.source if cell.skip is None else "")
                for place, statement in enumerate(tree.body):
                    if cell.only is None or place in cell.only:
                        name = f"{path.name}, cell {cell.index}"
                        exec(compile(ast.Module([statement], []), name, "exec", dont_inherit=True), self.user_ns)
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def getoutput(self, *_: object, **__: object) -> list[str]:
        """``lines = !ls``: the command is not run, so its output is empty."""
        return []

    def __getattr__(self, name: str) -> object:
        return Anything()


class Anything:
    """An object whose attributes and calls all do nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return nothing

    def __call__(self, *_: object, **__: object) -> None:
        return None

    def __enter__(self) -> Anything:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def nothing(*_: object, **__: object) -> None:
    """Accept any arguments and do nothing."""


def no_input(prompt: object = "") -> str:
    """``input()``, which cannot return anything during grading."""
    raise EOFError("input() cannot be used, because a graded notebook runs without a keyboard")


def test_case(*arguments: object, **_: object) -> object:
    """Otter's decorator, with or without arguments. It returns the function unchanged."""
    return arguments[0] if arguments and callable(arguments[0]) else lambda function: function


def install(namespace: dict[str, object]) -> None:
    """Put the replacements into ``sys.modules`` and into the notebook's namespace."""
    shell = Shell(namespace)
    offered = {"get_ipython": lambda: shell, "display": nothing}
    namespace.update(offered)
    namespace.update(exit=nothing, quit=nothing)  # in Jupyter they end the kernel, but only after the cell
    namespace.update(grader=Anything())  # the cell that creates Otter's object is skipped; calls by students are not
    builtins.input = no_input
    _module("IPython", **offered, version_info=(9, 0, 0), __version__="9.0.0")
    for name in SHOWING_MODULES:
        _module(name, Anything, **offered, clear_output=nothing)
    _module("otter", Notebook=Anything)
    _module("otter.test_files", test_case=test_case)
    _headless_progress_bars()


class NotThere:
    """An entry of ``sys.meta_path`` that finds none of some packages: those that only the kit's own tests use.

    Some of them hold the losses that students write, and a machine that grades may have them installed.
    """

    def __init__(self, packages: Collection[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] in self.packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def packages_of_tests() -> frozenset[str]:
    """The packages of the kit's extras: none where the kit itself is not installed, as on Gradescope."""
    try:
        lines = requires("contrastive-notebook-kit") or []
    except PackageNotFoundError:
        return frozenset()
    names: dict[bool, set[str]] = {True: set(), False: set()}
    for line in lines:
        names["extra ==" in line].add(re.split(r"[^\w.-]", line)[0])
    return frozenset(name.replace("-", "_") for name in names[True] - names[False])


def _module(name: str, fallback: object = None, **attributes: object) -> None:
    module = ModuleType(name)
    module.__path__ = []
    module.__dict__.update(attributes)
    if fallback is not None:
        module.__getattr__ = lambda attribute: _public(fallback, attribute)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def _public(value: object, attribute: str) -> object:
    if attribute.startswith("__"):
        raise AttributeError(attribute)
    return value


def _headless_progress_bars() -> None:
    import tqdm
    import tqdm.auto
    import tqdm.autonotebook

    _module("tqdm.notebook", tqdm=tqdm.tqdm, trange=tqdm.trange, tqdm_notebook=tqdm.tqdm, tnrange=tqdm.trange)
    for module in (tqdm.auto, tqdm.autonotebook):
        module.tqdm, module.trange = tqdm.tqdm, tqdm.trange
    tqdm.tqdm_notebook, tqdm.tnrange = tqdm.tqdm, tqdm.trange
