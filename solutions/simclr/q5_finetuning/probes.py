"""Probes of q5: the fine-tuning transforms and loaders, the classifier, its training epoch and its evaluation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector
from torch.utils.data import TensorDataset

from autograder.questions.layers import Layer, fill_layers, layer_pattern, pattern, trace_layers
from autograder.questions.probing import as_number, described, global_state_kept, gradients_of, pair
from autograder.questions.training.probes import FACTORS, GivenModel, Loop, Student, generator
from autograder.questions.views import fixed_randomness, view, views


WIDTH = 512  # of h
SMALL = 24  # side of smaller images
PASSES = 4  # over a training loader: two orders in turn, or three, repeat


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
        WrongView: a view has another shape than it should, also of a smaller image.
        NotAPair: ``finetune_transforms`` returned something else than two transforms.
    """
    with fixed_randomness():
        size = ramps.shape[-1]
        made = student["finetune_transforms"](size=size)
        form = "what finetune_transforms returns", "(train_transform, test_transform)"
        train, test = pair(made, *form)
        train_views = views(train, ramps, size, repeats)
        black, white = (view(train, image, size) for image in plain)
        tested = [view(test, image, size) for image in (*plain, ramps, ramps)]
        for transform in pair(student["finetune_transforms"](size=SMALL), *form):
            view(transform, ramps[:, :SMALL, :SMALL].contiguous(), SMALL)
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
    """Two passes over each loader of ``finetune_loaders``, and more over that of the training images.

    Returns, of each of ``train_…`` and ``test_…``:
        ``batch_sizes``: (2, batches); ``x``: (2, n, 3, H, W); ``y``: (2, n).
        ``train_orders``: the labels of the training images in ``PASSES`` passes, (PASSES, n).
    """
    inputs = (train_images, train_labels, test_images, test_labels)
    with fixed_randomness():
        made = student["finetune_loaders"](*(tensor.clone() for tensor in inputs), batch_size)
        loaders = pair(made, "what finetune_loaders returns", "(train_loader, test_loader)")
        passes = {name: _passes(loader) for name, loader in zip(("train", "test"), loaders)}
        more = [torch.cat([y for _, y in loaders[0]]) for _ in range(PASSES - 2)]
    of_each = {
        f"{name}_{part}": tensor
        for name, parts in passes.items()
        for part, tensor in zip(("batch_sizes", "x", "y"), parts, strict=True)
    }
    return {**of_each, "train_orders": torch.stack([*passes["train"][2], *more])}


def _passes(loader: object) -> tuple[Tensor, Tensor, Tensor]:
    """Batch sizes (2, batches), images (2, n, …) and labels (2, n) of two passes."""
    sizes, images, labels = [], [], []
    for _ in range(2):
        batches = [pair(batch, "a batch", "(x, y)") for batch in loader]
        sizes.append(torch.tensor([len(x) for x, _ in batches]))
        images.append(torch.cat([x for x, _ in batches]))
        labels.append(torch.cat([y for _, y in batches]))
    return torch.stack(sizes), torch.stack(images), torch.stack(labels)


class ShowsMode(nn.Module):
    """(n, d) -> (n, d), multiplied by another number where it or its batch norm is in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1, affine=False)

    def forward(self, h: Tensor) -> Tensor:
        mode = self.training if self.training == self.norm.training else None
        return FACTORS[mode, True] * h


class GivenEncoder(nn.Module):
    """Stands in for a SimCLR model: (n, 3, 4, 4) -> h (n, 512), z (n, 128); ``encoder`` gives h alone."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(48, 512), nn.Tanh(), ShowsMode())
        self.projector = nn.Linear(512, 128)  # not the head that q2 asks for

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder(x)
        return h, self.projector(h)


ENCODER = (512, 48)  # the shape of the weight of the given encoder


def classifier_logits(student: Student, x: Tensor, num_classes: int) -> dict[str, Tensor]:
    """Logits of ``Classifier`` on a ``GivenEncoder`` whose weights are filled before; all others are filled after.

    Returns:
        ``logits``, ``logits_in_eval_mode``: (n, num_classes).
        ``encoder_weights``: sums of the rows of the encoder's weight as the classifier uses it, (512,).
        ``encoder_gradients``: of a weighted sum of the logits to that weight, as sums of its rows, and to the bias, (1024,);
            0 where there is none.
        ``unregistered``: how many tensors in use are no parameters of the classifier.

    Raises:
        NotLogits: the classifier returns something else than a tensor.
    """
    given = GivenEncoder().to(x.dtype)
    fill_layers(trace_layers(given, x))
    model = student["Classifier"](given, num_classes).to(x.dtype)
    layers = trace_layers(model, x)
    fill_layers([layer for layer in layers if layer.tensors["weight"].shape != ENCODER])
    _fill_others(model, layers)
    logits_in_eval_mode = model.eval()(x)
    logits = model.train()(x)
    if not isinstance(logits, Tensor):
        raise NotLogits(f"Classifier.forward should return a tensor of logits, found {described(logits)}")
    weight, bias = next(
        (
            (layer.tensors["weight"], layer.tensors["bias"])
            for layer in layers
            if layer.tensors["weight"].shape == ENCODER
        ),
        (x.new_zeros(ENCODER), x.new_zeros(ENCODER[0])),
    )
    arrived = [None, None]
    trainable = [tensor for tensor in (weight, bias) if tensor.requires_grad]
    if logits.requires_grad and trainable:
        weighted = (logits * pattern(logits.shape, ("classifier",), "logits").to(logits.dtype)).sum()
        found = iter(gradients_of(weighted, trainable))
        arrived = [next(found) if tensor.requires_grad else None for tensor in (weight, bias)]
    of_weight, of_bias = (
        torch.zeros_like(tensor) if gradient is None else gradient
        for tensor, gradient in zip((weight, bias), arrived, strict=True)
    )
    registered = {id(parameter) for parameter in model.parameters()}
    used = [tensor for layer in layers for tensor in layer.tensors.values()]
    return {
        "logits": logits.detach(),
        "logits_in_eval_mode": logits_in_eval_mode.detach(),
        "encoder_weights": weight.detach().sum(1),
        "encoder_gradients": torch.cat([of_weight.sum(1), of_bias]),
        "unregistered": torch.tensor(sum(id(tensor) not in registered for tensor in used)),
    }


def _fill_others(model: nn.Module, layers: list[Layer]) -> None:
    """Fill the parameters of a linear layer that is written as a product: they are of no layer that was found."""
    found = {id(tensor) for layer in layers for tensor in layer.tensors.values()}
    with torch.no_grad():
        for parameter in model.parameters():
            if id(parameter) in found:
                continue
            if parameter.ndim == 2 and WIDTH in parameter.shape:
                rows = parameter if parameter.shape[1] == WIDTH else parameter.T
                rows.copy_(layer_pattern(("linear", *rows.shape, 0), "weight", rows.shape))
            elif parameter.ndim == 1:
                parameter.copy_(layer_pattern(("linear", len(parameter), WIDTH, 0), "bias", parameter.shape))


def given_classifier(start: Tensor) -> GivenModel:
    """(n, 3, 2, 2) -> logits (n, 10). 194 parameters."""
    return GivenModel(start, encoder=nn.Linear(12, 8), linear=nn.Linear(8, 10))


LOOP = Loop("finetune_one_epoch", given_classifier, lambda x, y: TensorDataset(x, y))
"""Cases hold x (n, 3, 2, 2), y (n,) int64 in [0, 10), the 194 parameters as ``start``, and a ``batch_size``."""


def finetune_epoch(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    """The outputs of ``Loop.run``, whatever ``finetune_one_epoch`` returns. The model is handed over in train mode."""
    return LOOP.parameters(student, **inputs)


def finetune_means(student: Student, lr: float, **inputs: Tensor | float) -> dict[str, Tensor]:
    """What ``finetune_one_epoch`` returns at learning rate 0, where it does not depend on the steps, and while it learns.

    Returns:
        ``mean_loss``, ``top_1``: at learning rate 0; ``mean_loss_in_training``, ``top_1_in_training``: at ``lr``, over a
            generator of batches. ``rows``, ``rows_learnt_from``: those of ``Loop.run`` in the latter.
    """
    still, _ = LOOP.run(student, **inputs, lr=0.0, training=False)
    moving, outputs = LOOP.run(student, **inputs, lr=lr, training=False, batches=generator)
    numbers = {}
    for ending, returned in (("", still), ("_in_training", moving)):
        loss, top1 = pair(returned, "what finetune_one_epoch returns", "(mean loss, top-1)")
        numbers[f"mean_loss{ending}"] = as_number(loss, inputs["start"].dtype, "The mean loss of finetune_one_epoch")
        numbers[f"top_1{ending}"] = as_number(top1, inputs["start"].dtype, "The top-1 accuracy of finetune_one_epoch")
    return {**numbers, "rows": outputs["rows"], "rows_learnt_from": outputs["rows_learnt_from"]}


def finetune_side_effects(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return LOOP.side_effects(student, **inputs)


def evaluation(student: Student, start: Tensor, batch_size: int, **data: Tensor) -> dict[str, Tensor]:
    """What ``evaluate`` returns for a list of batches. Inputs as in ``LOOP``.

    Raises:
        NotThreeNumbers: it returns something else than three numbers.
    """
    with global_state_kept():
        returned = student["evaluate"](given_classifier(start), list(LOOP.loader(batch_size, **data)), device="cpu")
    if not isinstance(returned, tuple | list) or len(returned) != 3:
        raise NotThreeNumbers(f"what evaluate returns should be (mean loss, top-1, top-5); it is {described(returned)}")
    names = {"mean_loss": "mean loss", "top_1": "top-1 accuracy", "top_5": "top-5 accuracy"}
    return {
        name: as_number(number, start.dtype, f"The {what} of evaluate")
        for (name, what), number in zip(names.items(), returned, strict=True)
    }


def evaluation_side_effects(student: Student, start: Tensor, batch_size: int, **data: Tensor) -> dict[str, Tensor]:
    """What ``evaluate`` does to a model that is handed over in train mode, over a ``DataLoader``.

    Returns:
        ``images``: how many went through the model; ``train_forwards``, ``mixed_forwards``, ``gradient_forwards``: how many
            forwards ran in train mode, with only a part of the model in train mode, and with gradients.
        ``parameters``: afterwards, (parameters,); ``statistics``, ``trainable``, ``gradients_on``: as those of ``Loop.run``.
    """
    model = given_classifier(start).train()
    with global_state_kept():
        student["evaluate"](model, LOOP.loader(batch_size, **data), device="cpu")
        gradients_on = torch.is_grad_enabled()
    return {
        "images": torch.tensor(model.tally["images"]),
        "train_forwards": torch.tensor(model.tally["training"]),
        "mixed_forwards": torch.tensor(model.tally["mixed"]),
        "gradient_forwards": torch.tensor(model.tally["gradients"]),
        "parameters": parameters_to_vector(model.parameters()).detach(),
        "statistics": model.norm.running_mean.clone(),
        "trainable": torch.tensor([parameter.requires_grad for parameter in model.parameters()]),
        "gradients_on": torch.tensor(gradients_on),
    }


def other_transforms(size: int = 32) -> tuple:
    """Stands in for ``finetune_transforms``: (train_transform, test_transform), neither of which is what the question asks.

    Training: rolled around by up to ``size`` pixels along both axes, and turned; both: another scale than that of q5.
    """

    def test(image: Tensor) -> Tensor:
        return image[:, :size, :size].float() / 100 - 1

    def train(image: Tensor) -> Tensor:
        shifts = torch.randint(size, (2,)).tolist()
        rolled = test(image).roll(shifts, (1, 2))
        return rolled.flip(1) if torch.rand(()) < 0.5 else rolled

    return train, test
