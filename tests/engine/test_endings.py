"""Whatever ends the grader, what was earned is there and nothing of the submission lives on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from glob import glob

import psutil
import pytest

from autograder.engine.grade import NOT_REACHED
from tests import other_machine
from tests.checkout import ROOT
from tests.corpus.small import BARLOW_TWINS, IMPORTS, NT_XENT, hand_in, small_bundle

ENDLESS = "def nt_xent_euclidean(z_i, z_j, temperature):\n    while True: pass\n"
EARNED_BY_THEN = 16


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
def test_a_grader_that_is_ended_leaves_what_was_earned_and_nothing_else(bundle, tmp_path, number):
    small_bundle(bundle, tmp_path / "source" / "bundle")
    hand_in(tmp_path / "submission", (IMPORTS, NT_XENT, BARLOW_TWINS, ENDLESS))
    (tmp_path / "tmp").mkdir()
    grader = subprocess.Popen(
        [sys.executable, "-m", "autograder", "gradescope", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stderr=subprocess.PIPE,
    )
    results = tmp_path / "results" / "results.json"
    wait_for(lambda: results.is_file() and json.loads(results.read_text())["score"] >= EARNED_BY_THEN, 120, grader)
    family = psutil.Process(grader.pid).children(recursive=True)
    assert len(family) >= 2  # the preloaded parent and a worker
    os.kill(grader.pid, number)
    grader.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not alive
    content = json.loads(results.read_text())
    assert content["score"] == EARNED_BY_THEN
    assert any(test["output"].startswith(NOT_REACHED) for test in content["tests"])
    assert not list(results.parent.glob("*.part"))
    wait_for(lambda: not list((tmp_path / "tmp").iterdir()), 15)


IN_ENTER = """
import os, signal, sys
from autograder.engine.session import Probes, Sandbox

Sandbox._receive = lambda sandbox: os.kill(os.getpid(), signal.SIGKILL)  # the settings are sent, no reply is read
Sandbox(Probes(modules=tuple(sys.argv[1:]))).__enter__()
"""


@pytest.mark.parametrize("probes", [[], ["no.such.module"]], ids=["ready", "error"])
def test_a_grader_that_is_killed_before_its_sandbox_is_ready_leaves_no_folder(tmp_path, probes):
    command = [sys.executable, "-c", IN_ENTER, *probes]
    killed = subprocess.run(command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, timeout=120)
    assert killed.returncode == -signal.SIGKILL and list(tmp_path.glob("autograder-*"))
    wait_for(lambda: not list(tmp_path.iterdir()), 60)


def test_a_class_run_that_is_killed_leaves_no_copy_of_what_was_handed_in(bundle, tmp_path):
    (tmp_path / "class").mkdir()
    for name, cells in (("doe_101_201", (IMPORTS, ENDLESS)), ("roe_102_202", (IMPORTS,))):
        hand_in(tmp_path / name, cells)
        (tmp_path / name / "simclr.ipynb").rename(tmp_path / "class" / f"{name}_simclr.ipynb")
    (tmp_path / "class" / "doe_101_203_notes.txt").write_text("of the same student")
    (tmp_path / "tmp").mkdir()
    line = ["grade", "simclr", str(tmp_path / "class"), "--out", str(tmp_path / "grades"), "--jobs", "1"]
    grader = subprocess.Popen(
        [sys.executable, "-m", "autograder", *line],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: glob(f"{tmp_path}/tmp/*/handed-in-*/submission/*.txt"), 240, grader)
    family = psutil.Process(grader.pid).children(recursive=True)
    grader.kill()
    grader.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert family and not alive
    wait_for(lambda: not list((tmp_path / "tmp").iterdir()), 15)


def test_the_first_word_is_there_before_anything_can_take_long(bundle, tmp_path):
    small_bundle(bundle, tmp_path / "source" / "bundle")
    hand_in(tmp_path / "submission", (IMPORTS,))
    started = time.monotonic()
    grader = subprocess.Popen([sys.executable, "-m", "autograder", "gradescope", str(tmp_path)], cwd=ROOT)
    try:
        wait_for((tmp_path / "results" / "results.json").is_file, 10, grader)
        assert time.monotonic() - started < 5
    finally:
        grader.kill()
        grader.wait()


def wait_for(true, seconds, process=None):
    """Wait until ``true()``; fail after ``seconds``, or when ``process`` has ended."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        assert process is None or process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)


def test_a_machine_without_any_layer_is_refused_unless_asked_for(bundle, tmp_path):
    """An ordinary user on a kernel without Landlock and namespaces, made by a filter that answers as it would."""
    if os.geteuid() == 0:
        pytest.skip("root can always change to a user without rights; run tests/as_ordinary_user.py")
    source = hand_in(tmp_path / "honest", (IMPORTS, NT_XENT))
    line = [sys.executable, "-m", "autograder", "grade", "simclr", str(source), "--out", str(tmp_path / "grades")]
    command = other_machine.command(*line, without=("landlock", "namespaces"))
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 2 and "--unsafe" in refused.stderr and "Traceback" not in refused.stderr
    assert not (tmp_path / "grades").exists()
    graded = subprocess.run([*command, "--unsafe"], cwd=ROOT, capture_output=True, text=True)
    content = json.loads((tmp_path / "grades" / "honest" / "results.json").read_text())
    assert content["score"] == 8, graded.stderr
    layers = {layer["layer"]: layer["active"] for layer in content["extra_data"]["layers"]}
    assert not any(layers[name] for name in ("namespaces", "uid", "landlock")) and layers["seccomp"]
    shutil.rmtree(tmp_path / "grades")
