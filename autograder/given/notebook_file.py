class Stop(Exception):
    """Ends a cell with a sentence instead of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def find_notebook() -> Path | None:
    """This notebook's file in the working folder, by the name from Jupyter or VS Code, or by its usual name."""
    told = os.environ.get("JPY_SESSION_NAME"), globals().get("__vsc_ipynb_file__")
    names = [Path(path).name for path in told if path and Path(path).resolve().parent == Path.cwd()]
    paths = map(Path, (*names, "{{name}}.ipynb", *sorted(Path().glob("*.ipynb"))))
    return next((path for path in paths if path.suffix == ".ipynb" and path.is_file()), None)


def notebook_from_colab() -> dict:
    """This notebook as JSON from the browser: on Colab its file is not on the machine that runs the cells."""
    from google.colab import _message

    return _message.blocking_request("get_ipynb", timeout_sec=60)["ipynb"]


def make_grader():
    """Otter's notebook object, whose tests lie in the metadata; on Colab it needs them as files. None without Otter."""
    try:
        import otter

        if not ON_COLAB:
            return otter.Notebook(str(find_notebook() or "{{name}}.ipynb"), tests_dir="")
        Path("tests").mkdir(exist_ok=True)
        for question, source in notebook_from_colab()["metadata"]["otter"]["tests"].items():
            Path("tests", f"{question}.py").write_text(source, encoding="utf-8")
        return otter.Notebook()
    except Exception:
        return None  # the checks of this notebook need neither Otter nor a file


class NoChecks:
    """What ``grader`` is until the cells called Checks have run, where Otter is not installed."""

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(name)
        raise Stop("Run the folded cells called Checks first: they stand above the data.")


def make_run_folder(run: Path) -> Path:
    """Make the folder ``run``, or one beside it if another assignment's notebook uses it; returns which.

    Raises:
        Stop: it cannot be written to.
    """
    whose = run / "assignment.txt"
    try:
        if whose.is_file() and whose.read_text(encoding="utf-8") != "{{name}}":
            run = run.with_name(f"{run.name}-{{name}}")
            print(f"another assignment's notebook uses the folder {whose.parent}: this one uses {run}")
        (run / "figures").mkdir(parents=True, exist_ok=True)
        (run / "assignment.txt").write_text("{{name}}", encoding="utf-8")
    except OSError as error:
        raise Stop(
            f"The notebook cannot write to the folder {run.resolve()} ({error.strerror}). Move the notebook to a folder of "
            "your own, or set the environment variable KIT_RUN to one, then restart the kernel."
        ) from None
    return run
