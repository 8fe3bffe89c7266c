"""The first questions of a student notebook in JupyterLab, in a real browser: wrong, told, corrected, handed in."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import data_scripts
from autograder.release.course import assignment_master
from autograder.release.notebooks import notebook_bytes, student_notebook
from autograder.release.travel import public_cells, with_checks
from tests.checkout import COURSE

api = pytest.importorskip("playwright.sync_api", reason="playwright, which drives a browser, is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path")

SECONDS = 120  # for each step, far more than it takes
NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"
SUMMED = """def nt_xent(z_i, z_j, temperature):
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    scores = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), float("-inf"))
    return F.cross_entropy(scores, torch.arange(len(z)).roll(len(z_i)), reduction="sum")
"""
CORRECT = SUMMED.replace(', reduction="sum"', "")
HINT = (
    "Your loss, or its gradient, is 2n times as large as it should be: return the mean of the 2n losses, not their sum."
)
BARLOW_TWINS = """def barlow_twins(z_a, z_b, lambd):
    c = F.normalize(z_a, dim=0).T @ F.normalize(z_b, dim=0)
    off = lambd * (c.pow(2).sum() - c.diagonal().pow(2).sum())
    return (1 - c.diagonal()).pow(2).sum() + off
"""


class Lab:
    """A page of JupyterLab that shows one notebook."""

    def __init__(self, page, file):
        self.page, self.file = page, file
        self.sources = [cell.source for cell in nbformat.read(file, as_version=4).cells]
        page.wait_for_function("name => window.jupyterapp?.shell.currentWidget?.context?.path == name", arg=file.name)
        page.wait_for_function(f"count => {NOTEBOOK}.widgets.length == count", arg=self.count)
        page.wait_for_function("window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status == 'idle'")

    @property
    def count(self):
        return len(self.sources)

    def select(self, start):
        """Select the first cell that starts so."""
        place = next(place for place, source in enumerate(self.sources) if source.startswith(start))
        self.page.evaluate(f"place => {{ {NOTEBOOK}.activeCellIndex = place; }}", place)
        self.page.evaluate(f"{NOTEBOOK}.activate()")
        return place

    def run_all_above(self, start):
        """The menu's *Run → Run All Above Selected Cell*; does not wait until they have run."""
        self.select(start)
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-above'); }")

    def type(self, start, source):
        """Type a cell anew, and run it."""
        self.select(start)
        for key in ("Enter", "Control+a", "Delete"):
            self.page.keyboard.press(key)
        self.page.keyboard.insert_text(source.strip())
        self.page.keyboard.press("Control+Enter")

    def run(self, start, expected):
        """Run a cell by the keyboard; returns the text that is seen below it once ``expected`` is in it."""
        place = self.select(start)
        self.page.keyboard.press("Control+Enter")
        below = f"{NOTEBOOK}.widgets[place].outputArea.node.innerText"
        self.page.wait_for_function(f"([place, text]) => {below}.includes(text)", arg=[place, expected])
        assert self.page.get_by_text(expected).first.is_visible()
        return self.page.evaluate(f"place => {below}", place)

    def saved(self, start):
        """The source of a cell in the file."""
        return nbformat.read(self.file, as_version=4).cells[self.sources.index(start)].source


@contextlib.contextmanager
def jupyterlab(folder, home):
    """The address of a JupyterLab that serves ``folder``, which saves nothing by itself; all its processes end with it."""
    for plugin, settings in {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "docmanager-extension/plugin": {"autosave": False},
    }.items():
        file = home / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(settings))
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    environment = {**os.environ, **{name: str(home / name) for name in own}, "HOME": str(home)}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "KIT_PROFILE": "smoke", "KIT_DATA": str(folder)}
    environment.pop("KIT_RUN", None)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--port=0",
        f"--notebook-dir={folder}",
    ]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--LabApp.expose_app_in_browser=True"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + SECONDS
        while not (told := list((home / "JUPYTER_RUNTIME_DIR").glob("jpserver-*.json"))):
            assert server.poll() is None and time.monotonic() < end, (home / "log").read_text()
            time.sleep(0.1)
        yield json.loads(told[0].read_text())
    finally:
        everything = psutil.Process(server.pid).children(recursive=True)
        server.terminate()
        psutil.wait_procs([psutil.Process(server.pid)], timeout=10)
        for process in (server, *everything):
            with contextlib.suppress(psutil.Error):
                process.kill()
        server.wait()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab with the notebook of simclr in its second tab, in a folder with small generated data."""
    folder, home = tmp_path_factory.mktemp("desk"), tmp_path_factory.mktemp("home")
    data_scripts.prepare_generated(folder, 200, 100, progress=False, dataset=data_scripts.DATASETS["cifar10"])
    master = assignment_master(COURSE.assignment("simclr"))
    notebook = with_checks(student_notebook(master), public_cells(COURSE.assignment("simclr"), master))
    (folder / "simclr.ipynb").write_bytes(notebook_bytes(notebook))
    notes = new_notebook(metadata={"kernelspec": master.metadata.kernelspec}, cells=[new_code_cell("1 + 1")])
    (folder / "notes.ipynb").write_bytes(notebook_bytes(notes))
    with jupyterlab(folder, home) as server, api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * SECONDS)
        page.goto(f"{server['url']}lab/tree/notes.ipynb?token={server['token']}")
        page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context?.path == 'notes.ipynb'")
        page.evaluate("() => { window.jupyterapp.commands.execute('docmanager:open', {path: 'simclr.ipynb'}); }")
        yield Lab(page, folder / "simclr.ipynb")
        browser.close()


def test_a_wrong_answer_gets_its_hint_a_correct_one_passes_and_is_saved_and_packed(lab):
    nt_xent, barlow_twins = (
        next(s for s in lab.sources if s.startswith(f"def {n}(")) for n in ("nt_xent", "barlow_twins")
    )
    lab.run_all_above("def nt_xent(")
    assert "nt_xent is not implemented yet" not in lab.run('grader.check("q1a")', "run the cell of nt_xent first")
    lab.type("def nt_xent(", SUMMED)
    told = lab.run('grader.check("q1a")', HINT)
    assert "q1a: not right yet" in told and told.count(HINT) == 1
    lab.type("def nt_xent(", CORRECT)
    told = lab.run('grader.check("q1a")', "q1a: all 9 checks passed")
    assert "✗" not in told

    assert "NotImplementedError" in lab.saved(nt_xent)  # the page is ahead of the file
    told = lab.run("try:\n    print(write_submission())", "Upload simclr-submission.zip")
    assert lab.saved(nt_xent) == CORRECT.strip() and "[x] simclr.ipynb" in told
    assert "not filled in: barlow_twins, " in told and "packed as you saved it" not in told
    packed = zipfile.ZipFile(lab.file.parent / "run" / "simclr-submission.zip").read("simclr.ipynb").decode()
    assert nbformat.reads(packed, as_version=4).cells[lab.sources.index(nt_xent)].source == CORRECT.strip()

    # A page that does not save: what is only in the session is not handed in by mistake.
    lab.page.evaluate(
        """document.querySelectorAll('[data-command="docmanager:save"]').forEach(node => node.remove())"""
    )
    lab.type("def barlow_twins(", BARLOW_TWINS)
    lab.run('grader.check("q1b")', "q1b: all ")
    told = lab.run("try:\n    print(write_submission())", "Nothing was packed: you filled in barlow_twins here")
    assert "Error" not in told and "NotImplementedError" in lab.saved(barlow_twins)
    lab.select("try:\n    print(write_submission())")
    lab.page.keyboard.press("Control+s")
    assert "[x] simclr.ipynb" in lab.run("try:\n    print(write_submission())", "Upload simclr-submission.zip")
    assert lab.saved(barlow_twins) == BARLOW_TWINS.strip()
