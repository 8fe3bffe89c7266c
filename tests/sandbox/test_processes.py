"""What is to be ended is ended; nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from autograder.sandbox import processes

NOBODY_ELSE = 61000  # a user that the graders do not use
FAMILY = (
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); input()"
)


def test_tasks_of_this_user_are_counted():
    before = processes.tasks_of(os.getuid())
    with subprocess.Popen(["sleep", "60"]) as process:
        assert before >= 1 and processes.tasks_of(os.getuid()) >= 2
        process.kill()


def test_a_whole_family_is_ended():
    bystander = subprocess.Popen(["sleep", "60"])
    parent = subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE)
    while not processes.descendants(parent.pid):
        pass
    (child,) = processes.descendants(parent.pid)
    family = [psutil.Process(parent.pid), child]
    assert processes.kill_all(
        lambda: [p for p in family if p.is_running() and p.status() != "zombie"], None, lambda: None, lambda: False
    )
    assert parent.wait() == -signal.SIGKILL and bystander.poll() is None
    bystander.kill()
    bystander.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a process as another user")
def test_what_a_fresh_user_has_left_is_ended_after_its_worker():
    orphan = subprocess.Popen(["sleep", "60"], user=NOBODY_ELSE)
    assert processes.tasks_of(NOBODY_ELSE) == 1
    assert processes.kill_all(lambda: [], NOBODY_ELSE, orphan.poll, lambda: True)
    assert orphan.poll() == -signal.SIGKILL and processes.tasks_of(NOBODY_ELSE) == 0
