"""Probes of the noise schedules: ``function(T, **settings)`` returns β, α, ᾱ and the posterior variance, (T,) each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.probing import as_tensor, described, global_state_kept
from autograder.questions.side_effects.probes import side_effects

from ..probes import Schedule

Student = Mapping[str, Callable]
PARTS = Schedule._fields
FORWARD = PARTS[:3]
LAST = 8  # of a thinned part the steps at its end, one by one: small numbers are there


class NoSchedule(TypeError):
    """A function of a schedule returned something else."""


class WrongLength(ValueError):
    """A tensor of a schedule does not have one entry for each step."""


class OneTooMany(WrongLength):
    """It has T + 1 entries."""


class OneTooFew(WrongLength):
    """It has T − 1 entries."""


def schedule_beta(student: Student, function: str, T: int, every: int = 1, **settings: float) -> dict[str, Tensor]:
    """``beta`` and ``alpha`` in float32: at each ``every``-th step and at the last ones, if ``every`` is more than 1."""
    return _thinned(_called(student, function, T, settings, ("beta", "alpha")), every, torch.float32)


def schedule_alpha_bar(student: Student, function: str, T: int, every: int = 1, **settings: float) -> dict[str, Tensor]:
    """``alpha_bar`` in float32 at the same steps."""
    return _thinned(_called(student, function, T, settings, ("alpha_bar",)), every, torch.float32)


def schedule_posterior(student: Student, function: str, T: int, every: int = 1, **settings: float) -> dict[str, Tensor]:
    """``posterior_variance`` in float32 at the same steps."""
    return _thinned(_called(student, function, T, settings, ("posterior_variance",)), every, torch.float32)


def schedule_products(student: Student, function: str, T: int, every: int = 1, **settings: float) -> dict[str, Tensor]:
    """All four tensors at the same steps, in their own dtypes."""
    return _thinned(_called(student, function, T, settings, PARTS), every)


def schedule_whole(student: Student, function: str, T: int, every: int = 1, **settings: float) -> dict[str, Tensor]:
    """All four tensors at all steps, in their own dtypes."""
    return _called(student, function, T, settings, PARTS)


def schedule_side_effects(student: Student, function: str, T: int, **settings: float) -> dict[str, Tensor]:
    """What ``side_effects`` returns for β, α and ᾱ, one after the other, in float32; and all four tensors of the first
    call, β of shape (T,) and the others of any shape."""
    schedules = []

    def call() -> Tensor:
        parts = _parts(student[function](T, **settings), function, PARTS)
        _one_per_step(parts["beta"], "beta", function, T)
        schedules.append(parts)
        return torch.cat([parts[name].float().flatten() for name in FORWARD])

    return {**side_effects(call, {}), **schedules[0]}


def _called(
    student: Student, function: str, T: int, settings: Mapping[str, float], names: tuple[str, ...]
) -> dict[str, Tensor]:
    """The named tensors of the schedule that a call gives, (T,) each. Raises NoSchedule, WrongLength."""
    with global_state_kept():
        parts = _parts(student[function](T, **settings), function, names)
    return {name: _one_per_step(part, name, function, T) for name, part in parts.items()}


def _thinned(parts: Mapping[str, Tensor], every: int, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    def some(part: Tensor) -> Tensor:
        return torch.cat([part[:-LAST:every], part[-LAST:]]) if every > 1 else part

    return {name: some(part.to(dtype) if dtype else part) for name, part in parts.items()}


def _parts(answer: object, function: str, names: tuple[str, ...]) -> dict[str, Tensor]:
    """The named tensors of a schedule: by their names where it has them, else by their places among the four.

    Raises:
        NoSchedule: it has neither.
    """
    if all(hasattr(answer, name) for name in PARTS):
        found = {name: getattr(answer, name) for name in names}
    elif isinstance(answer, tuple | list) and len(answer) == len(PARTS):
        found = {name: answer[PARTS.index(name)] for name in names}
    else:
        length = f" of {len(answer)}" if isinstance(answer, tuple | list) else ""
        raise NoSchedule(f"{function} returns {described(answer)}{length}; return Schedule({', '.join(PARTS)})")
    return {name: as_tensor(part, f"{name} of {function}") for name, part in found.items()}


def _one_per_step(part: Tensor, name: str, function: str, T: int) -> Tensor:
    """The part itself. Raises WrongLength."""
    wanted = "it has one for each of the T steps, shape (T,)"
    match tuple(part.shape):
        case (length,) if length == T:
            return part
        case (length,) if length == T + 1:
            raise OneTooMany(f"{name} of {function} has one entry too many; {wanted}")
        case (length,) if length == T - 1:
            raise OneTooFew(f"{name} of {function} has one entry too few; {wanted}")
        case (length,):
            raise WrongLength(f"{name} of {function} has another number of entries; {wanted}")
        case shape:
            raise WrongLength(f"{name} of {function} has {len(shape)} axes; {wanted}")
