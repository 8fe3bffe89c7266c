"""``./kit train`` leaves what it has started the time to end in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.checkout import ROOT

# As torchrun does it: on Ctrl-C first end the workers, which takes a while.
LAUNCHER = """
import pathlib, signal, time
try:
    print("begun", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(2)
    pathlib.Path("ended").touch()
"""
TRAIN = f"""
import pathlib, sys
from autograder.release.train import run
run([sys.executable, "-c", {LAUNCHER!r}], pathlib.Path(sys.argv[1]), {{}})
"""


def test_ctrl_c_lets_the_launcher_end_its_workers(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        # A suite that a shell started in the background ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to all in the foreground
    _, errors = process.communicate(timeout=30)
    assert (tmp_path / "ended").exists() and errors.rstrip().endswith("KeyboardInterrupt")
