STUB = re.compile(r'raise NotImplementedError\("q\d')
SAVE = """
if (typeof Jupyter !== "undefined") Jupyter.notebook.save_checkpoint();
else [...document.querySelectorAll('[data-command="docmanager:save"]')].find(button => button.offsetParent)?.click();
"""  # each tab has such a button; those of hidden tabs do nothing


def let_browser_save(path: Path) -> str:
    """Ask the browser that shows this notebook to save it; returns a warning if that does not happen."""
    from IPython.display import Javascript, display

    before = path.stat().st_mtime_ns
    display(Javascript(SAVE))
    for _ in range(50):
        time.sleep(0.1)
        if path.stat().st_mtime_ns != before:
            return ""
    return f"[!] {path.name} is packed as you saved it at {time.strftime('%H:%M', time.localtime(before / 1e9))}\n"


def stubs_of(cells: list[dict]) -> list[str]:
    """The functions and classes that are not filled in in the cells of a notebook; a later definition replaces one."""
    found = {}
    for cell in cells:
        for part in re.split(r"^(?=def |class )", "".join(cell["source"]), flags=re.MULTILINE):
            if cell["cell_type"] == "code" and (head := re.match(r"(?:def|class) (\w+)", part)):
                found[head[1]] = bool(STUB.search(part))
    return [name for name, is_stub in found.items() if is_stub]


def is_stub_here(name: str) -> bool:
    """Whether a function or class is missing in this session, or not filled in."""
    return not codes_of(name) or any("NotImplementedError" in code.co_names for code in codes_of(name))


def to_mend(cells: list[dict]) -> str:
    """What a student may want to mend before handing in, a line each."""
    answers = [(tag, "".join(cell["source"]).strip()) for cell in cells for tag in cell["metadata"].get("tags", ())]
    unrun = cells and not any(cell.get("outputs") for cell in cells)
    empty = [tag for tag, text in answers if re.fullmatch(r"w\d+", tag) and text in ("", "*Your answer here.*")]
    metrics = RUN / "metrics.json"
    profile = read_json(metrics).get("profile")
    trained = [(file.stem, ", ".join(changed_since(file.stem))) for file in sorted(RUN.glob("*.json"))]
    return "".join(
        [
            f"[!] not filled in: {', '.join(stubs_of(cells))}\n" if stubs_of(cells) else "",
            f"[!] not answered: {', '.join(empty)}\n" if empty else "",
            "[!] no cell of the saved notebook has an output: run it, save it and hand it in again\n" if unrun else "",
            "[!] metrics.json is damaged: run the training cells again\n" if metrics.is_file() and not profile else "",
            "[!] trained with the profile smoke, which learns nothing\n" if profile == "smoke" else "",
            *(f"[!] {name} was trained before you changed {changed}\n" for name, changed in trained if changed),
        ]
    )


def write_submission() -> str:
    """Save the notebook and write ``{{name}}-submission.zip``; returns what it contains, and what may be mended.

    Raises:
        Stop: the saved notebook holds a stub that is filled in in this session.
    """
    path, said = RUN / "{{name}}.ipynb" if ON_COLAB else find_notebook() or Path("{{name}}.ipynb"), ""
    try:
        if ON_COLAB:
            write_json(path, {"nbformat": 4, "nbformat_minor": 5, **notebook_from_colab()})
        elif os.environ.get("JPY_SESSION_NAME") and path.is_file():
            said = let_browser_save(path)
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.is_file() else []
    except Exception as error:
        raise Stop(
            f"Nothing was packed: {path.name} cannot be read ({error!r}). Save it and run this cell again."
        ) from None
    if unsaved := [name for name in stubs_of(cells) if not is_stub_here(name)]:
        raise Stop(
            f"Nothing was packed: you filled in {', '.join(unsaved)} here, but not in the file {path.name}. "
            "Save the notebook (Ctrl+S) and run this cell again."
        )
    report, lacks = make_report(cells) if cells else (None, "")
    files = {
        "{{name}}.ipynb": path,
        **({report.name: report} if report else {}),
        **{name: RUN / name for name in HANDED_IN},
    }
    target = RUN / "{{name}}-submission.zip"
    try:
        # A zip holds no date before 1980, which some disks give to files: such a file gets 1980.
        with zipfile.ZipFile(target.with_suffix(".tmp"), "w", strict_timestamps=False) as archive:
            for inside, file in files.items():
                if file.is_file():
                    archive.write(file, inside)
                by_hand = ": add it to the zip by hand" if file == path else ""
                said += f"[x] {inside}\n" if file.is_file() else f"[!] {inside} is missing{by_hand}\n"
        os.replace(target.with_suffix(".tmp"), target)
    except OSError as error:
        raise Stop(
            f"Nothing was packed: {error}. Free the disk, or set KIT_RUN to a folder where you may write."
        ) from None
    return f"{said}{lacks}{to_mend(cells)}Upload {target.name} from the run folder."
