"""Probes of q5: ``evaluate_model`` and ``fit_model`` of a small given encoder and classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector
from torch.utils.data import DataLoader, TensorDataset

from autograder.questions.probing import as_number, global_state_kept, pair
from autograder.questions.training.probes import GivenModel, Student, optimizer_and_scheduler

from ..probes import endless, losses_of

ENCODER, CLASSIFIER = 78, 28  # parameters of the two models
MODELS = ("encoder", "classifier")


class GivenClassifier(GivenModel):
    """(n, 6) -> log-probabilities (n, 4)."""

    def answer(self, flat: Tensor) -> Tensor:
        return torch.log_softmax(super().answer(flat), dim=1)


def given_encoder(start: Tensor) -> GivenModel:
    """(n, 3, 2, 2) -> (n, 6)."""
    return GivenModel(start, body=nn.Linear(12, 6))


def given_classifier(start: Tensor) -> GivenClassifier:
    """(n, 6) -> log-probabilities (n, 4)."""
    return GivenClassifier(start, out=nn.Linear(6, 4))


def _models(encoder: Tensor, classifier: Tensor, training: bool, fixed: bool = False) -> nn.ModuleDict:
    """Encoder and classifier; ``fixed``: one parameter of either does not learn, by the will of the caller."""
    models = nn.ModuleDict(dict(zip(MODELS, (given_encoder(encoder), given_classifier(classifier)))))
    for model in models.values() if fixed else ():
        next(model.parameters()).requires_grad_(False)
    return models.train(training)


def _state(models: nn.ModuleDict) -> dict[str, Tensor]:
    """``encoder``, ``classifier``: their parameters; ``statistics``: the running means of their batch norms, (2,); ``trainable``:
    which parameters require gradients, (4,); ``gradients_on``: whether gradients are computed; ``<model>_tally``: how many images
    went through it, its forwards, and those in train mode, in a part of it, and with gradients, (5,)."""
    tallies = ("images", "forwards", "training", "mixed", "gradients")
    return {
        **{name: parameters_to_vector(model.parameters()).detach() for name, model in models.items()},
        **{f"{name}_tally": torch.tensor([model.tally[one] for one in tallies]) for name, model in models.items()},
        "statistics": torch.cat([model.norm.running_mean for model in models.values()]),
        "trainable": torch.tensor([parameter.requires_grad for parameter in models.parameters()]),
        "gradients_on": torch.tensor(torch.is_grad_enabled()),
        "largest": torch.tensor(max(models["encoder"].memory.sizes, default=0)),
    }


def _evaluated(student: Student, models: nn.ModuleDict, images: Tensor, labels: Tensor, batch_size: int) -> object:
    return student["evaluate_model"](
        models["encoder"], models["classifier"], images.clone(), labels.clone(), batch_size
    )


def evaluation(student: Student, encoder: Tensor, classifier: Tensor, **data: Tensor | int) -> dict[str, Tensor]:
    """``loss``, ``accuracy``: what ``evaluate_model`` returns, 0-d. Raises NotAPair, NotANumber."""
    with global_state_kept():
        returned = _evaluated(student, _models(encoder, classifier, False), **data)
    parts = pair(returned, "what evaluate_model returns", "(mean loss, accuracy)")
    return {
        name: as_number(part, encoder.dtype, f"The {name} of evaluate_model")
        for name, part in zip(("loss", "accuracy"), parts, strict=True)
    }


def evaluation_side_effects(
    student: Student, encoder: Tensor, classifier: Tensor, **data: Tensor | int
) -> dict[str, Tensor]:
    """``_state`` of models that were handed over in train mode, a parameter of each fixed."""
    models = _models(encoder, classifier, True, fixed=True)
    with global_state_kept():
        _evaluated(student, models, **data)
        return _state(models)


def _fitted(
    student: Student,
    encoder: Tensor,
    classifier: Tensor,
    images: Tensor,
    labels: Tensor,
    batch_size: int,
    num_iters: int,
    train_encoder: bool,
    lr: float = 0.0,
    factors: Tensor | None = None,
    training: bool = False,
    coded: bool = False,
    fixed: bool = False,
) -> tuple[object, nn.ModuleDict, dict[str, Tensor]]:
    """What ``fit_model`` returned, the models, their ``_state``, and ``optimizer_steps``, ``scheduler_steps``, ``rng_before``,
    ``rng_after``."""
    models = _models(encoder, classifier, training, fixed)
    models["encoder"].coded = coded
    learning = models if train_encoder else models["classifier"]
    optimizer, scheduler = optimizer_and_scheduler(learning, lr, torch.ones(1) if factors is None else factors)
    steps: list[int] = []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    loader = DataLoader(TensorDataset(images, labels), batch_size, generator=torch.Generator())
    given = (*models.values(), endless(num_iters)(loader), optimizer, scheduler, num_iters, train_encoder)
    with global_state_kept():
        torch.manual_seed(7919)  # no seed that students use: their own would leave the state as it is
        before = torch.get_rng_state()
        returned = student["fit_model"](*given, device="cpu")
        state = {**_state(models), "rng_before": before, "rng_after": torch.get_rng_state()}
    numbers = {"optimizer_steps": torch.tensor(len(steps)), "scheduler_steps": torch.tensor(scheduler.last_epoch)}
    return returned, models, {**state, **numbers}


def _with_losses(student: Student, train_encoder: bool, **inputs: Tensor | float) -> dict[str, Tensor]:
    returned, _, outputs = _fitted(student, **inputs, train_encoder=train_encoder)
    return {**outputs, "losses": losses_of(returned, "fit_model", inputs["encoder"].dtype)}


def linear(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    """``losses`` that ``fit_model`` returns and the outputs of ``_fitted``, with a frozen encoder that is handed over in train mode."""
    return _with_losses(student, False, **inputs, training=True)


def frozen(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    """The same with models of which a parameter is fixed."""
    return _with_losses(student, False, **inputs, training=True, fixed=True)


def together(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    """The same with an encoder that learns, and models that are handed over in eval mode."""
    return _with_losses(student, True, **inputs)


def fit_side_effects(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    """What a run at learning rate 0 does to an encoder that learns, as ``Loop.side_effects`` has it; ``classifier_tally``."""
    returned, models, outputs = _fitted(student, **inputs, train_encoder=True, coded=True, fixed=True)
    encoder = models["encoder"]
    reached = encoder.answers.reached()
    learnt_from = [one for rows, one in zip(encoder.rows, reached) for _ in rows]
    alive = encoder.memory.alive()  # what was returned is held until here, and counts
    del returned
    return {
        "rows": torch.cat(encoder.rows) if encoder.rows else torch.empty(0, 6),
        "rows_learnt_from": torch.tensor(learnt_from, dtype=torch.bool),
        **{
            name: torch.zeros(()) for name in ("graphs_alive", "graphs_returned")
        },  # there is no given loss that counts them
        "images_alive": torch.tensor(encoder.memory.most),
        "images_returned": torch.tensor(alive),
        **{
            name: outputs[name]
            for name in ("statistics", "gradients_on", "trainable", "classifier_tally", "rng_before", "rng_after")
        },
    }
