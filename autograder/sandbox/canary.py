"""The canary: a tiny honest submission with a known answer. A sandbox in which it earns no point grades nobody.

It goes the way of a student's code: a file beside the notebook, a cell, a probe that returns a tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

PROBE = f"{__name__}.gradient"
FILE, FACTOR = "given.txt", 3
# It imports a module that is not preloaded, and reads and writes its own files.
CELL = f"""
import shutil, wave
import torch

def canary(x):
    shutil.copy({FILE!r}, "copied.txt")
    with open("copied.txt") as file:
        factor = int(file.read())
    x = x.clone().requires_grad_()
    (factor * (x @ x.T)).sum().backward()
    return x.grad
"""


def gradient(student: Mapping[str, object], x: torch.Tensor) -> dict[str, torch.Tensor]:
    """The probe: what the canary's function returns for ``x``, (n, d)."""
    return {"gradient": student["canary"](x)}


def hand_in(folder: Path) -> None:
    """Write what lies beside the canary's cell."""
    folder.mkdir(mode=0o700)
    (folder / FILE).write_text(str(FACTOR))


def inputs() -> torch.Tensor:
    """Whole numbers, (2, 3), so that float32 gives the answer exactly."""
    return torch.tensor([[1.0, -2.0, 3.0], [0.0, 5.0, 4.0]])


def answer(x: torch.Tensor) -> torch.Tensor:
    """By hand: the sum of all inner products is the squared length of the rows' sum, so each row gets twice that sum."""
    return (2 * FACTOR * x.sum(0)).expand_as(x)
