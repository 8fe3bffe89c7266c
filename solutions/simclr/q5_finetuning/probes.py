"""Probes of q5: the fine-tuning transforms and loaders, the classifier, its training epoch and its evaluation."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.utils.data import DataLoader, TensorDataset

from autograder.questions.layers import fill_layers, pattern, trace_layers
from autograder.questions.probing import NotAPair, as_number, optimizer_and_scheduler
from autograder.questions.views import fixed_randomness, view, views


class NotLogits(TypeError):
    """A classifier returned something else than a tensor."""


class NotThreeNumbers(TypeError):
    """``evaluate`` returned something else than loss, top-1 and top-5."""


def _two(pair: object, what: str) -> tuple[object, object]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise NotAPair(f"{what}, found {type(pair).__name__}")
    return pair[0], pair[1]


def finetune_statistics(
    student: Mapping[str, object], plain: Tensor, ramps: Tensor, mean: Tensor, std: Tensor, repeats: int
) -> dict[str, Tensor]:
    """What the two transforms of ``finetune_transforms`` do to crafted images.

    Args:
        plain: black and white, (2, 3, 32, 32).
        ramps: red rises by 7 a column, blue by 7 a row, green is 128; (3, 32, 32).
        repeats: how often ``ramps`` goes through the train transform.

    The train transform is looked at in the middle of its views, where no padding comes.
    """
    with fixed_randomness():
        size = ramps.shape[-1]
        made = student["finetune_transforms"](size=size)
        train, test = _two(made, "finetune_transforms returns (train_transform, test_transform)")
        middle = views(train, ramps, size, repeats, mean, std)[:, :, 8:24, 8:24]
        black, white = (view(train, image, size)[:, 8:24, 8:24] for image in plain)
        tested = [view(test, image, size) for image in (*plain, ramps, ramps)]
    red, blue = middle[:, 0].mean(1), middle[:, 2].mean(2)
    across, down = ((line.mean(1) - 4) / 7 - 15.5 for line in (red, blue))
    slopes = torch.stack([(line[:, -1] - line[:, 0]) / 15 / 7 for line in (red, blue)])
    numbers = {
        "flipped": (slopes[0] < 0).double().mean(),
        "upside_down": (slopes[1] < 0).double().mean(),
        "resized": (slopes.abs() - 1).abs().max(),
        "recoloured": (middle[:, 1] - 128).abs().max(),
        "left": across.min(),
        "right": across.max(),
        "up": down.min(),
        "down": down.max(),
    }
    return {
        "test_views": torch.stack(tested),
        "train_black": black,
        "train_white": white,
        **{name: number.float() for name, number in numbers.items()},
    }


def finetune_loader_passes(
    student: Mapping[str, object],
    train_images: Tensor,
    train_labels: Tensor,
    test_images: Tensor,
    test_labels: Tensor,
    batch_size: int,
) -> dict[str, Tensor]:
    """Two passes over each loader of ``finetune_loaders``.

    Labels are all different and rise with the brightness of their images, so each names its image. ``…_ranks`` are the
    places of the images by brightness, in the order of their labels (train) or as they come (test); ``…_change`` is the
    mean change of an image from the first pass to the second.
    """
    inputs = (train_images, train_labels, test_images, test_labels)
    with fixed_randomness():
        made = student["finetune_loaders"](*(tensor.clone() for tensor in inputs), batch_size)
        train, test = _two(made, "finetune_loaders returns (train_loader, test_loader)")
        train_sizes, train_x, train_y = _passes(train)
        test_sizes, test_x, test_y = _passes(test)
    order = train_y.argsort(dim=1)
    sorted_x = torch.stack([x[places] for x, places in zip(train_x, order, strict=True)])
    return {
        "image_shape": torch.tensor(train_x.shape[2:]),
        "train_batch_sizes": train_sizes,
        "test_batch_sizes": test_sizes,
        "train_labels": train_y.gather(1, order),
        "test_labels": test_y,
        "train_ranks": _ranks(sorted_x),
        "test_ranks": _ranks(test_x),
        "displaced": (order != torch.arange(order.shape[1])).float().mean(),
        "reshuffled": (order[0] != order[1]).float().mean(),
        "train_change": (sorted_x[0] - sorted_x[1]).abs().mean().float(),
        "test_change": (test_x[0] - test_x[1]).abs().mean().float(),
    }


def _passes(loader: object) -> tuple[Tensor, Tensor, Tensor]:
    """Batch sizes (2, batches), images (2, n, …) and labels (2, n) of two passes."""
    sizes, images, labels = [], [], []
    for _ in range(2):
        batches = [_two(batch, "A batch is (x, y)") for batch in loader]
        sizes.append(torch.tensor([len(x) for x, _ in batches]))
        images.append(torch.cat([x for x, _ in batches]))
        labels.append(torch.cat([y for _, y in batches]))
    return torch.stack(sizes), torch.stack(images), torch.stack(labels)


def _ranks(x: Tensor) -> Tensor:
    """Places by the brightness of the middle: (2, n, 3, H, W) -> (2, n)."""
    return x[..., 8:24, 8:24].double().mean((2, 3, 4)).argsort(dim=1).argsort(dim=1)


class GivenEncoder(nn.Module):
    """Stands in for a SimCLR model: (n, 3, 4, 4) -> h (n, 512), z (n, 128); ``encoder`` gives h alone."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(48, 512), nn.Tanh())
        self.projector = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 128))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder(x)
        return h, self.projector(h)


def classifier_logits(student: Mapping[str, object], x: Tensor, num_classes: int) -> dict[str, Tensor]:
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
        raise NotLogits(f"Classifier.forward returns the logits, found a {type(logits).__name__}")
    if logits.requires_grad:
        (logits * pattern(logits.shape, ("classifier",), "logits").to(logits.dtype)).sum().backward()
    bias = next((layer.tensors["bias"] for layer in layers if layer.tensors["weight"].shape == (512, 48)), None)
    gradient = x.new_zeros(512) if bias is None or bias.grad is None else bias.grad
    registered = {id(parameter) for parameter in model.parameters()}
    used = [tensor for layer in layers for tensor in layer.tensors.values()]
    return {
        "logits": logits.detach(),
        "encoder_gradient": gradient,
        "unregistered": torch.tensor(sum(id(tensor) not in registered for tensor in used)),
    }


class GivenClassifier(nn.Module):
    """(n, 3, 2, 2) -> logits (n, 10); notes the mode of every forward. 194 parameters."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.encoder = nn.Linear(12, 8)
        self.linear = nn.Linear(8, 10)
        self.to(start.dtype)
        vector_to_parameters(start.clone(), self.parameters())
        self.forwards = self.eval_forwards = self.no_grad_forwards = 0

    def forward(self, x: Tensor) -> Tensor:
        self.forwards += 1
        self.eval_forwards += not self.training
        self.no_grad_forwards += not torch.is_grad_enabled()
        return self.linear(torch.tanh(self.encoder(x.flatten(1))))


def finetune_epoch(
    student: Mapping[str, object],
    x: Tensor,
    y: Tensor,
    start: Tensor,
    batch_size: int,
    lr: float,
    factors: Tensor,
) -> dict[str, Tensor]:
    """What ``finetune_one_epoch`` returns and leaves behind, for a model that is handed over in eval mode.

    Args:
        x: (n, 3, 2, 2).
        y: (n,) int64 in [0, 10).
        start: parameters of ``GivenClassifier``, (194,).
        factors: of the learning rate, step by step.
    """
    model = GivenClassifier(start)
    model.eval()
    optimizer, scheduler = optimizer_and_scheduler(model, lr, factors)
    loader = DataLoader(TensorDataset(x, y), batch_size)
    returned = student["finetune_one_epoch"](model, loader, optimizer, scheduler, device="cpu")
    loss, top1 = _two(returned, "finetune_one_epoch returns (mean loss, top-1)")
    return {
        "mean_loss": as_number(loss, x.dtype, "The mean loss of finetune_one_epoch"),
        "top_1": as_number(top1, x.dtype, "The top-1 accuracy of finetune_one_epoch"),
        "eval_forwards": torch.tensor(model.eval_forwards),
        "scheduler_steps": torch.tensor(scheduler.last_epoch),
        "parameters": parameters_to_vector(model.parameters()).detach(),
    }


def evaluation(
    student: Mapping[str, object], x: Tensor, y: Tensor, start: Tensor, batch_size: int
) -> dict[str, Tensor]:
    """What ``evaluate`` returns and leaves behind, for a model that is handed over in train mode. Inputs as above."""
    model = GivenClassifier(start)
    model.train()
    returned = student["evaluate"](model, DataLoader(TensorDataset(x, y), batch_size), device="cpu")
    if not isinstance(returned, tuple | list) or len(returned) != 3:
        raise NotThreeNumbers(f"evaluate returns (mean loss, top-1, top-5), found {type(returned).__name__}")
    names = ("mean_loss", "top_1", "top_5")
    return {
        **{n: as_number(value, x.dtype, f"{n} of evaluate") for n, value in zip(names, returned, strict=True)},
        "train_forwards": torch.tensor(model.forwards - model.eval_forwards),
        "gradient_forwards": torch.tensor(model.forwards - model.no_grad_forwards),
        "parameters": parameters_to_vector(model.parameters()).detach(),
    }
