"""Stock Otter: ``otter generate`` makes the autograder, ``otter run`` grades one submission."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

from benchmarks.stock.checks import CHECKS, FUNCTIONS, references, tests_of
from tests.corpus.hostile import archives, names
from tests.corpus.hostile.attack import Attack

HEAD = """
from otter.test_files import test_case
OK_FORMAT = False
name = "{question}"
points = None
"""
CASE = """
@test_case(points={points}, hidden=True)
def test_{test}(env):
    with open("references.safetensors", "rb") as file:
        check(env["{function}"], file.read(), "{question}", "{test}")
"""


def prepare(folder: Path, key: Path) -> Path:
    """An autograder zip with hidden tests and the references as a support file."""
    tests = folder / "tests"
    tests.mkdir(parents=True)
    for question, function in FUNCTIONS.items():
        rows = [(test, points) for asked, test, points in tests_of(key.parent) if asked == question]
        cases = [CASE.format(test=t, points=p, question=question, function=function) for t, p in rows]
        (tests / f"{question}.py").write_text(HEAD.format(question=question) + CHECKS + "".join(cases))
    (folder / "references.safetensors").write_bytes(references(key))
    options = ["--no-config", "--no-requirements", "--no-environment", "references.safetensors"]
    command = [sys.executable, "-m", "otter", "generate", "-t", "tests", "-o", "autograder.zip", *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "autograder.zip"


def not_applicable(attack: Attack) -> str | None:
    """Why this grader cannot be handed the case, or None."""
    if attack.kit_only:
        return "about a part of this kit"
    if attack.build is archives.deep_folders:
        return "paths of more than 4,096 bytes cannot be copied into its container"
    linked = (archives.linked_folder, archives.linked_notebook, archives.piped_notebook, archives.devices)
    return "otter run takes a file" if attack.build in linked else None


def hand_over(prepared: Path, submission: Path, work: Path, label: str) -> Path:
    """Put the autograder and the submission, as one file, into the container's folder."""
    shutil.copyfile(prepared, work / "autograder.zip")
    if submission.is_file():
        return submission
    others = [path for path in submission.rglob("*") if path.is_file() and path.name != names.NAME]
    if not others:
        return submission / names.NAME
    target = work / f"{label}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path in sorted(submission.rglob("*")):
            if stat.S_ISREG(path.lstat().st_mode):
                name = str(path.relative_to(submission)).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                archive.write(path, name)
    return target


def commands(submission: Path, work: Path, number: int) -> list[list[str]]:
    """What grades one submission."""
    out = work / f"out-{number}"
    out.mkdir()
    return [[sys.executable, "-m", "otter", "run", "-a", str(work / "autograder.zip"), "-o", str(out), str(submission)]]


def score(work: Path, number: int) -> float | None:
    """The score as Otter reports it: the sum over its tests, or None where there is no result."""
    path = work / f"out-{number}" / "results.json"
    try:
        results = json.loads(path.read_text())
        if "score" in results:
            return float(results["score"])
        return float(sum(test.get("score", 0.0) for test in results["tests"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
