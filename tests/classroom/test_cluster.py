"""Grading on a Dask cluster: a real scheduler and real workers, one of which is killed half-way."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.classroom.cluster import Cluster
from autograder.errors import KitError
from tests.checkout import ROOT
from tests.classroom.conftest import hand_in

STUDENTS = 8


def dask(*arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "dask", *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **quiet)


def ended(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def scheduler(folder: Path) -> tuple[subprocess.Popen, str]:
    """A scheduler without workers, and its address."""
    file = folder / "scheduler.json"
    process = dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    end = time.monotonic() + 60
    while not file.is_file():
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.1)
    time.sleep(0.2)
    return process, json.loads(file.read_text())["address"]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    process, address = scheduler(tmp_path_factory.mktemp("dask"))
    yield address
    ended(process)


@pytest.fixture
def workers(address, tmp_path):
    """Two workers with one thread each."""
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path / "dask"))
    started = [dask("worker", address, *options, "--name", f"worker-{number}") for number in range(2)]
    yield started
    for process in started:
        ended(process)


def cluster(address, bundle):
    return Cluster(address, bundle, "cifar10", None, False)


def test_a_worker_that_is_killed_has_its_submissions_graded_elsewhere_and_once(room, address, workers, tmp_path):
    work = hand_in(tmp_path / "class", **{f"s{number}": "right" for number in range(STUDENTS)})
    done = []

    def count(plan, report):
        done.append(plan.folder.name)
        if len(done) == 3:
            ended(workers[0])

    with cluster(address, room.bundle) as both:
        both.client.wait_for_workers(2, timeout=60)
    result = room.grade(work, workers=cluster(address, room.bundle), done=count)
    assert workers[0].poll() is not None and workers[1].poll() is None
    assert sorted(done) == sorted(f"s{number}" for number in range(STUDENTS))
    assert (result.graded, result.failures) == (STUDENTS, [])
    assert {room.points(f"s{number}") for number in range(STUDENTS)} == {8}


def test_a_scheduler_that_dies_ends_in_a_sentence_and_keeps_what_was_graded(room, tmp_path):
    work = hand_in(tmp_path / "class", **{f"s{number}": "right" for number in range(4)})
    process, address = scheduler(tmp_path)
    worker = dask("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    result = room.grade(work, workers=cluster(address, room.bundle), done=lambda plan, report: ended(process))
    ended(worker)
    assert 1 <= result.graded < 4 and result.graded + len(result.failures) == 4
    assert all("lost the connection to the scheduler" in failure for failure in result.failures)
    assert len(list(room.out.glob("*/record.json"))) == result.graded
    room.grade(work)
    assert len(room.run) == 4 - result.graded and room.points("s3") == 8


def test_a_worker_that_sees_another_bundle_or_no_submission_says_so(room, address, workers, tmp_path):
    work = hand_in(tmp_path / "class", ada="right", bob="right")
    other = cluster(address, room.bundle)
    setup = other.setup
    other.setup = replace(setup, content="another")
    result = room.grade(work, workers=other)
    assert result.graded == 0 and all("update its checkout" in failure for failure in result.failures)
    other = cluster(address, room.bundle)
    other.setup = replace(setup, bundle=tmp_path / "nowhere", content="another")
    result = room.grade(work, workers=other)
    assert result.graded == 0 and all("file system that all workers share" in failure for failure in result.failures)


def test_a_scheduler_that_is_not_there(room):
    with (
        pytest.raises(KitError, match="no Dask scheduler answers at tcp://127.0.0.1:9"),
        cluster("tcp://127.0.0.1:9", room.bundle),
    ):
        pass
    with pytest.raises(KitError, match="no Dask scheduler answers at nonsense"), cluster("nonsense", room.bundle):
        pass


def test_a_scheduler_without_workers(room, address, monkeypatch):
    monkeypatch.setattr("autograder.classroom.cluster.WORKERS_SECONDS", 1)
    with pytest.raises(KitError, match="has no workers; start one with: dask worker"), cluster(address, room.bundle):
        pass
