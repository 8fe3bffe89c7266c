"""What a worker needs for an assignment in NumPy, under the names of ``torch_side``: nearly nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autograder.frameworks import NUMPY
from autograder.protocol import plain_array
from autograder.sandbox.npz import UnreadableCheckpoint

FRAMEWORK = NUMPY
plain = plain_array


def load(path: Path | str) -> dict[str, np.ndarray]:
    """Raises UnreadableCheckpoint: such an assignment has no checkpoints of torch."""
    raise UnreadableCheckpoint(f"{Path(path).name[:100]} is no .npz file; save it with numpy.savez.")


def prepare(threads: int) -> None:
    """The environment of a worker limits the threads of its linear algebra."""


def fresh_state(threads: int) -> None:
    """Undo what cells or probes have changed in NumPy, beside what a worker undoes for all."""
    np.setbufsize(8192)
    if np.get_printoptions() != PRINTED:
        np.set_printoptions(**PRINTED)


def install() -> None:
    """There is nothing to replace."""


PRINTED = np.get_printoptions()
