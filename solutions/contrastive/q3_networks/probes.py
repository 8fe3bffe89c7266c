"""Probes of q3: an ``Encoder`` around a small given body and a ``Classifier``, with given weights in their layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from autograder.questions.losses.probes import Student
from autograder.questions.probing import as_tensor, global_state_kept, gradients_of
from autograder.questions.side_effects.probes import side_effects

PIXELS, HIDDEN = 12, 64


class NoLayer(AttributeError):
    """A layer of the text is missing, or has no weight or no bias."""


class HeadWithoutBias(NoLayer):
    """The head has a weight alone: mistakes are told apart by the type."""


class NoBody(AttributeError):
    """The body is not the one that was handed over."""


class WrongHead(ValueError):
    """A layer of the text has another size."""


class WrongHidden(WrongHead):
    """The same of another layer."""


class WrongOut(WrongHead):
    """The same."""


WRONG = {"layer": WrongHead, "head": WrongHead, "hidden": WrongHidden, "out": WrongOut}


class GivenBody(nn.Module):
    """(n, 3, 2, 2) -> (n, width), by one layer and tanh; a dropout that drops nothing shows the mode."""

    def __init__(self, body_weight: Tensor, body_bias: Tensor) -> None:
        super().__init__()
        self.width = len(body_bias)
        self.layer, self.dropout = nn.Linear(PIXELS, self.width), nn.Dropout(0.0)
        self.to(body_bias.dtype)
        _fill(self, "layer", body_weight, body_bias)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.layer(self.dropout(x.flatten(1))))


def _fill(model: nn.Module, name: str, weight: Tensor, bias: Tensor) -> None:
    layer = getattr(model, name, None)
    parts = [getattr(layer, part, None) for part in ("weight", "bias")]
    if not all(isinstance(part, Tensor) for part in parts):
        bare = name == "head" and isinstance(parts[0], Tensor)
        raise (HeadWithoutBias if bare else NoLayer)(f"self.{name} should be a linear layer with a weight and a bias")
    for part, given in zip(parts, (weight, bias), strict=True):
        if part.shape != given.shape:
            asked = f"from {weight.shape[1]} to {weight.shape[0]} numbers"
            raise WRONG[name](
                f"self.{name} should be a linear layer {asked}; it holds a tensor of shape {tuple(part.shape)}"
            )
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)


def _encoder(student: Student, **weights: Tensor) -> nn.Module:
    model = student["Encoder"](len(weights["head_bias"]), GivenBody(weights["body_weight"], weights["body_bias"]))
    if not isinstance(getattr(model, "body", None), GivenBody):
        raise NoBody("self.body should be the body that Encoder gets as an argument")
    model = model.to(weights["head_bias"].dtype)
    _fill(model, "head", weights["head_weight"], weights["head_bias"])
    return model


def _classifier(student: Student, **weights: Tensor) -> nn.Module:
    model = student["Classifier"](weights["hidden_weight"].shape[1], len(weights["out_bias"]))
    model = model.to(weights["out_bias"].dtype)
    for name in ("hidden", "out"):
        _fill(model, name, weights[f"{name}_weight"], weights[f"{name}_bias"])
    return model


def _in_both_modes(model: nn.Module, x: Tensor, what: str) -> dict[str, Tensor]:
    """``eval_mode``, ``train_mode``: what the model returns."""
    return {
        f"{'train' if mode else 'eval'}_mode": as_tensor(model.train(mode)(x.clone()), what) for mode in (False, True)
    }


def encoder(student: Student, x: Tensor, **weights: Tensor) -> dict[str, Tensor]:
    """``eval_mode``, ``train_mode``: z of ``Encoder(z_dim, body)``, (n, z_dim)."""
    with global_state_kept():
        return _in_both_modes(_encoder(student, **weights), x, "What Encoder.forward returns")


def classifier(student: Student, z: Tensor, **weights: Tensor) -> dict[str, Tensor]:
    """``eval_mode``, ``train_mode``: the log-probabilities of ``Classifier(z_dim, classes)``, (n, classes)."""
    with global_state_kept():
        return _in_both_modes(_classifier(student, **weights), z, "What Classifier.forward returns")


def conduct(student: Student, x: Tensor, **weights: Tensor) -> dict[str, Tensor]:
    """What ``_conduct`` returns of both models, named ``encoder_…`` and ``classifier_…``."""
    with global_state_kept():
        made = _encoder(student, **weights), _classifier(student, **weights)
        z = as_tensor(made[0](x.clone()), "What Encoder.forward returns").detach()
        found = (_conduct(model, given) for model, given in zip(made, (x, z)))
        names = ("encoder_", "classifier_")
        return {prefix + name: tensor for prefix, one in zip(names, found) for name, tensor in one.items()} | {"z": z}


def _conduct(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What ``side_effects`` returns of a model in train mode.

    ``sizes``: of the entries of its state, in the order of their names, (entries,). ``gradients``: the norm of the gradient of
    a weighted sum of the result to the input, and then to each parameter; 0 where none arrives. ``modes``: whether all parts
    are in the mode before a call, for eval and train mode, (2,).
    """
    effects = side_effects(lambda x: as_tensor(model.train()(x), "What forward returns"), {"x": x})
    modes = []
    for mode in (False, True):
        model.train(mode)(x.clone())
        modes.append(all(module.training is mode for module in model.modules()))
    torch.set_grad_enabled(True)
    given = x.clone().requires_grad_()
    sources = [given, *model.parameters()]
    learns = [source for source in sources if source.requires_grad]
    result = model(given)
    weighted = (result * torch.arange(1, 1 + result.shape[1])).sum()
    found = dict(zip(map(id, learns), gradients_of(weighted, learns))) if weighted.requires_grad else {}
    arrived = [found.get(id(source)) for source in sources]
    return {
        **effects,
        "sizes": torch.tensor([tensor.numel() for _, tensor in sorted(model.state_dict().items())]),
        "gradients": torch.stack([torch.zeros(()) if g is None else g.norm().float() for g in arrived]),
        "modes": torch.tensor(modes),
    }
