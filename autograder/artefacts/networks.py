"""Puts the tensors of a checkpoint into a network of the kit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from autograder.errors import CheckpointError
from autograder.text import one_line, quoted

COUNTER = "num_batches_tracked"  # of a batch norm: a whole number, which the sandbox leaves out
NAMED = 3  # tensors in a sentence

Tensors = Mapping[str, torch.Tensor]


def part_of(tensors: Tensors, known: str, title: str) -> dict[str, torch.Tensor]:
    """The tensors of a network, by their names in it: those with the prefix of its tensor ``known``.

    If there are several such networks, the averaged one ("ema" in its prefix), else the first.

    Raises:
        CheckpointError: there is none. ``title`` names the network in the sentence: "There is no U-Net …".
    """
    prefixes = [name.removesuffix(known) for name in tensors if name == known or name.endswith(f".{known}")]
    if not prefixes:
        shown = ", ".join(
            f"{quoted(name, 60)} {short(tuple(tensor.shape))}" for name, tensor in list(tensors.items())[:3]
        )
        raise CheckpointError(f"There is no {title} among the {len(tensors)} tensors. The first tensors are {shown}.")
    prefix = next((prefix for prefix in prefixes if "ema" in prefix.lower()), prefixes[0])
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def filled(model: nn.Module, state: Tensors, title: str) -> nn.Module:
    """``model`` with the tensors of ``state``, in eval mode and without gradients.

    Raises:
        CheckpointError: a tensor is missing, has another shape, or holds NaN or infinity.
    """
    for name, wanted in model.state_dict().items():
        if name.endswith(COUNTER):
            continue
        tensor, shape = state.get(name), tuple(wanted.shape)
        if tensor is None:
            raise CheckpointError(f"The {title} lacks {name}; save a complete network.")
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f"The {title}'s {name} has shape {short(tuple(tensor.shape))}; the other tensors need {shape}."
            )
        if not tensor.isfinite().all():
            raise CheckpointError(f"The checkpoint's {name} holds NaN or infinity: the training diverged.")
    zero = torch.tensor(0)
    model.load_state_dict({name: state.get(name, zero) for name in model.state_dict()}, assign=True)
    return model.eval().requires_grad_(False)


def passed_over(tensors: Tensors, model: nn.Module) -> str:
    """A sentence that names the tensors of a checkpoint which are not in the ``filled`` network; '' if all are."""
    used = {tensor.data_ptr() for tensor in model.state_dict().values()}
    left = [name for name, tensor in tensors.items() if tensor.data_ptr() not in used and not name.endswith(COUNTER)]
    more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
    named = ", ".join(quoted(name, 60) for name in left[:NAMED])
    return f"Passed over, because the network of the notebook has no such tensor: {named}{more}." if left else ""


def short(sizes: tuple[int, ...]) -> str:
    """A tuple of sizes as text of limited length."""
    return one_line(str(sizes), 80)
