"""Probes of q2: the encoder and projection head of ``SimCLR``.

All weights are filled from a closed form; where values do not count, convolutions are thin (``questions/layers.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.questions.layers import ThinConvolutions, filled_model, pattern
from autograder.questions.probing import gradients_of, pair


def _h_and_z(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """h and z of ``x`` (n, 3, 32, 32). Raises NotAPair."""
    return pair(model(x), "the output of SimCLR.forward", "(h, z)")


def simclr_features(student: Mapping[str, object], x: Tensor) -> dict[str, Tensor]:
    """h of ``x`` (n, 3, 32, 32), n > 1, in eval mode, of its first image alone, and of ``x`` in train mode.

    Raises:
        NotAPair: ``forward`` does not return a pair.
    """
    model, _ = filled_model(student["SimCLR"], x)
    with torch.no_grad():
        h, _ = _h_and_z(model.eval(), x)
        h_alone, _ = _h_and_z(model, x[:1])
        h_train, _ = _h_and_z(model.train(), x)
    return {"h": h.detach(), "h_of_one_image": h_alone.detach(), "h_in_train_mode": h_train.detach()}


class _FedHead(ThinConvolutions):
    """Hands ``features`` to the first linear layer that takes their shape, and keeps what it would have been given.

    Convolutions are thin: z depends on none of them, and what the head was given is only compared with h.
    """

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features
        self.own: Tensor | None = None

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is F.linear and self.own is None and args and args[0].shape == self.features.shape:
            self.own = args[0]
            args = (self.features, *args[1:])
        return super().__torch_function__(func, types, args, kwargs)


def simclr_projection(
    student: Mapping[str, object], x: Tensor, features: Tensor, projection_dim: int
) -> dict[str, Tensor]:
    """z of given ``features`` (n, 512), so that a wrong encoder does not spoil the head.

    Args:
        x: the images, (n, 3, 32, 32), that go through the encoder meanwhile.

    Returns:
        ``z``: (n, projection_dim).
        ``head_input_difference``: how far what the head was given lies from the h that forward returned, relative to h;
            0 where they differ in shape, which is then the fault of h.

    Raises:
        NotAPair: ``forward`` does not return a pair.
    """
    model, _ = filled_model(partial(student["SimCLR"], projection_dim=projection_dim), x, thin=True)
    head = _FedHead(features)
    with torch.no_grad(), head:
        h, z = _h_and_z(model, x)
    difference = x.new_tensor(0.0)
    if head.own is not None and head.own.numel() == h.numel():
        difference = (head.own.flatten() - h.flatten()).abs().max() / h.abs().max()
    return {"z": z.detach(), "head_input_difference": difference.detach()}


def simclr_modes(student: Mapping[str, object], x: Tensor) -> dict[str, Tensor]:
    """How ``SimCLR`` behaves in the two modes, whatever its numbers are: they come from thin convolutions.

    Args:
        x: (n, 3, 32, 32), n > 1.

    Returns:
        ``h_eval``, ``h_eval_again``, ``h_eval_of_copies``, ``h_train``, ``h_train_of_copies``: (1, 512) each, the h of
            the first row in both modes, when the eval call is repeated, and when all rows are copies of the first.
        ``means_before``, ``means_after``: the running means of all batch norms in use, in one vector, around the
            forward in train mode; ``means_sizes``: the length of each.
        ``gradient_sizes``: for every parameter in use, the norm of the gradient that it gets from z, nan where it gets
            none. The bias of a convolution is left out: before a batch norm it gets none but rounding.

    Raises:
        NotAPair: ``forward`` does not return a pair.
    """
    model, layers = filled_model(student["SimCLR"], x, thin=True)
    statistics = [layer.tensors["running_mean"] for layer in layers if "running_mean" in layer.tensors]
    parameters = [
        tensor
        for layer in layers
        for role, tensor in layer.tensors.items()
        if not role.startswith("running") and (layer.key[0], role) != ("convolution", "bias")
    ]
    copies = x[:1].repeat(len(x), 1, 1, 1)
    with ThinConvolutions():
        with torch.no_grad():
            model.eval()
            together, again, among_copies = (_h_and_z(model, rows)[0][:1] for rows in (x, x, copies))
        model.train()
        before = _one_vector(statistics)
        h, z = _h_and_z(model, x)
        after = _one_vector(statistics)
        arrived = [None] * len(parameters)
        if z.requires_grad:
            arrived = gradients_of((z * pattern(z.shape, ("modes",), "z", z.dtype)).sum(), parameters)
        with torch.no_grad():
            batch_of_copies = _h_and_z(model, copies)[0][:1]
    return {
        "h_eval": together,
        "h_eval_again": again,
        "h_eval_of_copies": among_copies,
        "h_train": h[:1].detach(),
        "h_train_of_copies": batch_of_copies,
        "means_before": before,
        "means_after": after,
        "means_sizes": torch.tensor([mean.numel() for mean in statistics]),
        "gradient_sizes": x.new_tensor(
            [torch.nan if gradient is None else float(torch.linalg.vector_norm(gradient)) for gradient in arrived]
        ),
    }


def _one_vector(parts: list[Tensor]) -> Tensor:
    return torch.cat([torch.empty(0), *(part.detach().flatten() for part in parts)])
