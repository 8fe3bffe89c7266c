"""Probes for the sandbox's own tests; imported by the preloaded parent as an assignment's probes are."""

from __future__ import annotations

import torch


def apply(student, function, **tensors):
    """What the student's ``function`` returns, as the answer itself."""
    return student[function](**tensors)


def result(student, function):
    """What the student's ``function()`` returns, under the name ``result``."""
    return {"result": student[function]()}


def true(student, function):
    """1 where the student's ``function()`` returns something true."""
    return {"result": torch.tensor(int(bool(student[function]())))}


def text(student, function):
    """The student's ``function()`` as the bytes of a string."""
    return {"result": torch.tensor(list(str(student[function]()).encode()), dtype=torch.uint8)}
