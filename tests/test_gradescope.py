"""The zip laid out and run as Gradescope does, with the real scripts; its content gives no answer away."""

import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import jsonschema
import pytest

import data_scripts
from autograder.release.gradescope import write_zip
from autograder.release.notebooks import notebook_bytes
from data_scripts.catalogue import MNIST
from tests.checkout import ROOT, SOLUTIONS
from tests.gradescope_layout import lay_out, run

SCHEMA = json.loads((Path(__file__).parent / "frontends" / "gradescope_schema.json").read_text())


@pytest.fixture(scope="module")
def zipped(bundle, images, tmp_path_factory):
    return write_zip(tmp_path_factory.mktemp("dist") / "simclr-gradescope.zip", bundle, images.folder)


@pytest.fixture
def base(zipped, tmp_path):
    """``/autograder`` as Gradescope lays it out; the environment that setup.sh would make is this one."""
    return lay_out(zipped, tmp_path / "autograder")


def test_the_zip_holds_no_answers_as_code(zipped):
    names = zipfile.ZipFile(zipped).namelist()
    assert {
        "setup.sh",
        "run_autograder",
        "bundle/key.safetensors",
        "bundle/tests/q1a.py",
        "data/cifar10/test.npy",
    } <= set(names)
    for word in (
        "oracle",
        "mistakes",
        "correct",
        "question.py",
        "cases",
        "master",
        "solutions",
        "release/",
        "classroom/",
        "train.npy",
        "scorers/mnist",
        "scorers/train",
        "demo",
        "__pycache__",
    ):
        assert not [name for name in names if word in name], word


def test_what_is_secret_is_closed_to_others_and_stock_otter_finds_what_it_reads(zipped):
    with zipfile.ZipFile(zipped) as archive:
        modes = {info.filename: (info.external_attr >> 16) & 0o777 for info in archive.infolist()}
        settings = json.loads(archive.read("otter_config.json"))
    assert {mode for name, mode in modes.items() if name.startswith(("bundle/", "data/"))} == {0o600}
    assert [name for name, mode in modes.items() if mode == 0o755] == ["run_autograder", "setup.sh"]
    (plugin,) = settings["plugins"]
    assert f"{plugin.rpartition('.')[0].replace('.', '/')}.py" in modes
    assert [name for name in modes if name.startswith("tests/")] == ["tests/README"]


def test_the_zip_is_closed_to_other_users(zipped):
    assert zipped.stat().st_mode & 0o077 == 0


def test_the_same_content_gives_the_same_bytes(bundle, images, zipped, tmp_path):
    assert write_zip(tmp_path / "again.zip", bundle, images.folder).read_bytes() == zipped.read_bytes()


def test_where_samples_are_scored_the_zip_has_scorer_and_training_images(tmp_path):
    data = data_scripts.prepare_generated(tmp_path, train=60, test=40, progress=False, dataset=MNIST)
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    shutil.copy(SOLUTIONS / "ddpm" / "assignment.toml", bundle)
    names = zipfile.ZipFile(write_zip(tmp_path / "ddpm.zip", bundle, data.folder)).namelist()
    assert {"test.npy", "train.npy", "manifest.json"} == {name[11:] for name in names if name.startswith("data/mnist/")}
    assert {name for name in names if name.startswith("autograder/scorers/")} == {
        f"autograder/scorers/{file}" for file in ("__init__.py", "classifier.py", "mnist.safetensors")
    }


def test_scripts_are_sound_shell():
    for script in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", ROOT / "autograder" / "release" / "gradescope_files" / script], check=True)


def test_a_submission_is_graded_as_on_gradescope(base, master, checkpoint):
    (base / "submission" / "simclr.ipynb").write_bytes(notebook_bytes(master))
    shutil.copy(checkpoint, base / "submission")
    (base / "submission" / "simclr-report.pdf").write_bytes(b"%PDF-1.4")
    (base / "submission" / "simclr-report.html").write_text("<script>shown = 1</script>")
    done = run(base)
    assert done.returncode == 0, done.stderr
    content = json.loads((base / "results" / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert "simclr-report" not in json.dumps(content) and "shown = 1" not in json.dumps(content)
    assert content["score"] == 42, [test for test in content["tests"] if test.get("status") == "failed"]
    assert sum(test["max_score"] for test in content["tests"]) == 50
    tests = [test for test in content["tests"] if test["number"][0] == "q"]
    assert {test["number"] for test in tests} == {"q1a", "q1b", "q1c", "q2", "q3", "q4", "q5", "q6"}
    assert {test["visibility"] for test in tests if test["number"] != "q6"} == {"after_due_date"}
    written = {test["number"]: test["output"] for test in content["tests"] if test not in tests}
    assert list(written) == ["w1", "w2", "w3", "w4", "w5"] and "graded by hand" in written["w1"].lower()
    assert "From each image of a batch you make two views" in written["w1"] and "4 points\n\n-" not in str(written)
    assert content["leaderboard"][0]["order"] == "desc"
    assert "generated images" in next(t["output"] for t in content["tests"] if t["number"] == "q6")
    at_once = content["output"]
    assert "7 of 7 questions are filled in; 59 of 59 public checks pass." in at_once and "code cells ran" in at_once
    assert "q6 · Accuracy after fine-tuning: Top-1 accuracy 1" in at_once and "after the due date." in at_once


def test_a_blank_notebook_reads_that_it_is_blank_and_when_the_rest_appears(base, student):
    """Two students hand it in; one of them has more time."""
    (base / "submission" / "simclr.ipynb").write_bytes(notebook_bytes(student))
    more = {"due_date": "2126-12-08T12:00:00.000000+01:00", "late_due_date": None}
    users = [{"name": "Ada Lovelace", "assignment": more}, {"name": "Alan Turing"}]
    metadata = {"assignment": {"due_date": "2126-12-01T23:59:00.000000+01:00"}, "users": users}
    (base / "submission_metadata.json").write_text(json.dumps(metadata))
    assert run(base).returncode == 0
    content = json.loads((base / "results" / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    at_once = content["output"]
    assert at_once.startswith("<p><strong>Nothing is filled in yet.")
    for stub in ("nt_xent", "SimCLR.__init__, SimCLR.forward", "train_one_epoch", "finetune_one_epoch, evaluate"):
        assert f"not filled in yet: {stub}" in at_once or f", {stub}." in at_once, stub
    assert "simclr_lin_best.pt is not in the submission" in at_once
    assert "after the due date, 8 December 2126, 12:00 (UTC+01:00)." in at_once
    assert "Ada" not in json.dumps(content)


def test_an_empty_submission_gets_a_sentence(base):
    assert run(base).returncode == 0
    content = json.loads((base / "results" / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert content["score"] == 0 and "empty" in content["tests"][0]["output"]


def test_a_broken_zip_still_leaves_a_result(base):
    (base / "source" / "bundle" / "assignment.toml").unlink()
    assert run(base).returncode == 0
    content = json.loads((base / "results" / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert "tell your instructor" in content["output"]


def test_the_deadline_keeps_what_was_earned(base, master):
    """A short total time: results.json is whole, and says what was not reached."""
    toml = base / "source" / "bundle" / "assignment.toml"
    toml.write_text(toml.read_text().replace("total_seconds = 540", "total_seconds = 1"))
    (base / "submission" / "simclr.ipynb").write_bytes(notebook_bytes(master))
    start = time.monotonic()
    assert run(base).returncode == 0
    assert time.monotonic() - start < 60
    content = json.loads((base / "results" / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert len(content["tests"]) > 20
    assert [test for test in content["tests"] if "time" in test["output"]]
    assert content["execution_time"] > 2  # the imports before the first question are part of it


def test_a_kill_at_any_moment_leaves_a_whole_result(base, master):
    (base / "submission" / "simclr.ipynb").write_bytes(notebook_bytes(master))
    results = base / "results" / "results.json"
    process = subprocess.Popen([base / "run_autograder"], cwd="/", start_new_session=True)
    earned = 0
    while process.poll() is None and earned < 3:
        time.sleep(0.05)
        if results.exists() and (text := results.read_text()):
            earned = json.loads(text)["score"]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    content = json.loads(results.read_text())
    jsonschema.validate(content, SCHEMA)
    assert content["score"] >= 3
