"""The student notebook as one reads it, trains with it and hands it in: short, told what is wrong, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from torch import nn

from autograder.release.course import assignment_master
from autograder.release.execute import without_traces
from autograder.release.notebooks import given_code, has_tag, notebook_bytes, student_notebook
from tests.checkout import COURSE
from tests.notebook_names import notebook_names

NAMES = ("simclr", "ddpm", "vae", "simsiam", "softmax", "contrastive")
FIRST = ("nt_xent", "noise_schedule", "reparameterize", "negative_cosine", "train_test_split", "contrastive_loss")
STUBS = dict(zip(NAMES, FIRST))


def code_lines(source):
    return [line for line in source.splitlines() if line.strip() and not line.strip().startswith("#")]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_student_sees_is_short(name):
    student = student_notebook(assignment_master(COURSE.assignment(name)))
    code = [cell for cell in student.cells if cell.cell_type == "code"]
    folded = [cell for cell in code if cell.metadata.get("jupyter", {}).get("source_hidden")]
    shown = [cell for cell in code if cell not in folded]
    assert sum(len(code_lines(cell.source)) for cell in shown) <= 400
    assert max(len(cell.source.splitlines()) for cell in shown) <= 40
    assert 1 <= len(folded) <= 2
    for cell in folded:
        title, *_ = cell.source.splitlines()
        assert title.startswith("# @title Given: ") and cell.metadata["cellView"] == "form"
    table = next(cell.source for cell in shown if "\nTABLE = {" in cell.source)
    assert table.startswith('PROFILE = os.environ.get("KIT_PROFILE") or "smoke"')


class Desk:
    """A student's session on a notebook, and the notebook's file; the session may be ahead of the file."""

    def __init__(self, folder, name, monkeypatch):
        monkeypatch.setenv("KIT_PROFILE", "smoke")
        monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
        monkeypatch.chdir(folder)
        self.run, self.file = folder / "run", folder / f"{name}.ipynb"
        self.run.mkdir()
        self.solution = assignment_master(COURSE.assignment(name))
        self.blank = student_notebook(self.solution)
        self.names = {}

    def save(self, notebook):
        self.file.write_bytes(notebook_bytes(notebook))

    def start(self, notebook):
        found = {"find_notebook": lambda: self.file, "ON_COLAB": False, "DEVICE": torch.device("cpu")}
        found["make_report"] = lambda cells: (None, "")  # test_report.py makes reports
        self.names = notebook_names(notebook, self.run) | found | {"PRECISION": "float32"}
        self.names["write_submission"].__globals__.update(self.names)

    def type(self, code):
        exec(compile(code, "<typed>", "exec"), self.names["write_submission"].__globals__)

    def train(self, step=lambda *_: {"loss": 1.0}, **settings):
        """Two epochs of a model with one weight, which needs ``nt_xent``."""

        def optimise(model, steps):
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)

        plan = {"epochs": 2, "code": ["nt_xent"]}
        return self.names["fit"]("tiny", nn.Linear(1, 1), [1], plan, optimise, step, **settings)


@pytest.fixture(params=NAMES)
def either(request, tmp_path, monkeypatch):
    return request.param, Desk(tmp_path, request.param, monkeypatch)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    made = Desk(tmp_path, "simclr", monkeypatch)
    made.save(made.solution)
    made.start(made.solution)
    return made


def test_a_stub_that_is_filled_in_only_in_the_session_is_refused_by_name(either):
    name, desk = either
    desk.save(desk.blank)
    desk.start(desk.solution)
    with pytest.raises(Exception, match=f"you filled in {STUBS[name]}, .* here, but not in the file {name}.ipynb"):
        desk.names["write_submission"]()
    assert not list(desk.run.glob("*.zip"))
    desk.save(desk.solution)
    said = desk.names["write_submission"]()
    assert f"[x] {name}.ipynb" in said and "not filled in" not in said
    assert f"{name}.ipynb" in zipfile.ZipFile(desk.run / f"{name}-submission.zip").namelist()


def test_what_is_not_filled_in_anywhere_is_told_and_packed(either):
    name, desk = either
    desk.save(desk.blank)
    desk.start(desk.blank)
    said = desk.names["write_submission"]()
    assert f"[!] not filled in: {STUBS[name]}, " in said and "[!] not answered: w1, w2" in said
    assert f"[x] {name}.ipynb" in said and "[!] metrics.json is missing" in said


def test_a_notebook_that_is_not_found_is_told(desk):
    desk.file.unlink()
    said = desk.names["write_submission"]()
    assert "[!] simclr.ipynb is missing: add it to the zip by hand\n" in said
    assert "[!] metrics.json is missing\n" in said


def test_a_later_cell_or_a_helper_beside_a_stub_counts(desk):
    own = "def helper(x):\n    return x\n\n\n"
    stub = next(cell for cell in desk.blank.cells if "def nt_xent(" in cell.source)
    stub.source = own + stub.source
    assert desk.names["stubs_of"]([stub]) == ["nt_xent"]
    later = new_code_cell("%matplotlib inline\ndef nt_xent(z_i, z_j, temperature):\n    return helper(z_i)")
    assert desk.names["stubs_of"]([stub, later]) == []


def test_answers_and_a_smoke_profile_are_told(desk):
    assert "not answered" not in desk.names["write_submission"]()
    desk.names["update_metrics"](train=[])
    assert "[!] trained with the profile smoke, which learns nothing" in desk.names["write_submission"]()
    answer = [cell for cell in desk.solution.cells if has_tag(cell, "model-answer")][1]
    answer.source = " \n"
    desk.save(desk.solution)
    assert "[!] not answered: w2\n" in desk.names["write_submission"]()


@pytest.mark.parametrize("damaged", ["", '{"profile": "de', "[3]", '{"hyperparameters": 3}'])
def test_a_damaged_metrics_file_is_told_and_repaired_by_the_next_training(desk, damaged):
    (desk.run / "metrics.json").write_text(damaged)
    assert "[!] metrics.json is damaged: run the training cells again\n" in desk.names["write_submission"]()
    assert desk.names["run_html"]() == "<p>metrics.json is damaged.</p>"
    desk.names["update_metrics"](train=[])
    assert "is damaged" not in desk.names["write_submission"]()


def test_a_training_whose_notes_are_damaged_is_packed(desk):
    desk.train()
    (desk.run / "tiny.json").write_text('{"plan": ')
    assert "tiny was trained before" not in desk.names["write_submission"]()


def test_files_from_before_1980_are_packed(desk):
    desk.names["update_metrics"](train=[])
    os.utime(desk.run / "metrics.json", (0, 0))
    assert "[x] metrics.json\n" in desk.names["write_submission"]()


def test_training_again_after_changed_code_says_that_it_trains_nothing(desk, capsys):
    desk.train()
    capsys.readouterr()
    assert len(desk.train()) == 2
    assert capsys.readouterr().out == "tiny: nothing trained: the run is complete; restart=True trains anew\n"
    assert "was trained before" not in desk.names["write_submission"]()
    desk.type("def nt_xent(z_i, z_j, temperature):\n    return (z_i - z_j).square().sum()")
    desk.train()
    assert capsys.readouterr().out == (
        "tiny: you changed nt_xent since this training began\n"
        "tiny: nothing trained: the run is complete; restart=True trains anew\n"
    )
    assert "[!] tiny was trained before you changed nt_xent\n" in desk.names["write_submission"]()
    desk.type("def nt_xent(z_i, z_j, temperature):  # as before\n\n    return (z_i - z_j).square().sum()")
    desk.train(restart=True)
    assert "was trained before" not in desk.names["write_submission"]()


def test_a_training_that_was_resumed_after_changed_code_is_told(desk, capsys):
    steps = iter([{"loss": 2.0}])
    with pytest.raises(StopIteration):  # the session is lost in the second epoch
        desk.train(lambda *_: next(steps))
    desk.type("def nt_xent(z_i, z_j, temperature):\n    return (z_i - z_j).square().sum()")
    capsys.readouterr()
    assert len(desk.train()) == 2
    assert capsys.readouterr().out.startswith(
        "tiny: you changed nt_xent since this training began\ntiny: going on after epoch 1\n"
    )
    assert "[!] tiny was trained before you changed nt_xent\n" in desk.names["write_submission"]()


@pytest.mark.parametrize("change", ["    return x  # a comment", "    # moved\n\n    return x", "    return 2 * x"])
def test_only_what_code_does_counts_as_a_change(desk, change):
    desk.type("class Own:\n  def call(self, x):\n    return x")
    before = desk.names["hash_of"]("Own")
    desk.type("class Own:\n  def call(self, x):\n" + change)
    assert (desk.names["hash_of"]("Own") == before) == ("2 *" not in change)


OWN = """
def own(x, names):
    for name in names:
        x = math.sqrt(x) if name else [math.pi * y for y in names]
    return x
"""


def test_a_script_that_trains_and_a_notebook_agree_on_what_code_is(desk):
    """In one script the compiler sees which names are imported modules, and calls their functions otherwise."""
    hashes = []
    for code in (OWN, f"import math\n{OWN}", OWN.replace("sqrt", "cbrt")):
        desk.type(code)
        hashes.append(desk.names["hash_of"]("own"))
    assert hashes[0] == hashes[1] != hashes[2]


HASHED = """
def own(x):
    return x in {"cat", "dog", "frog", "horse", "ship"}

print(hash_of("own"))
"""


def test_the_hash_of_code_is_the_same_in_every_process():
    """Although a set has another order in each."""
    script = f"import hashlib\nfrom pathlib import Path\n{given_code('record.py')}\n{HASHED}"
    hashes = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert len(hashes) == 1 and len(hashes.pop().strip()) == 16


FOLDER = "\n".join(
    [
        "import os\nfrom pathlib import Path\n\nON_COLAB = False",
        *(given_code(f"{name}.py") for name in ("notebook_file", "run_folder")),
    ]
)


def made_folder(folder, monkeypatch, name="simclr"):
    """The names of the cell that makes the run folder of an assignment, run in a folder without its notebook."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("KIT_RUN", raising=False)
    names = {}
    exec(compile(FOLDER.replace("{{name}}", name), "<run folder>", "exec"), names)
    return names


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "run").write_text("not a folder")
    with pytest.raises(Exception, match="cannot write to the folder .*run .*set the environment variable KIT_RUN"):
        made_folder(tmp_path, monkeypatch)


def test_two_assignments_in_one_folder_keep_their_runs_apart(tmp_path, monkeypatch, capsys):
    runs = [made_folder(tmp_path, monkeypatch, name)["RUN"].name for name in ("simclr", "ddpm", "simclr", "ddpm")]
    assert runs == ["run", "run-ddpm", "run", "run-ddpm"]
    assert "another assignment's notebook uses the folder run: this one uses run-ddpm" in capsys.readouterr().out


def test_before_the_cells_of_the_checks_grader_says_which_to_run(tmp_path, monkeypatch):
    grader = made_folder(tmp_path, monkeypatch)["grader"]  # Otter finds no notebook here
    with pytest.raises(Exception, match="Run the folded cells called Checks first"):
        grader.check("q1a")
    assert not hasattr(grader, "_repr_html_")


DOWNLOAD = (
    """
import os
from pathlib import Path

import numpy as np
import torch
import torchvision

HP = {"dataset": "cifar10"}
"""
    + given_code("notebook_file.py")
    + "\n\n"
    + given_code("data.py")
)
UNREACHABLE = """
class CIFAR10(torchvision.datasets.CIFAR10):
    url = "http://127.0.0.1:9/cifar-10-python.tar.gz"

    def download(self):
        try:
            super().download()
        except OSError as error:
            raise RuntimeError(f"Tried one mirror:\\n{error}\\n")  # the form of torchvision's MNIST

official(CIFAR10, "cifar-10-batches-py")
"""


def test_a_failed_download_is_a_sentence_with_the_address_and_what_to_do(tmp_path):
    notebook = new_notebook(cells=[new_code_cell(DOWNLOAD), new_code_cell(UNREACHABLE)])
    client = NotebookClient(
        notebook, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    (error,) = [output for output in notebook.cells[1].outputs if output.output_type == "error"]
    (sentence,) = error.traceback
    assert sentence.startswith("Could not download CIFAR10 from http://127.0.0.1:9/cifar-10-python.tar.gz (")
    assert "set KIT_DATA to the folder that holds it" in sentence and "\n" not in sentence


LONG_EPOCHS = """
for epoch in range(2):
    for step in tqdm(range(9), leave=False):
        time.sleep(0.3)
    print("epoch", epoch)
"""


def test_a_bar_appears_in_a_long_epoch_and_leaves_nothing_in_the_page(tmp_path):
    code = f"import time\nfrom tqdm.auto import tqdm\n\n{given_code('progress.py')}\n{LONG_EPOCHS}"
    notebook = new_notebook(cells=[new_code_cell(code)])
    NotebookClient(notebook, kernel_name="python3").execute()
    texts = [output.text for output in notebook.cells[0].outputs if output.output_type == "stream"]
    bars = [output.data for output in notebook.cells[0].outputs if output.output_type == "display_data"]
    assert "".join(texts) == "epoch 0\nepoch 1\n"
    assert bars == [{"text/plain": ""}] * 2
    assert [o.name for o in without_traces(notebook, tmp_path).cells[0].outputs] == ["stdout", "stdout"]


def test_a_notebook_that_a_browser_does_not_save_is_packed_as_it_was_saved(desk, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(desk.file))  # a browser showed it, and is gone
    said = desk.names["write_submission"]()
    assert "[!] simclr.ipynb is packed as you saved it at " in said
    packed = zipfile.ZipFile(desk.run / "simclr-submission.zip").read("simclr.ipynb")
    assert json.loads(packed)["cells"] and nbformat.reads(packed.decode(), as_version=4)
