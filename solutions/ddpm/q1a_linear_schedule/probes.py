"""Probes of the noise schedules: ``function(T, **settings)`` returns β, α, ᾱ and the posterior variance, (T,) each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.probing import as_tensor, described, global_state_kept
from autograder.questions.side_effects.probes import side_effects

from ..probes import Schedule

Student = Mapping[str, Callable]
FORWARD, POSTERIOR = Schedule._fields[:3], Schedule._fields[3:]


class NoSchedule(TypeError):
    """A function of a schedule returned something else."""


def schedule_forward(student: Student, function: str, T: int, every: int = 1, **settings: float) -> dict[str, Tensor]:
    """``beta``, ``alpha`` and ``alpha_bar`` at each ``every``-th step from the first on, in float32."""
    return _in_float32(_called(student, function, T, settings, FORWARD), every)


def schedule_posterior(student: Student, function: str, T: int, every: int = 1, **settings: float) -> dict[str, Tensor]:
    """``posterior_variance`` at each ``every``-th step from the first on, in float32."""
    return _in_float32(_called(student, function, T, settings, POSTERIOR), every)


def schedule_posterior_and_dtype(
    student: Student, function: str, T: int, every: int = 1, **settings: float
) -> dict[str, Tensor]:
    """All four tensors at each ``every``-th step from the first on, in their own dtypes."""
    parts = _called(student, function, T, settings, Schedule._fields)
    return {name: part[::every] for name, part in parts.items()}


def schedule_side_effects(student: Student, function: str, T: int, **settings: float) -> dict[str, Tensor]:
    """What ``side_effects`` returns for β, α and ᾱ, (3, T), in float32; and all four tensors of the first call."""
    schedules = []

    def call() -> Tensor:
        parts = _parts(student[function](T, **settings), function, Schedule._fields)
        schedules.append(parts)
        return torch.stack([parts[name].float() for name in FORWARD])

    return {**side_effects(call, {}), **schedules[0]}


def _called(
    student: Student, function: str, T: int, settings: Mapping[str, float], names: tuple[str, ...]
) -> dict[str, Tensor]:
    """The named tensors of the schedule that a call gives."""
    with global_state_kept():
        return _parts(student[function](T, **settings), function, names)


def _in_float32(parts: Mapping[str, Tensor], every: int) -> dict[str, Tensor]:
    return {name: part[::every].float() for name, part in parts.items()}


def _parts(answer: object, function: str, names: tuple[str, ...]) -> dict[str, Tensor]:
    """The named tensors of a schedule: by their names where it has them, else by their places among the four.

    Raises:
        NoSchedule: it has neither.
    """
    if all(hasattr(answer, name) for name in Schedule._fields):
        found = {name: getattr(answer, name) for name in names}
    elif isinstance(answer, tuple | list) and len(answer) == len(Schedule._fields):
        found = {name: answer[Schedule._fields.index(name)] for name in names}
    else:
        length = f" of {len(answer)}" if isinstance(answer, tuple | list) else ""
        raise NoSchedule(
            f"{function} returns {described(answer)}{length}; return Schedule({', '.join(Schedule._fields)})"
        )
    return {name: as_tensor(part, f"{name} of {function}") for name, part in found.items()}
