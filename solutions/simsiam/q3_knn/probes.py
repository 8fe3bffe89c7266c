"""Probes of q3: ``knn_accuracy`` of given features and labels."""

from __future__ import annotations

import torch
from torch import Tensor

from autograder.questions.losses.probes import Student
from autograder.questions.probing import as_number, global_state_kept
from autograder.questions.side_effects.probes import side_effects


INPUTS = ("train_h", "train_y", "test_h", "test_y")


def _accuracy(student: Student, given: dict[str, Tensor], k: int, temperature: float) -> Tensor:
    returned = student["knn_accuracy"](*(given[name] for name in INPUTS), k, temperature)
    return as_number(returned, given["train_h"].dtype, "What knn_accuracy returns")


def accuracies(student: Student, ks: Tensor, temperatures: Tensor, **given: Tensor) -> dict[str, Tensor]:
    """``accuracy_<number>``: what the function returns for each k and temperature, 0-d."""
    found = {}
    with global_state_kept():
        for number, (k, temperature) in enumerate(zip(ks.tolist(), temperatures.tolist(), strict=True)):
            copies = {name: tensor.clone() for name, tensor in given.items()}
            found[f"accuracy_{number}"] = _accuracy(student, copies, k, temperature)
    return found


def chunks(
    student: Student,
    test_h: Tensor,
    test_y: Tensor,
    repeated: int,
    times: int,
    k: int,
    temperature: float,
    **bank: Tensor,
) -> dict[str, Tensor]:
    """``all``: the accuracy of so many ``times`` the first ``repeated`` queries and then the others; ``first``, ``last``: that
    of either; ``sizes``: how many queries each of them has in all."""
    (h, more_h), (y, more_y) = (rows.split([repeated, len(rows) - repeated]) for rows in (test_h, test_y))
    everything = torch.cat([h.repeat(times, 1), more_h]), torch.cat([y.repeat(times), more_y])
    found = {"sizes": torch.tensor([times * repeated, len(more_y)])}
    with global_state_kept():
        for name, (queries, labels) in {"all": everything, "first": (h, y), "last": (more_h, more_y)}.items():
            given = {**bank, "test_h": queries, "test_y": labels}
            given = {name: tensor.clone() for name, tensor in given.items()}
            found[name] = _accuracy(student, given, k, temperature)
    return found


def conduct(student: Student, ks: Tensor, temperatures: Tensor, **given: Tensor) -> dict[str, Tensor]:
    """What ``side_effects`` returns for the third k; ``value_other``: the accuracy where all rows of the bank have the label
    8, which no query has; ``other_train_h``, ``other_test_h``: those where these features come in other orders, (2,) each."""
    setting = int(ks[2]), float(temperatures[2])
    effects = side_effects(lambda **copies: _accuracy(student, copies, *setting), given)

    def changed(name: str, other: Tensor) -> Tensor:
        copies = {name: tensor.clone() for name, tensor in given.items()}
        return _accuracy(student, {**copies, name: other}, *setting)

    with global_state_kept():
        effects["value_other"] = changed("train_y", 0 * given["train_y"] + 8)
        for name in ("train_h", "test_h"):
            effects[f"other_{name}"] = torch.stack([changed(name, given[name].roll(rows, 0)) for rows in (7, 12)])
    return effects
