"""The attacks and the sandbox's promises once more, by an ordinary user: other layers carry them there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.sandbox import linux

SCRIPT = Path(__file__).resolve().parents[1] / "as_ordinary_user.py"
TESTS = (
    *("tests/corpus/test_hostile.py", "tests/corpus/test_honest.py", "tests/corpus/test_files.py"),
    *("tests/sandbox/test_promises.py", "tests/engine/test_endings.py"),
)


@pytest.mark.skipif(os.geteuid() != 0, reason="the suite itself runs as an ordinary user")
def test_an_ordinary_user_is_as_safe_and_as_fair(bundle):
    if not linux.has_capability(linux.CAP_SYS_ADMIN):
        pytest.skip("this container's root cannot open Python's folders to another user")
    done = subprocess.run([sys.executable, str(SCRIPT), "-q", "-x", *TESTS], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
