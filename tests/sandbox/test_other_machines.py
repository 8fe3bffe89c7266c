"""The sandbox for root with the capabilities of a container, with and without Landlock and namespaces."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autograder.engine.session import CANARY_DIED
from autograder.sandbox import layers, linux, namespaces
from tests.checkout import ROOT
from tests.corpus.small import BARLOW_TWINS, EUCLIDEAN, FULL, IMPORTS, NT_XENT, hand_in, small_bundle
from tests.other_machine import command

pytestmark = pytest.mark.skipif(
    not linux.has_capability(linux.CAP_SYS_ADMIN) or namespaces.missing() is not None,
    reason="only root with all rights can play another machine",
)
ALL = frozenset({"namespaces", "uid", "landlock", "seccomp"})
# What the machine lacks, and the layers that are left.
MACHINES = {
    "all": ((), ALL),
    "no Landlock": (("landlock",), ALL - {"landlock"}),
    "no namespaces": (("namespaces",), ALL - {"namespaces"}),
    "neither": (("landlock", "namespaces"), ALL - {"landlock", "namespaces"}),
}
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HOME": "/root"}
# Reads, while the last question is graded, what the grader has written so far, and what all users may read.
SPY = """
def spy(path):
    try:
        return open(path).read()[:60]
    except OSError:
        return "cannot"

def nt_xent_euclidean(z_i, z_j, temperature):
    raise ValueError("SPIED " + repr([spy(path) for path in {paths}]))
"""
EUCLIDEAN_POINTS = 4
SMALL_PART = (
    *("(fails_by_each_layer and all-layers)", "(out_of_reach and nothing)", "cannot_reach_each_other"),
    *("kills-all", "owns-signals", "odd-calls", "as-owner", "named-sockets", "priorities", "honest_submission"),
)


def left_here(wanted: frozenset[str]) -> frozenset[str]:
    """Without what this machine lacks, too."""
    return wanted & layers.active_names()


@pytest.fixture
def base():
    """``/autograder`` as Gradescope has it, where every user may look for names. (pytest's folders are closed.)"""
    with tempfile.TemporaryDirectory(prefix="gradescope-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def graded(base: Path, bundle: Path, cells: tuple[str, ...], **machine: object) -> dict:
    """``results.json`` of a submission that is graded on such a machine."""
    source = small_bundle(bundle, base / "source" / "bundle").parent
    subprocess.run(["chmod", "-R", "go-rwx", source], check=True)  # as setup.sh does
    hand_in(base / "submission", cells)
    line = command(sys.executable, "-m", "autograder", "gradescope", str(base), **machine)
    done = subprocess.run(line, cwd="/", env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((base / "results" / "results.json").read_text())


@pytest.mark.parametrize("machine", MACHINES)
def test_honest_functions_earn_their_points_and_see_nothing_that_the_grader_writes(base, bundle, machine):
    """The layers that work are named. What is written while the submission runs is closed to it, by file modes alone."""
    without, left = MACHINES[machine]
    results = base / "results" / "results.json"
    paths = [str(results), f"/proc/{os.getpid()}/environ", "/etc/passwd"]
    cells = (IMPORTS + "import wave\n", NT_XENT, BARLOW_TWINS, SPY.format(paths=paths))
    content = graded(base, bundle, cells, docker=True, open_library=True, without=without)
    assert content["score"] == FULL - EUCLIDEAN_POINTS, content
    active = {layer["layer"] for layer in content["extra_data"]["layers"] if layer["active"]}
    assert active & ALL == left_here(left)
    told = next(test["output"] for test in content["tests"] if "SPIED" in test["output"])
    assert told.count("cannot") == (2 if machine == "neither" else 3), told  # then it reads what all users may read
    assert results.stat().st_mode & 0o777 == 0o644


def test_where_the_library_is_closed_the_next_combination_is_taken(base, bundle):
    """Root of a container may not read past file modes, so a fresh user could import nothing: Landlock keeps out alone."""
    honest = (IMPORTS + "import wave\n", NT_XENT, BARLOW_TWINS, EUCLIDEAN)
    content = graded(base, bundle, honest, docker=True, without=("namespaces",))
    assert content["score"] == FULL, content
    uid = next(layer for layer in content["extra_data"]["layers"] if layer["layer"] == "uid")
    assert uid["active"] == (layers.unreadable_library() is None)
    assert uid["active"] or "chmod o+rx" in uid["note"]


@pytest.mark.parametrize("machine", ["all", "neither"])
def test_the_promises_hold_and_attacks_fail(bundle, machine):
    """Each attempt with all layers that are left; the table of docs/security.md says which promise needs which."""
    line = [sys.executable, "-m", "pytest", "--import-mode=importlib", "-q", "-x", "-p", "no:cacheprovider"]
    line += ["tests/sandbox/test_promises.py", "tests/corpus/test_hostile.py", "-k", " or ".join(SMALL_PART)]
    line = command(*line, docker=True, open_library=True, without=MACHINES[machine][0])
    done = subprocess.run(line, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_where_an_honest_function_earns_nothing_nobody_is_graded(base, bundle):
    """Files cannot be given to another user, as on some network drives. Each command says it in a sentence."""
    machine = {"docker": True, "open_library": True, "without": ("namespaces", "chown")}
    content = graded(base, bundle, (IMPORTS, NT_XENT), **machine)
    assert "tests" not in content and content["score"] == 0
    assert CANARY_DIED.partition("{")[0] in content["output"]
    for arguments in (("grade", "simclr", str(base / "submission"), "--out", str(base / "grades")), ("doctor",)):
        line = command(sys.executable, "-m", "autograder", *arguments, **machine)
        done = subprocess.run(line, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
        assert done.returncode in (1, 2) and "Traceback" not in done.stderr
        assert CANARY_DIED.partition("{")[0] in " ".join((done.stdout + done.stderr).split())
    assert not list(base.glob("grades/*"))
