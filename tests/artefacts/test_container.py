"""What a container leaves is read from its control groups, of both versions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.artefacts import container
from tests.checkout import ROOT


def write(folder: Path, **files: str) -> Path:
    """A group's folder with these files, ``__`` in a name for its dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")
    return folder


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


ASK = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from autograder.artefacts.container import processors
print(processors())
"""


def test_a_real_limit_is_seen():
    from benchmarks.submission import limited, remove

    groups = []
    try:
        groups = limited(0.5, None)
    except OSError as error:
        pytest.skip(f"no control group with limits can be made here: {error.strerror}")
    try:
        enter = "".join(f"echo $$ > {group}/cgroup.procs; " for group in groups)
        command = ["sh", "-c", f'{enter}exec "$@"', "sh", sys.executable, "-c", ASK]
        processors = int(subprocess.check_output(command, text=True))
    finally:
        for group in groups:
            remove(group)
    assert processors == 1
