"""Every hostile case, graded by the real engine: no point more, nothing learned, nothing left, the grader as before."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from autograder.frontends import gradescope
from autograder.sandbox import layers
from autograder.sandbox.leftovers import remove_tree
from tests.corpus import small
from tests.corpus.hostile import CLASSES
from tests.corpus.hostile.attack import Attack
from tests.corpus.hostile.pieces import ATTEMPT, KEY_THIEF, WRONG

LOOT = ("STOLEN", "GAINED the")
SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue")

CASES = [pytest.param(attack, id=f"{attack.id}") for attacks in CLASSES.values() for attack in attacks]


def test_every_case_has_a_name_of_its_own():
    names = [attack.id for attacks in CLASSES.values() for attack in attacks]
    assert len(names) == len(set(names)) and len(names) >= 75


@pytest.fixture
def handed_in(tmp_path):
    """The place of a submission; pytest could not remove a deep one."""
    yield tmp_path / "handed-in"
    remove_tree(tmp_path / "handed-in")


@pytest.mark.parametrize("attack", CASES)
def test_no_attack_gains_anything(grader, tmp_path, handed_in, attack):
    if reason := attack.hindrance():
        pytest.skip(reason)
    parent, before, files = grader.sandbox.pid, members(grader), shared_files()
    earlier = grader.grade(attack.hand_in_earlier(tmp_path / "earlier")) if attack.earlier else None
    submission = attack.hand_in(handed_in)
    started = time.monotonic()
    report = grader.grade(submission)
    seconds = time.monotonic() - started
    left = shared_files() - files
    problems = [
        *wrong_score(attack, report),
        *learned(report),
        *(learned(earlier) if earlier else ()),
        *([f"it took {seconds:.0f} seconds"] if seconds > attack.seconds else ()),
        *([] if grader.sandbox.pid == parent and psutil.pid_exists(parent) else ["the sandbox's parent was lost"]),
        *(f"process {process} is left" for process in sorted(stay(grader, members(grader) - before))),
        *(f"{path} is left" for path in sorted(left)),
        *(f"{path} is left" for path in grader.sandbox.root.glob("session-*")),
        *(f"the grader failed: {note}" for note in report.notes if "the grader failed" in note),
        *(attack.check(grader, report, handed_in) if attack.check else ()),
    ]
    tidy(shared_files() - files)
    assert not problems, "\n".join([attack.must_not, *problems])


def test_an_honest_submission_earns_everything_after_all_of_them(grader, tmp_path):
    assert grader.grade(small.hand_in(tmp_path / "honest", small.HONEST)).score == small.FULL


@pytest.mark.parametrize(
    ("cells", "points"), [((WRONG,), 0.0), ((small.IMPORTS, small.NT_XENT), 8.0), ((small.IMPORTS,), 0.0)]
)
def test_what_the_cases_are_built_on_earns_what_they_say(grader, tmp_path, cells, points):
    assert grader.grade(small.hand_in(tmp_path / "base", cells)).score == points


def test_a_thief_earns_everything_where_a_key_can_be_read(grader, tmp_path):
    """The cases of stealing can win: beside the notebook the key is found, recognised and answered from."""
    search = "take(open('found/notes.txt', 'rb').read(), 'found')"
    files = {"found/notes.txt": (grader.bundle / "key.safetensors").read_bytes()}
    assert grader.grade(small.hand_in(tmp_path / "thief", (ATTEMPT, KEY_THIEF, search), files)).score == small.FULL


def wrong_score(attack: Attack, report: object) -> list[str]:
    """A sentence where the submission earned more than it deserves, or less than it may."""
    least = attack.honest if attack.least is None else attack.least
    if least <= report.score <= attack.honest:
        return []
    told = "; ".join(f"{v.question} {v.test}: {v.points:g} {v.message[:200]}" for v in report.verdicts)
    return [f"it earned {report.score:g}, deserved {least:g} to {attack.honest:g} ({told}; {report.remarks})"]


def learned(report: object) -> list[str]:
    """What a thief says that it found."""
    texts = str(gradescope.results(report)) + " ".join(verdict.detail for verdict in report.verdicts)
    return [texts[texts.index(word) :][:300] for word in LOOT if word in texts]


def members(grader: object) -> set[tuple[int, float]]:
    """Processes of the sandbox: descendants of the preloaded parent, and what runs under a fresh user as nobody's child."""
    found = set(psutil.Process(grader.sandbox.pid).children(recursive=True))
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real in FRESH_USERS and process.ppid() == 1:
                found.add(process)
    return {(process.pid, process.create_time()) for process in found}


def stay(grader: object, processes: set[tuple[int, float]]) -> set[tuple[int, float]]:
    """Those that are still there after a moment: other tests beside this one end processes of their own."""
    if processes:
        time.sleep(2)
    return processes & members(grader)


FRESH_USERS = frozenset(layers.FRESH_UIDS) if os.geteuid() == 0 else frozenset()


def shared_files() -> set[Path]:
    """What lies in folders that everybody may write to under the marks of the cases or of a fresh user."""
    found = set()
    for folder in SHARED_FOLDERS:
        for path in Path(folder).glob("*") if Path(folder).is_dir() else ():
            with suppress(OSError):
                # What tests/sandbox/test_promises.py tries at the same time has a mark of its own.
                fresh = path.lstat().st_uid in FRESH_USERS and "left-behind" not in path.name
                if "hostile" in path.name or fresh:
                    found.add(path)
    return found


def tidy(paths: set[Path]) -> None:
    """Remove what a case left, so that it does not fail the next one."""
    for path in paths:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
