"""Probes of q2: the encoder and projection head of ``SimCLR``.

All weights are filled from a closed form; where values do not count, convolutions are thin (``questions/layers.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.questions.layers import (
    THIN,
    LayerTrace,
    ThinConvolutions,
    ZeroInitialisation,
    fill_layers,
    filled_model,
    pattern,
)
from autograder.questions.probing import gradients_of, pair


def _h_and_z(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """h and z of ``x`` (n, 3, 32, 32). Raises NotAPair."""
    return pair(model(x), "the output of SimCLR.forward", "(h, z)")


def _in_any_order(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """The same where the order does not count: h is the wider part, and a single tensor is both."""
    returned = model(x)
    if isinstance(returned, Tensor):
        return returned, returned
    h, z = pair(returned, "the output of SimCLR.forward", "(h, z)")
    return (z, h) if isinstance(h, Tensor) and isinstance(z, Tensor) and z[0].numel() > h[0].numel() else (h, z)


def simclr_features(student: Mapping[str, object], x: Tensor) -> dict[str, Tensor]:
    """h of ``x`` (n, 3, 32, 32), n > 1, in eval mode; with thin convolutions, which cost less, of its first image alone, and
    of ``x`` in train mode.

    Raises:
        NotAPair: ``forward`` does not return a pair.
    """
    model, _ = filled_model(student["SimCLR"], x)
    with torch.no_grad():
        h, _ = _h_and_z(model.eval(), x)
        with ThinConvolutions():
            h_alone, _ = _h_and_z(model, x[:1])
            h_train, _ = _h_and_z(model.train(), x)
    return {"h": h.detach(), "h_of_one_image": h_alone.detach(), "h_in_train_mode": h_train.detach()}


class _FedHead(ThinConvolutions):
    """Hands ``features`` to the first linear layer that takes as many numbers, and keeps what it would have been given.

    Convolutions are thin: z depends on none of them, and what the head was given is only compared with h.
    """

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features
        self.own: Tensor | None = None

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is F.linear and self.own is None and args and args[0].numel() == self.features.numel():
            self.own = args[0]
            args = (self.features.view(self.own.shape), *args[1:])
        return super().__torch_function__(func, types, args, kwargs)


def simclr_projection(
    student: Mapping[str, object], x: Tensor, features: Tensor, projection_dim: int
) -> dict[str, Tensor]:
    """z of given ``features`` (n, 512), so that a wrong encoder does not spoil the head.

    Args:
        x: the images, (n, 3, 32, 32), that go through the encoder meanwhile.

    Returns:
        ``z``, ``z_in_train_mode``: (n, projection_dim).
        ``head_input_difference``: how far what the head was given lies from the h that forward returned, relative to h,
            in the worse of both modes; 0 where they differ in shape, which is then the fault of h.

    Raises:
        NotAPair: ``forward`` returns something else than a pair or a tensor.
    """
    model, _ = filled_model(partial(student["SimCLR"], projection_dim=projection_dim), x, thin=True)
    projections, differences = [], [x.new_zeros(())]
    for training in (False, True):
        times = 2 if training and len(x) == 1 else 1  # a batch norm may want more than one number
        head = _FedHead(features.repeat(times, 1))
        with torch.no_grad(), head:
            h, z = _in_any_order(model.train(training), x.repeat(times, 1, 1, 1))
        if head.own is not None and head.own.numel() == h.numel():
            differences.append((head.own.flatten() - h.flatten()).abs().max() / h.abs().max())
        squeezed = head.own is not None and head.own.shape != head.features.shape
        projections.append((z.reshape(times * len(x), -1) if squeezed else z)[: len(x)])
    return {
        "z": projections[0].detach(),
        "z_in_train_mode": projections[1].detach(),
        "head_input_difference": torch.stack(differences).max().detach(),
    }


def simclr_modes(student: Mapping[str, object], x: Tensor) -> dict[str, Tensor]:
    """How ``SimCLR`` starts and how it behaves in the two modes, whatever its numbers are: convolutions are thin.

    Args:
        x: (n, 3, 32, 32), n > 1.

    Returns:
        ``z_at_start``: (n, projection_dim), with the first weights of the model; random ones are replaced by fixed ones.
        ``spread_at_start``: for every weight of a convolution or linear layer in use, the largest difference of two entries
            of its first rows.
        ``uses``: how often each layer is used in one forward.
        ``h_eval``, ``h_eval_again``: (1, 512) each, the h of the first row in two calls in eval mode.
        ``means_before``, ``means_between``, ``means_after``: the running means of all batch norms in use, in one vector,
            before and after these calls, and after one in train mode; ``means_sizes``: the length of each.
        ``norms_without_statistics``: how many batch norms in use have no running statistics.
        ``registered``, ``trainable``: for every parameter in use, whether it is one of the model's, and requires gradients.
        ``gradient_sizes``: the norm of the gradient that it gets from z, nan where it gets none. The bias of a convolution
            is left out: before a batch norm it gets none but rounding.
        ``h_has_graph``: whether h requires gradients in train mode; 0-d.

    Raises:
        NotAPair: ``forward`` returns something else than a pair or a tensor.
    """
    with ZeroInitialisation(thin=True):
        model = student["SimCLR"]().to(x.dtype)
    trace = LayerTrace()
    with torch.no_grad(), trace:
        _, z_at_start = _in_any_order(model.eval(), x)
    layers = trace.layers
    weights = [layer.tensors["weight"] for layer in layers]
    first_rows = [w[:THIN].detach().flatten() for w in weights if w.ndim > 1]
    spread = x.new_tensor([float(rows.max() - rows.min()) for rows in first_rows])
    fill_layers(layers, thin=True)
    norms = [layer for layer in layers if layer.key[0] == "batch_norm"]
    statistics = [layer.tensors["running_mean"] for layer in norms if "running_mean" in layer.tensors]
    parameters = [
        tensor
        for layer in layers
        for role, tensor in layer.tensors.items()
        if not role.startswith("running") and (layer.key[0], role) != ("convolution", "bias")
    ]
    trainable = [tensor.requires_grad for tensor in parameters]
    means = [_one_vector(statistics)]
    with ThinConvolutions():
        with torch.no_grad():
            first, again = (_in_any_order(model.eval(), x)[0][:1] for _ in range(2))
        means.append(_one_vector(statistics))
        h, z = _in_any_order(model.train(), x)
        means.append(_one_vector(statistics))
        arrived: list[Tensor | None] = [None] * len(parameters)
        if z.requires_grad and any(trainable):
            weighted = (z * pattern(z.shape, ("modes",), "z", z.dtype)).sum()
            found = iter(gradients_of(weighted, [p for p, on in zip(parameters, trainable) if on]))
            arrived = [next(found) if on else None for on in trainable]
    registered = {id(parameter) for parameter in model.parameters()}
    return {
        "z_at_start": z_at_start.detach(),
        "spread_at_start": spread,
        "uses": torch.tensor([trace.uses[id(weight)] for weight in weights]),
        "h_eval": first,
        "h_eval_again": again,
        **dict(zip(("means_before", "means_between", "means_after"), means)),
        "means_sizes": torch.tensor([mean.numel() for mean in statistics]),
        "norms_without_statistics": torch.tensor(len(norms) - len(statistics)),
        "registered": torch.tensor([id(tensor) in registered for tensor in parameters]),
        "trainable": torch.tensor(trainable),
        "gradient_sizes": x.new_tensor(
            [torch.nan if gradient is None else float(torch.linalg.vector_norm(gradient)) for gradient in arrived]
        ),
        "h_has_graph": torch.tensor(h.requires_grad),
    }


def _one_vector(parts: list[Tensor]) -> Tensor:
    return torch.cat([torch.empty(0), *(part.detach().flatten() for part in parts)])
