"""Probes of q5: the fine-tuning transforms and loaders, the classifier, its training epoch and its evaluation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector
from torch.utils.data import TensorDataset

from autograder.questions.layers import fill_layers, pattern, trace_layers
from autograder.questions.probing import as_number, described, gradients_of, pair
from autograder.questions.training.probes import GivenModel, Loop, Student
from autograder.questions.views import fixed_randomness, view, views


class NotLogits(TypeError):
    """A classifier returned something else than a tensor."""


class NotThreeNumbers(TypeError):
    """``evaluate`` returned something else than loss, top-1 and top-5."""


def finetune_statistics(student: Student, plain: Tensor, ramps: Tensor, repeats: int) -> dict[str, Tensor]:
    """What the two transforms of ``finetune_transforms`` make of crafted images.

    Args:
        plain: black and white, (2, 3, 32, 32).
        ramps: red rises by 7 a column, blue by 7 a row, green is 128; (3, 32, 32).
        repeats: how often ``ramps`` goes through the training transform.

    Returns:
        ``test_views``: what the test transform makes of black, white and twice the ramps, (4, 3, 32, 32).
        ``train_black``, ``train_white``: what the training transform makes of black and white, (3, 32, 32).
        ``train_views``: what it makes of the ramps, (repeats, 3, 32, 32).

    Raises:
        NotAPair: ``finetune_transforms`` returned something else than two transforms.
    """
    with fixed_randomness():
        size = ramps.shape[-1]
        made = student["finetune_transforms"](size=size)
        train, test = pair(made, "what finetune_transforms returns", "(train_transform, test_transform)")
        train_views = views(train, ramps, size, repeats)
        black, white = (view(train, image, size) for image in plain)
        tested = [view(test, image, size) for image in (*plain, ramps, ramps)]
    return {
        "test_views": torch.stack(tested),
        "train_black": black,
        "train_white": white,
        "train_views": train_views,
    }


def finetune_loader_passes(
    student: Student,
    train_images: Tensor,
    train_labels: Tensor,
    test_images: Tensor,
    test_labels: Tensor,
    batch_size: int,
) -> dict[str, Tensor]:
    """Two passes over each loader of ``finetune_loaders``.

    Returns, of each of ``train_…`` and ``test_…``:
        ``batch_sizes``: (2, batches); ``x``: (2, n, 3, H, W); ``y``: (2, n).
    """
    inputs = (train_images, train_labels, test_images, test_labels)
    with fixed_randomness():
        made = student["finetune_loaders"](*(tensor.clone() for tensor in inputs), batch_size)
        loaders = pair(made, "what finetune_loaders returns", "(train_loader, test_loader)")
        passes = {name: _passes(loader) for name, loader in zip(("train", "test"), loaders)}
    return {
        f"{name}_{part}": tensor
        for name, parts in passes.items()
        for part, tensor in zip(("batch_sizes", "x", "y"), parts, strict=True)
    }


def _passes(loader: object) -> tuple[Tensor, Tensor, Tensor]:
    """Batch sizes (2, batches), images (2, n, …) and labels (2, n) of two passes."""
    sizes, images, labels = [], [], []
    for _ in range(2):
        batches = [pair(batch, "a batch", "(x, y)") for batch in loader]
        sizes.append(torch.tensor([len(x) for x, _ in batches]))
        images.append(torch.cat([x for x, _ in batches]))
        labels.append(torch.cat([y for _, y in batches]))
    return torch.stack(sizes), torch.stack(images), torch.stack(labels)


class GivenEncoder(nn.Module):
    """Stands in for a SimCLR model: (n, 3, 4, 4) -> h (n, 512), z (n, 128); ``encoder`` gives h alone."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(48, 512), nn.Tanh())
        self.projector = nn.Linear(512, 128)  # not the head that q2 asks for

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder(x)
        return h, self.projector(h)


def classifier_logits(student: Student, x: Tensor, num_classes: int) -> dict[str, Tensor]:
    """Logits of ``Classifier`` on a ``GivenEncoder``, all weights filled from their closed form.

    ``encoder_gradient`` is that of a weighted sum of the logits to the bias of the encoder's layer, 0 where there is
    none; ``unregistered`` counts tensors in use that are no parameters of the classifier.
    """
    model = student["Classifier"](GivenEncoder().to(x.dtype), num_classes).to(x.dtype)
    layers = trace_layers(model, x)
    fill_layers(layers)
    model.train()
    logits = model(x)
    if not isinstance(logits, Tensor):
        raise NotLogits(f"Classifier.forward should return a tensor of logits, found {described(logits)}")
    bias = next((layer.tensors["bias"] for layer in layers if layer.tensors["weight"].shape == (512, 48)), None)
    gradient = None
    if logits.requires_grad and bias is not None and bias.requires_grad:
        weighted = (logits * pattern(logits.shape, ("classifier",), "logits").to(logits.dtype)).sum()
        (gradient,) = gradients_of(weighted, [bias])
    registered = {id(parameter) for parameter in model.parameters()}
    used = [tensor for layer in layers for tensor in layer.tensors.values()]
    return {
        "logits": logits.detach(),
        "encoder_gradient": x.new_zeros(512) if gradient is None else gradient,
        "unregistered": torch.tensor(sum(id(tensor) not in registered for tensor in used)),
    }


def given_classifier(start: Tensor) -> GivenModel:
    """(n, 3, 2, 2) -> logits (n, 10). 194 parameters."""
    return GivenModel(start, encoder=nn.Linear(12, 8), linear=nn.Linear(8, 10))


LOOP = Loop("finetune_one_epoch", given_classifier, lambda x, y: TensorDataset(x, y))
"""Cases hold x (n, 3, 2, 2), y (n,) int64 in [0, 10), the 194 parameters as ``start``, and a ``batch_size``."""


def finetune_epoch(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    """What ``finetune_one_epoch`` returns, ``mean_loss`` and ``top_1``, and the outputs of ``Loop.run``.

    The model is handed over in eval mode.
    """
    returned, outputs = LOOP.run(student, **inputs, training=False, device="cpu")
    loss, top1 = pair(returned, "what finetune_one_epoch returns", "(mean loss, top-1)")
    dtype = inputs["start"].dtype
    return {
        "mean_loss": as_number(loss, dtype, "The mean loss of finetune_one_epoch"),
        "top_1": as_number(top1, dtype, "The top-1 accuracy of finetune_one_epoch"),
        **outputs,
    }


def evaluation(student: Student, start: Tensor, batch_size: int, **data: Tensor) -> dict[str, Tensor]:
    """What ``evaluate`` returns and leaves behind, for a model that is handed over in train mode. Inputs as in ``LOOP``.

    Raises:
        NotThreeNumbers: it returns something else than three numbers.
    """
    model = given_classifier(start).train()
    returned = student["evaluate"](model, LOOP.loader(batch_size, **data), device="cpu")
    if not isinstance(returned, tuple | list) or len(returned) != 3:
        raise NotThreeNumbers(f"what evaluate returns should be (mean loss, top-1, top-5); it is {described(returned)}")
    mean_loss, top_1, top_5 = returned
    return {
        "mean_loss": as_number(mean_loss, start.dtype, "The mean loss of evaluate"),
        "top_1": as_number(top_1, start.dtype, "The top-1 accuracy of evaluate"),
        "top_5": as_number(top_5, start.dtype, "The top-5 accuracy of evaluate"),
        "train_forwards": torch.tensor(model.forwards - model.eval_forwards),
        "gradient_forwards": torch.tensor(model.forwards - model.no_grad_forwards),
        "parameters": parameters_to_vector(model.parameters()).detach(),
    }
