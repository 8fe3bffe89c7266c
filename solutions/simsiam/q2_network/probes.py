"""Probes of q2: a ``SimSiam`` around a small given encoder. Biases of linear layers are set to 0: they are the student's choice."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from autograder.questions.layers import LayerTrace, fill_layers, pattern
from autograder.questions.losses.probes import Student, parts_of
from autograder.questions.probing import as_tensor, global_state_kept, gradients_of
from autograder.questions.side_effects.probes import side_effects

from ..probes import GivenEncoder

RESULTS = ("p1", "p2", "z1", "z2")
FEATURES = 6  # of the encoder where a case does not tell


def _model(student: Student, x: Tensor, features: int, width: int, bottleneck: int) -> nn.Module:
    """The student's model in the dtype of ``x``, as it starts. The global seed is fixed."""
    torch.manual_seed(7919)
    return student["SimSiam"](GivenEncoder(x[0].numel(), features), width, bottleneck).to(x.dtype)


def fill(call: Callable[[], object]) -> None:
    """Write fixed numbers into the layers that a call uses, and 0 into the biases of linear ones."""
    trace = LayerTrace()
    with torch.no_grad():
        with trace:
            call()
        fill_layers(trace.layers)
        for layer in trace.layers:
            if layer.key[0] == "linear" and "bias" in layer.tensors:
                layer.tensors["bias"].zero_()


def _part(part: nn.Module, rows: Tensor, name: str) -> dict[str, Tensor]:
    part.eval()
    fill(lambda: part(rows[:1]))
    with torch.no_grad():
        found = {"result": part(rows.clone()), "result_in_train_mode": part.train()(rows.clone())}
    return {mode: as_tensor(result, f"What your {name} returns") for mode, result in found.items()}


def projector(student: Student, h: Tensor, width: int, bottleneck: int) -> dict[str, Tensor]:
    """``result``, ``result_in_train_mode``: what ``model.projector`` makes of ``h`` (n, features), (n, width)."""
    with global_state_kept():
        return _part(_model(student, h, h.shape[1], width, bottleneck).projector, h, "projector")


def predictor(student: Student, z: Tensor, width: int, bottleneck: int) -> dict[str, Tensor]:
    """``result``, ``result_in_train_mode``: what ``model.predictor`` makes of ``z`` (n, width), (n, width)."""
    with global_state_kept():
        return _part(_model(student, z, FEATURES, width, bottleneck).predictor, z, "predictor")


def results(model: nn.Module, x1: Tensor, x2: Tensor) -> dict[str, Tensor]:
    """What ``forward`` returns, by name. Raises WrongParts, NoTensor."""
    parts = parts_of(model(x1, x2), RESULTS, "What forward returns")
    for name, part in zip(RESULTS, parts, strict=True):
        as_tensor(part, f"The {name} of forward")
    return dict(zip(RESULTS, parts, strict=True))


def forward(student: Student, x1: Tensor, x2: Tensor, width: int, bottleneck: int) -> dict[str, Tensor]:
    """The results of ``forward``, and named ``own_…`` what the model's parts make of the views one after the other.

    ``<result>_0``: in eval mode; ``…_1``: of one image alone; ``…_2``: in train mode, where the second view is the first one
    with its rows in another order, so that statistics of one view are those of both.
    """
    with global_state_kept():
        model = _model(student, x1, FEATURES, width, bottleneck)
        found = {}
        for number, (views, training) in enumerate(
            (((x1, x2), False), ((x1[:1], x2[:1]), False), ((x1, x1.flip(0)), True))
        ):
            model.train(training)
            with torch.no_grad():
                z = [model.projector(model.encoder(x.clone())) for x in views]
                own = dict(zip(RESULTS, (*(model.predictor(one) for one in z), *z)))
                got = results(model, *(x.clone() for x in views))
            found |= {f"{name}_{number}": tensor for name, tensor in got.items()}
            found |= {f"own_{name}_{number}": tensor for name, tensor in own.items()}
    return found


def conduct(student: Student, x1: Tensor, x2: Tensor, width: int, bottleneck: int) -> dict[str, Tensor]:
    """How the model behaves in train mode.

    Returns:
        What ``side_effects`` returns, of all results in one vector.
        ``modes``: for each call and each module, whether its mode is the one before it, (calls, modules).
        ``gradients``: the norm of the gradient of each result by itself to the encoder's first parameter, and then to each
            matrix among the model's parameters, (results, 1 + matrices); 0 where none arrives.
        ``layers``: how many linear layers one view passes, 0-d.
    """
    with global_state_kept():
        model = _model(student, x1, FEATURES, width, bottleneck)
    modes: list[list[bool]] = []

    def call(x1: Tensor, x2: Tensor) -> dict[str, Tensor]:
        found = results(model.train(), x1, x2)
        modes.append([module.training for module in model.modules()])
        return found

    def sizes(part: Tensor, weights: list[Tensor]) -> Tensor:
        trained = [weight for weight in weights if weight.requires_grad]
        found = dict.fromkeys(map(id, weights), 0.0)
        if part.requires_grad and trained:
            value = (part * pattern(part.shape, ("view",), "weights", part.dtype)).sum()
            for weight, gradient in zip(trained, gradients_of(value, trained), strict=True):
                found[id(weight)] = 0.0 if gradient is None else float(gradient.norm())
        return torch.tensor([found[id(weight)] for weight in weights])

    effects = side_effects(
        lambda x1, x2: torch.cat([part.flatten() for part in call(x1, x2).values()]).detach(), {"x1": x1, "x2": x2}
    )
    with global_state_kept():
        torch.set_grad_enabled(True)
        matrices = [parameter for parameter in model.parameters() if parameter.ndim == 2]
        weights = [*model.encoder.parameters()][:1] + matrices
        gradients = torch.stack([sizes(call(x1.clone(), x2.clone())[name], weights) for name in RESULTS])
        trace = LayerTrace()
        with torch.no_grad(), trace:
            model.predictor(model.projector(model.encoder(x1.clone())))
    layers = torch.tensor(sum(layer.key[0] == "linear" for layer in trace.layers))
    return {**effects, "modes": torch.tensor(modes), "gradients": gradients, "layers": layers}
