"""The grader's own control group is found in both versions of the kernel's interface, in containers too."""

from __future__ import annotations

import os
import signal

import pytest

from autograder.sandbox import cgroup
from autograder.sandbox.cgroup import Hierarchy

VERSION_1 = """\
30 24 0:26 / {cpu} rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct
33 24 0:29 {root} {point} rw,relatime shared:8 - cgroup cgroup rw,memory
"""
VERSION_2 = "27 24 0:24 {root} {point} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.mark.parametrize(
    ("root", "own", "beneath"),
    [
        ("/", "/jobs/7", "jobs/7"),
        ("/", "/", "."),
        ("/docker/a1", "/docker/a1", "."),
        ("/docker/a1", "/docker/a1/x", "x"),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_the_own_group_is_found(tmp_path, version, root, own, beneath):
    mounts = (VERSION_1 if version == 1 else VERSION_2).format(root=root, point=tmp_path, cpu=tmp_path / "cpu")
    groups = f"4:memory:{own}\n3:cpu,cpuacct:/other\n" if version == 1 else f"0::{own}\n"
    (tmp_path / beneath).mkdir(parents=True, exist_ok=True)
    (tmp_path / beneath / "cgroup.controllers").write_text("cpu memory pids\n")
    assert cgroup.find_in(mounts, groups) == Hierarchy(version, tmp_path / beneath)


def test_a_hierarchy_without_the_memory_controller_is_none(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n")
    assert cgroup.find_in(VERSION_2.format(root="/", point=tmp_path), "0::/\n") is None
    assert cgroup.find_in("", "0::/\n") is None


@pytest.mark.skipif(cgroup.missing() is not None, reason=f"no group can be made here: {cgroup.missing()}")
def test_a_group_ends_a_process_that_takes_too_much_and_can_be_removed():
    group, other = (cgroup.find().make(50 << 20) for _ in range(2))
    assert group != other
    cgroup.remove(other)
    try:
        child = os.fork()
        if child == 0:
            cgroup.join(group)
            kept = b"x" * (200 << 20)
            os._exit(len(kept) == 0)
        _, status = os.waitpid(child, 0)
    finally:
        cgroup.remove(group)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert not group.exists()
