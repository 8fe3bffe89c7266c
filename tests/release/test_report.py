"""The report in a student's zip: what it shows, what it never shows, and hand-in where something is missing."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.engine.submission import collect
from autograder.release.course import assignment_master
from autograder.release.notebooks import fold, given_code
from autograder.release.travel import CELL_ID, HEAD
from tests.checkout import COURSE

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SETUP = """
import csv, hashlib, json, os, re, time, zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch

ON_COLAB = False
HANDED_IN = ["metrics.json"]
"""
GIVEN = "\n\n".join(
    given_code(f"{name}.py") for name in ("data", "record", "notebook_file", "run_folder", "report", "hand_in")
)
GIVEN = GIVEN.replace("{{name}}", "simclr")
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(90)).decode()
METRICS = {
    "profile": "cpu",
    "hyperparameters": {"lr": 0.125, "batch": 64},
    "finetune": [{"epoch": 1, "test_top1": 0.25}, {"epoch": 2, "train_top1": 0.9375, "test_top1": 0.8125}],
}
SECRET = "vC?b9" * 90
HTML = '<script>document.title = "ran"</script><img src="https://example.org/x.png"><!-- <b>open'


def code(source, outputs=(), id=None, **metadata):
    named = {"id": id} if id else {}
    return new_code_cell(source, outputs=list(outputs), metadata=metadata, **named)


def shown(**data):
    return new_output("display_data", {kind.replace("_", "/"): value for kind, value in data.items()})


@pytest.fixture
def notebook():
    """A run notebook of a student: given, folded, answered, and with what a page must not take over as it is."""
    folded = code("def packed(): ...", id="cell-001", tags=["folded"], title="Given: all")
    fold(folded)
    picture = new_markdown_cell("![a cat](attachment:cat.png)", attachments={"cat.png": {"image/png": PIXEL}})
    checks = HEAD.format(part=1, parts=1, made_from="x") + f'_kit["q1"] = (\n"{SECRET}"\n)'
    long = "\n".join(f"given_{k} = {k}" for k in range(30))
    return new_notebook(
        cells=[
            new_markdown_cell(f"# Title\n\n{HTML}"),
            new_markdown_cell("After the comment $\\tau < 1$ and $$\\begin{cases}$$"),
            picture,
            folded,
            code(checks, id=f"{CELL_ID}-1", cellView="form"),
            code(long, [shown(image_png=PIXEL, text_plain="a figure")], id="cell-002"),
            code("def nt_xent(z):\n    return z < 1", id="cell-003", tags=["q1a"]),
            code("\n".join(f"own_{k} = {k}" for k in range(30)), [shown(text_html="<i>x</i>", text_plain="a < b")]),
            code("1 / 0", [new_output("error", ename="E", evalue="", traceback=["\x1b[31mE: by zero\x1b[0m"])]),
            code("loop()", [new_output("stream", name="stderr", text="\n".join(map("line {}".format, range(500))))]),
            new_markdown_cell("### w1 · Why?", metadata={"tags": ["written", "w1"]}),
            new_markdown_cell("Because *I* say so.", metadata={"tags": ["w1"]}),
        ]
    )


class Desk:
    """The functions of the notebook's given code, in a folder with a saved notebook and the numbers of a run."""

    def __init__(self, notebook):
        self.names = {}
        exec(compile(SETUP + GIVEN, "<given>", "exec"), self.names)
        Path("run", "metrics.json").write_text(json.dumps(METRICS))
        self.save(notebook)

    def save(self, notebook):
        Path("simclr.ipynb").write_text(nbformat.writes(notebook))

    def hand_in(self, **replaced):
        """What is printed, and the files in the zip."""
        self.names.update(replaced)
        said = self.names["write_submission"]()
        return said, zipfile.ZipFile("run/simclr-submission.zip").namelist()

    def page(self, notebook):
        return self.names["report_html"](json.loads(nbformat.writes(notebook))["cells"])


@pytest.fixture
def desk(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delenv("KIT_RUN", raising=False)
    return Desk(notebook)


def test_a_report_shows_the_run_and_the_answers(desk, notebook):
    page = desk.page(notebook)
    assert "<b>lr</b>  0.125" in page and "train_top1 0.9375, test_top1 0.8125" in page and "0.25" not in page
    assert '<div class="answer"><p>Because <em>I</em> say so.</p>\n</div>' in page
    assert '<div class="answer"><h3>w1' not in page
    assert page.count(f'src="data:image/png;base64,{PIXEL}"') == 2
    assert '<img alt="\\tau &lt; 1"' in page and "<code>\\begin{cases}</code>" in page
    text = re.sub(r"<[^>]+>", "", page)
    assert "def nt_xent(z):\n    return z &lt; 1" in text and "a &lt; b" in text and "E: by zero" in text
    assert "line 79\n… 400 lines …\nline 480\n" in text
    inside = re.findall(r"<details>.*?</details>", page, re.DOTALL)
    assert len(inside) == 1 and "Given code, 30 lines" in inside[0] and "own_7" in text


def test_a_report_never_shows_folded_cells_or_the_checks(desk, notebook):
    page = desk.page(notebook)
    assert "packed" not in page and SECRET[:40] not in page
    for cell in notebook.cells:  # a student opens all cells, and removes a title
        for name in ("jupyter", "cellView"):
            cell.metadata.pop(name, None)
    notebook.cells[4].source = notebook.cells[4].source.split("\n", 1)[1]
    page = desk.page(notebook)
    assert "packed" not in page and SECRET[:40] not in page


def test_a_report_has_no_scripts_and_needs_no_network(desk, notebook):
    page = desk.page(notebook)
    assert "default-src 'none'" in page and "<script" not in page and "<i>x" not in page
    assert not re.search(r"<(?:img|link|iframe)[^>]*https?:", page)
    assert "<!--" not in page and "After the comment" in page


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")
def test_the_last_cell_packs_a_pdf(notebook, tmp_path, monkeypatch):
    """In a kernel, with a browser."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    (tmp_path / "simclr.ipynb").write_text(nbformat.writes(notebook))
    run = new_notebook(cells=[new_code_cell(SETUP + GIVEN), new_code_cell("print(write_submission())")])
    NotebookClient(run, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    said = run.cells[1].outputs[0].text
    assert said.startswith("[x] simclr.ipynb\n[x] simclr-report.pdf\n[!] metrics.json is missing\n")
    with zipfile.ZipFile(tmp_path / "run" / "simclr-submission.zip") as archive:
        assert archive.read("simclr-report.pdf").startswith(b"%PDF-")
    assert not list(tmp_path.glob("run/*.html")) and not list(tmp_path.glob("run/*.tmp"))


def test_without_a_browser_the_report_is_a_page_that_says_how_to_have_a_pdf(desk):
    said, names = desk.hand_in(BROWSERS=("no-such-browser",))
    assert names == ["simclr.ipynb", "simclr-report.html", "metrics.json"]
    assert "[x] simclr-report.html\n" in said and "if your course asks for one, open the report and print it\n" in said


HANGS = "#!/bin/sh\nsleep 60 & sleep 60"
LIES = '#!/bin/sh\nfor option; do case "$option" in --print-to-pdf=*) echo no > "${option#*=}";; esac; done'


@pytest.mark.parametrize(
    "script", ["#!/bin/sh\nexit 1", HANGS, LIES, "no program"], ids=["fails", "hangs", "lies", "x"]
)
def test_a_broken_browser_costs_the_pdf_alone(desk, script, tmp_path):
    browser = tmp_path / "chromium"
    browser.write_text(script)
    browser.chmod(0o755)
    Path("run", "simclr-report.pdf").write_bytes(b"%PDF- of an earlier run")
    _, names = desk.hand_in(BROWSERS=(str(browser),), BROWSER_SECONDS=1)
    assert names == ["simclr.ipynb", "simclr-report.html", "metrics.json"]


def test_what_fails_in_the_report_is_told_and_the_rest_is_packed(desk):
    Path("run", "simclr-report.html").write_text("of an earlier run")
    Path("run", "simclr-report.pdf").mkdir()
    said, names = desk.hand_in()
    assert names == ["simclr.ipynb", "metrics.json"]
    assert "[!] no report (IsADirectoryError" in said and "print the notebook as a PDF and hand it in as well\n" in said


WITHOUT = """
import sys
sys.modules["nbconvert"] = sys.modules["bleach"] = None
"""


def test_without_nbconvert_text_is_shown_as_it_is_written(desk):
    (Path("run") / "given.py").write_text(f"{WITHOUT}{SETUP}{GIVEN}\nBROWSERS = ()\nprint(write_submission())")
    done = subprocess.run([sys.executable, "run/given.py"], capture_output=True, text=True)
    assert "[x] simclr-report.html" in done.stdout, done.stderr
    page = Path("run", "simclr-report.html").read_text()
    assert "Because *I* say so." in page and "&lt;script&gt;" in page and "<script" not in page


def test_a_notebook_with_thirty_megabytes_of_figures_has_a_report_that_opens(desk, notebook):
    large = shown(image_png=PIXEL * 8000, text_plain="a figure")
    notebook.cells[7].outputs = [copy.deepcopy(large) for _ in range(30)]
    desk.save(notebook)
    assert Path("simclr.ipynb").stat().st_size > 30e6
    _, names = desk.hand_in(BROWSERS=())
    page = Path("run", "simclr-report.html")
    assert 10e6 < page.stat().st_size < 13e6 and "An output is left out: it is in the notebook." in page.read_text()
    assert "simclr.ipynb" in names and collect(Path("run/simclr-submission.zip"), Path("into"), "simclr").remarks == ()


@contextlib.contextmanager
def without_rights():
    """Root may write everywhere, so its tests run as another user."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_that_cannot_be_written_is_told_and_keeps_the_last_zip(desk):
    desk.hand_in(BROWSERS=())
    before = Path("run/simclr-submission.zip").read_bytes()
    for folder in (Path("run"), Path()):
        folder.chmod(0o555)
    with without_rights(), pytest.raises(Exception, match=r"Nothing was packed: .*set KIT_RUN to a folder"):
        desk.hand_in()
    assert Path("run/simclr-submission.zip").read_bytes() == before
    shutil.rmtree("run")
    with without_rights(), pytest.raises(Exception, match=r"cannot write to the folder .*KIT_RUN"):
        exec(compile(SETUP + GIVEN, "<given>", "exec"), {})


def test_a_notebook_that_cannot_be_read_is_told(desk):
    Path("simclr.ipynb").write_text('{"cells": [')
    with pytest.raises(Exception, match="Nothing was packed: simclr.ipynb cannot be read"):
        desk.hand_in()


def test_a_notebook_without_outputs_is_told(desk, notebook):
    assert "has an output" not in desk.hand_in(BROWSERS=())[0]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    desk.save(notebook)
    assert (
        "[!] no cell of the saved notebook has an output: run it, save it and hand it in again\n" in desk.hand_in()[0]
    )


@pytest.mark.parametrize("name", COURSE.names())
def test_the_last_cell_in_a_new_session_says_which_cells_to_run(name, capsys):
    last = assignment_master(COURSE.assignment(name)).cells[-1]
    exec(compile(last.source, "<cell>", "exec"), {})
    assert capsys.readouterr().out == (
        "Nothing was packed (name 'write_submission' is not defined): run the cells above Data again, then this one.\n"
    )
