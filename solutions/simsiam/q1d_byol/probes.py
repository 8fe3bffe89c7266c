"""Probes of q1d: ``ema_update`` of two small networks, and ``tau_schedule``. Those of the loss are the assignment's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from autograder.questions.losses.probes import Student
from autograder.questions.probing import as_number, global_state_kept


NUMBERS = 17  # parameters and buffers of ``_network``


def _network(numbers: Tensor, trainable: bool) -> nn.Module:
    """A layer and a batch norm, of which the last five ``numbers`` are the buffers."""
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).to(numbers.dtype)
    parts = [*network.parameters(), *network.buffers()]
    with torch.no_grad():
        for tensor, part in zip(parts, numbers.split([tensor.numel() for tensor in parts]), strict=True):
            tensor.copy_(part.view(tensor.shape) if tensor.is_floating_point() else (100 * part[0]).round().abs())
    return network.requires_grad_(trainable)


def _numbers(tensors: object, like: Tensor) -> Tensor:
    return torch.cat([tensor.detach().flatten().to(like.dtype) for tensor in tensors])


def average(student: Student, online: Tensor, target: Tensor, taus: Tensor) -> dict[str, Tensor]:
    """One step of the average for each of ``taus`` (m,); every other target is frozen, as BYOL's is.

    Args:
        online, target: the numbers of both networks, (m, 17).

    Returns:
        ``parameters``, ``buffers`` of the targets afterwards, (m, 12) and (m, 5); ``online``: how much those of the online
        networks changed, (m, 17); ``replaced``, ``with_graph``, ``switched``: how many parameters are other objects, have a
        graph, require gradients unlike before; ``gradients_off``: after how many calls gradients are off; ``shared``: how
        many numbers of the targets change with the online networks later; ``modes``: how many modules are in another mode;
        ``rng_bytes``: how many bytes of torch's global random state changed.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in ("parameters", "buffers", "online")}
    replaced, with_graph, switched, gradients_off, shared, modes, rng_bytes = 0, 0, 0, 0, 0, 0, 0
    for number, tau in enumerate(taus.tolist()):
        frozen = number % 2 == 0
        student_network, teacher = _network(online[number], True), _network(target[number], not frozen)
        student_network.train(frozen)
        modules, state = [*student_network.modules(), *teacher.modules()], torch.get_rng_state()
        training = [module.training for module in modules]
        before, old = _numbers(student_network.state_dict().values(), online), list(teacher.parameters())
        with global_state_kept():
            torch.set_grad_enabled(True)
            student["ema_update"](student_network, teacher, tau)
            gradients_off += not torch.is_grad_enabled()
            rng_bytes += int((torch.get_rng_state() != state).sum())
        new = list(teacher.parameters())
        replaced += sum(one is not other for one, other in zip(old, new)) + abs(len(old) - len(new))
        with_graph += sum(not parameter.is_leaf for parameter in new)
        switched += sum(parameter.is_leaf and parameter.requires_grad is frozen for parameter in new)
        switched += sum(not parameter.requires_grad for parameter in student_network.parameters())
        modes += sum(module.training is not mode for module, mode in zip(modules, training))
        found["parameters"].append(_numbers(new, target))
        found["buffers"].append(_numbers(teacher.buffers(), target))
        found["online"].append(_numbers(student_network.state_dict().values(), online) - before)
        with torch.no_grad():
            for tensor in (*student_network.parameters(), *student_network.buffers()):
                tensor.add_(1)
        late = torch.cat([_numbers(teacher.parameters(), target), _numbers(teacher.buffers(), target)])
        shared += int((late != torch.cat([found["parameters"][-1], found["buffers"][-1]])).sum())
    counted = {"replaced": replaced, "with_graph": with_graph, "switched": switched, "gradients_off": gradients_off}
    counted |= {"shared": shared, "modes": modes, "rng_bytes": rng_bytes}
    return {
        **{name: torch.stack(rows) for name, rows in found.items()},
        **{name: torch.tensor(count) for name, count in counted.items()},
    }


def schedule(student: Student, steps: Tensor, totals: Tensor, tau0: Tensor) -> dict[str, Tensor]:
    """``taus``: what ``tau_schedule`` returns for each step, total and tau0, (m,) each."""
    given = zip(steps.tolist(), totals.tolist(), tau0.tolist())
    taus = [as_number(student["tau_schedule"](*one), tau0.dtype, "What tau_schedule returns") for one in given]
    return {"taus": torch.stack(taus)}
