"""Probes of q2: a ``VAE`` that is made of a small given encoder and decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from autograder.questions.probing import as_tensor, global_state_kept, gradients_of, pair
from autograder.questions.side_effects.probes import side_effects, without_gradients

from ..probes import Student, given_parts, three

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
    """``mu``, ``logvar``: what ``encode`` returns for ``x``; ``logits``: what ``decode`` returns for ``eps``; ``latent``: that
    of the model, -1 if it has none, 0-d int64.

    Raises:
        NotAPair: ``encode`` returns no pair.
    """
    with global_state_kept():
        model, *_ = _model(student, start, x, eps)
        mu, logvar = pair(model.encode(x.clone()), "what encode returns", "(mu, logvar)")
        logits = model.decode(eps.clone())
        latent = getattr(model, "latent", None)
    return {
        "latent": torch.tensor(latent if isinstance(latent, int) else -1),
        "mu": as_tensor(mu, "The mu of encode"),
        "logvar": as_tensor(logvar, "The logvar of encode"),
        "logits": as_tensor(logits, "What decode returns"),
    }


def conduct(student: Student, start: Tensor, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    """What ``forward`` does beside computing its results.

    Returns:
        What ``side_effects`` and ``without_gradients`` return, of all its parts in one vector.
        ``value_other``: the logits of other images, flat; ``logits``: those of ``x``; ``logits_of_other``: those where the
            encoder's layer for mu, then for logvar, has other parameters, (2, logits).
        ``modes``: for each call and each module, whether its mode is the one before it, (calls, modules).
        ``gradients``: the norm of the gradient of the sum of squares of each result to each parameter, (3, 6): weight and bias
            of the encoder's layer for mu, of that for logvar, and of the decoder.
    """
    modes = []

    def call(x: Tensor, eps: Tensor, training: bool = True, start: Tensor = start) -> tuple:
        model, *networks = _model(student, start, x, eps)
        found = three(model.train(training)(x, eps), *FORM)
        modes.append([module.training == training for module in model.modules()])
        return found, networks

    def numbers(x: Tensor, eps: Tensor) -> Tensor:
        parts = call(x, eps)[0]
        return torch.cat([as_tensor(part, "A part of what forward returns").flatten() for part in parts])

    effects = {**side_effects(numbers, given := {"x": x, "eps": eps}), **without_gradients(numbers, given)}
    with global_state_kept():
        torch.set_grad_enabled(True)
        calls = [call(x.clone(), eps.clone(), training=False) for _ in range(3)]  # a graph serves one backward
        (other, *_), _ = call(1 - x, eps.clone(), training=False)
        encoder = calls[0][1][0]
        half = start.new_ones(2, len(start))
        layer = sum(p.numel() for p in encoder.mu.parameters())
        half[0, :layer], half[1, layer : 2 * layer] = 0.5, 0.5
        of_other = [call(x.clone(), eps.clone(), training=False, start=start * share)[0][0] for share in half]
    return {
        **effects,
        "logits": calls[0][0][0].detach().flatten(),
        "value_other": other.detach().flatten(),
        "logits_of_other": torch.stack([logits.detach().flatten() for logits in of_other]),
        "modes": torch.tensor(modes),
        "gradients": torch.stack([_norms(found[k], networks) for k, (found, networks) in enumerate(calls)]),
    }


def _norms(result: Tensor, networks: list[nn.Module]) -> Tensor:
    """The norms of the gradients of the sum of a result's squares to all parameters, 0 where none arrives."""
    parameters = [p for network in networks for p in network.parameters()]
    trained = [p for p in parameters if p.requires_grad]
    arrived = gradients_of(result.square().sum(), trained) if result.requires_grad and trained else ()
    norms = {id(p): g.norm() for p, g in zip(trained, arrived, strict=False) if g is not None}
    return torch.stack([norms.get(id(p), result.detach().new_zeros(())) for p in parameters])
