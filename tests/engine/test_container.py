"""What a container leaves is read from its control groups, of both versions."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from autograder.engine import container
from tests.checkout import ROOT

MB = 1 << 20


def write(folder: Path, **files: str) -> Path:
    """A group's folder with these files, ``__`` in a name for its dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")
    return folder


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"memory__max": str(768 * MB), "memory__stat": f"anon {300 * MB}\nfile {400 * MB}\nshmem {8 * MB}"}, 460),
        ({"memory__max": "max", "memory__stat": "anon 5\nshmem 0"}, None),
        (
            {
                "memory__limit_in_bytes": str(500 * MB),
                "memory__stat": f"rss 1\ntotal_rss {200 * MB}\ntotal_shmem {MB}\ntotal_cache {400 * MB}",
            },
            299,
        ),
        ({}, None),
    ],
)
def test_memory_left_is_the_limit_less_what_is_in_no_file(tmp_path, files, left):
    assert container.memory_left(write(tmp_path, **files)) == (left and left * MB)


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"cpu__max": "50000 100000"}, 0.5),
        ({"cpu__max": "max 100000"}, None),
        ({"cpu__cfs_quota_us": "150000", "cpu__cfs_period_us": "100000"}, 1.5),
        ({"cpu__cfs_quota_us": "-1", "cpu__cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_the_share_of_processors_is_quota_by_period(tmp_path, files, share):
    assert container.processor_share(write(tmp_path, **files)) == share


def test_groups_go_from_the_inner_to_the_outer_in_both_versions(tmp_path):
    own = tmp_path / "own"
    own.write_text("4:memory:/course/grader\n2:cpu,cpuacct:/\n0::/course/grader\n")
    for folder in ("memory/course/grader", "cpu", "course/grader"):
        (tmp_path / "mounted" / folder).mkdir(parents=True)
    found = [str(folder.relative_to(tmp_path)) for folder in container.groups("memory", own, tmp_path / "mounted")]
    assert found == [
        *("mounted/memory/course/grader", "mounted/memory/course", "mounted/memory"),
        *("mounted/course/grader", "mounted/course", "mounted"),
    ]
    assert next(container.groups("cpu", own, tmp_path / "mounted")) == tmp_path / "mounted" / "cpu"


def test_a_container_that_is_told_its_place_on_the_host_finds_its_own_group(tmp_path):
    own = tmp_path / "own"
    own.write_text("0::/system.slice/docker-1234.scope\n")
    mounted = write(tmp_path / "mounted", cpu__max="50000 100000")
    assert list(container.groups("cpu", own, mounted)) == [mounted]
    own.write_text("0::/../outside\n")
    assert list(container.groups("cpu", own, mounted)) == [mounted]


def test_no_groups_at_all_leave_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "OWN_GROUPS", tmp_path / "none")
    assert container.processors() == len(os.sched_getaffinity(0))
    assert 0 < container.free_memory() <= psutil.virtual_memory().total


ASK = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from autograder.engine.container import free_memory, processors
held = bytearray(32 << 20)
print(free_memory() >> 20, processors())
"""


def test_real_limits_are_seen(tmp_path):
    from benchmarks.submission import limited, remove

    groups = []
    try:
        groups = limited(0.5, 400)
    except OSError as error:
        pytest.skip(f"no control group with limits can be made here: {error.strerror}")
    try:
        enter = "".join(f"echo $$ > {group}/cgroup.procs; " for group in groups)
        command = ["sh", "-c", f'{enter}exec "$@"', "sh", sys.executable, "-c", ASK]
        left, processors = map(int, subprocess.check_output(command, text=True).split())
    finally:
        for group in groups:
            remove(group)
    assert 250 < left <= 400 - 32
    assert processors == 1
