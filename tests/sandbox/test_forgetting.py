"""What the engine was told does not lie in the memory that student code inherits."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys

from tests.checkout import ROOT
from tests.corpus.small import IMPORTS, hand_in, small_bundle

# Looks for the secret in all of its own memory, and, to show that it can find one, for a name that it must hold.
SEARCH = r"""
import ctypes, re

def found(pattern):
    count = 0
    for line in open("/proc/self/maps"):
        span, rights, *_ = line.split()
        start, end = (int(address, 16) for address in span.split("-"))
        if rights.startswith("rw") and end - start < 1 << 28:
            count += len(re.findall(pattern, ctypes.string_at(start, end - start)))
    return count

names = found(rb"SECRET_OF_THE_GRAD[E]R"), found(rb"a-folder-of-the-engin[e]")
own = found(rb"/session-[0-9]") > 0

def nt_xent(z_i, z_j, temperature):
    raise ValueError(f"secrets {names}, own scratch folder {own}")
"""


def test_neither_environment_nor_arguments_of_the_engine_are_inherited(bundle, tmp_path):
    base = tmp_path / "a-folder-of-the-engine"
    settings = small_bundle(bundle, base / "source" / "bundle") / "assignment.toml"
    settings.write_text(settings.read_text().replace("cell_seconds = 2", "cell_seconds = 100").replace("= 10", "= 100"))
    hand_in(base / "submission", (IMPORTS, SEARCH))
    environment = {**os.environ, "SECRET_OF_THE_GRADER": secrets.token_hex(16)}
    command = [sys.executable, "-m", "autograder", "gradescope", str(base)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    told = json.loads((base / "results" / "results.json").read_text())["tests"][0]["output"]
    assert "secrets (0, 0), own scratch folder True" in told
