"""The zip laid out as Gradescope does, and its script run; the environment that setup.sh would make is this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path


def lay_out(zipped: Path, base: Path) -> Path:
    """Make ``/autograder`` at ``base``: the zip in ``source``, and empty ``submission`` and ``results``."""
    for folder in ("source", "submission", "results"):
        (base / folder).mkdir(parents=True)
    with zipfile.ZipFile(zipped) as archive:
        for info in archive.infolist():
            path = Path(archive.extract(info, base / "source"))
            path.chmod((info.external_attr >> 16) & 0o777)
    shutil.copy(base / "source" / "run_autograder", base / "run_autograder")
    (base / "venv").symlink_to(sys.prefix)
    return base


def run(base: Path, **options: object) -> subprocess.CompletedProcess:
    """Run the script as Gradescope does: from another folder, with nearly no environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(base)}
    return subprocess.run(
        [base / "run_autograder"], cwd="/", env=environment, capture_output=True, text=True, **options
    )
