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
