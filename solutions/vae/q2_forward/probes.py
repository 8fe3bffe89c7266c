"""Probes of q2: a ``VAE`` that is made of a small given encoder and decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from autograder.questions.probing import as_tensor, global_state_kept, gradients_of, pair
from autograder.questions.side_effects.probes import side_effects

from ..probes import Student, given_parts, three

NETWORKS = ("encoder", "decoder")
FORM = ("What forward returns", "(logits, mu, logvar)")


def _model(student: Student, start: Tensor, x: Tensor, eps: Tensor) -> tuple[nn.Module, nn.Module, nn.Module]:
    """The student's model in train mode, and the encoder and decoder that it is made of."""
    encoder, decoder = given_parts(start, eps.shape[1], tuple(x.shape[1:]))
    return student["VAE"](encoder, decoder).train(), encoder, decoder


def forward(student: Student, start: Tensor, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    """``logits``, ``mu``, ``logvar`` in train mode, and ``logits_in_eval_mode``. The global seed is fixed.

    Args:
        start: the parameters of encoder and decoder, see ``given_parts``. x: (n, ...). eps: (n, d).

    Raises:
        NotThree: ``forward`` returns something else.
    """
    with global_state_kept():
        torch.manual_seed(0)
        model, *_ = _model(student, start, x, eps)
        parts = three(model(x.clone(), eps.clone()), *FORM)
        in_eval_mode = three(model.eval()(x.clone(), eps.clone()), *FORM)[0]
    logits, mu, logvar = (as_tensor(part, "A part of what forward returns") for part in parts)
    in_eval_mode = as_tensor(in_eval_mode, "A part of what forward returns")
    return {"logits": logits, "mu": mu, "logvar": logvar, "logits_in_eval_mode": in_eval_mode}


def parts(student: Student, start: Tensor, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    """``mu``, ``logvar``: what ``encode`` returns for ``x``; ``logits``: what ``decode`` returns for ``eps``.

    Raises:
        NotAPair: ``encode`` returns no pair.
    """
    with global_state_kept():
        model, *_ = _model(student, start, x, eps)
        mu, logvar = pair(model.encode(x.clone()), "what encode returns", "(mu, logvar)")
        logits = model.decode(eps.clone())
    return {
        "mu": as_tensor(mu, "The mu of encode"),
        "logvar": as_tensor(logvar, "The logvar of encode"),
        "logits": as_tensor(logits, "What decode returns"),
    }


def conduct(student: Student, start: Tensor, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    """What ``forward`` does beside computing its results.

    Returns:
        What ``side_effects`` returns, of all its parts in one vector.
        ``value_other``: the logits of other images, flat; ``logits``: those of ``x``.
        ``modes``: for each call and each module, whether its mode is the one before it, (calls, modules).
        ``encoder_gradients``, ``decoder_gradients``: the norm of the gradient of the sum of the logits' squares to each of
            their parameters.
    """
    modes = []

    def call(x: Tensor, eps: Tensor, training: bool = True) -> tuple:
        model, *networks = _model(student, start, x, eps)
        found = three(model.train(training)(x, eps), *FORM)
        modes.append([module.training == training for module in model.modules()])
        return found, networks

    def numbers(x: Tensor, eps: Tensor) -> Tensor:
        parts = call(x, eps)[0]
        return torch.cat([as_tensor(part, "A part of what forward returns").flatten() for part in parts])

    effects = side_effects(numbers, {"x": x, "eps": eps})
    with global_state_kept():
        torch.set_grad_enabled(True)
        (logits, *_), networks = call(x.clone(), eps.clone(), training=False)
        (other, *_), _ = call(1 - x, eps.clone(), training=False)
        parameters = {name: list(network.parameters()) for name, network in zip(NETWORKS, networks, strict=True)}
        trained = [p for of_network in parameters.values() for p in of_network if p.requires_grad]
        arrived = gradients_of(logits.square().sum(), trained) if logits.requires_grad and trained else ()
        norms = {id(p): g.norm() for p, g in zip(trained, arrived, strict=False) if g is not None}
    return {
        **effects,
        "logits": logits.detach().flatten(),
        "value_other": other.detach().flatten(),
        "modes": torch.tensor(modes),
        **{
            f"{name}_gradients": torch.stack([norms.get(id(p), start.new_zeros(())) for p in of_network])
            for name, of_network in parameters.items()
        },
    }
