"""The canary: a tiny honest submission with a known answer. A sandbox in which it earns no point grades nobody.

It goes the way of a student's code: a file beside the notebook, a cell, a probe that returns a tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from autograder.frameworks import NUMPY, TORCH

PROBE = f"{__name__}.gradient"
FILE, FACTOR = "given.txt", 3
# It imports a module that is not preloaded, and reads and writes its own files.
CELL = f"""
import shutil, wave

def given_factor():
    shutil.copy({FILE!r}, "copied.txt")
    with open("copied.txt") as file:
        return int(file.read())
"""
CELLS = {
    TORCH: f"""{CELL}
import torch

def canary(x):
    x = x.clone().requires_grad_()
    (given_factor() * (x @ x.T)).sum().backward()
    return x.grad
""",
    NUMPY: f"""{CELL}
import numpy as np

def canary(x):
    return given_factor() * (np.ones((len(x), len(x)), x.dtype) @ x + np.broadcast_to(x.sum(axis=0), x.shape))
""",
}


def gradient(student: Mapping[str, object], x: object) -> dict[str, object]:
    """The probe: what the canary's function returns for ``x``, (n, d)."""
    return {"gradient": student["canary"](x)}


def hand_in(folder: Path) -> None:
    """Write what lies beside the canary's cell."""
    folder.mkdir(mode=0o700)
    (folder / FILE).write_text(str(FACTOR))


def inputs() -> np.ndarray:
    """Whole numbers, (2, 3), so that float32 gives the answer exactly."""
    return np.array([[1.0, -2.0, 3.0], [0.0, 5.0, 4.0]], np.float32)


def answer(x: np.ndarray) -> np.ndarray:
    """By hand: the sum of all inner products is the squared length of the rows' sum, so each row gets twice that sum."""
    return np.broadcast_to(2 * FACTOR * x.sum(axis=0), x.shape)
