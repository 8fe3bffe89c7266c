"""Probes of q3: the random transform, the two-view data set, its loader, and the optimizer with its schedule."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.utils.data import Dataset

from autograder.questions.probing import pair
from autograder.questions.views import NumberedTransform, Transform, Watched, all_settled, fixed_randomness, view

from .counts import LOOKS, SHARES, view_marks


PASSES = 4  # two orders in turn, or three, repeat


class NotAnOptimizer(TypeError):
    """``make_optimizer`` returned something else than (optimizer, scheduler)."""


def augmentation_statistics(
    student: Mapping[str, object],
    plain: Tensor,
    ramps: Tensor,
    stripes: Tensor,
    grey: Tensor,
    mean: Tensor,
    std: Tensor,
    repeats: int,
    settled: Tensor,
) -> dict[str, Tensor]:
    """What ``simclr_transform`` makes of four crafted images.

    Views cost time. They are taken in three rounds, and no more are taken once every mark lies where it is settled; a
    mark that is not has all views to it.

    Args:
        plain, ramps, stripes, grey: see ``crafted_images``.
        mean, std: (3,), what the transform normalises with.
        repeats: how often each image is transformed, at most.
        settled: (marks, 2), for each of ``MARKS`` the lowest and highest value at which no more views are needed.

    Returns:
        ``black``, ``white``: the views of ``plain``, (3, 24, 24).
        ``sharp``, ``soft``, ``colour``, ``levels``, ``weak``: those of the others, (…, 3, 32, 32), see ``view_marks``.

    Raises:
        WrongView: the transform returns no tensor, or one of another shape.
    """
    make = student["simclr_transform"]
    with fixed_randomness():
        still = make(size=24, strength=0.0)
        black, white = (view(still, image, 24) for image in plain)
        transforms = {
            "sharp": (make(size=32, strength=0.0, blur=False), ramps),
            "soft": (make(size=32, strength=0.0, blur=True), ramps),
            "colour": (make(), stripes),
            "levels": (make(), grey),
            "weak": (make(strength=0.25), grey),
        }
        watched = {name: Watched(*given) for name, given in transforms.items()}
        for look in range(LOOKS):
            for name, one in watched.items():
                one.watch(int(SHARES[name][look] * repeats))
            seen = {name: one.seen for name, one in watched.items()}
            if all_settled(view_marks(seen, grey, mean, std), settled):
                break
    return {"black": black, "white": white, **seen}


def view_pairs(student: Mapping[str, object], images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Every item of ``TwoViews`` fetched twice, with a transform that numbers its calls.

    Args:
        images: (n, 3, H, W) uint8.
        labels: (n,) int64.

    Returns:
        ``length``; ``numbered_views`` (2n, 2, 3, H + 1, W), see ``NumberedTransform``; ``labels`` (2n,).

    Raises:
        NotAPair: an item is not ((view_i, view_j), label).
        WrongTransformInput: the transform is not given an image as stored.
    """
    pairs = student["TwoViews"](images.clone(), labels.clone(), NumberedTransform())
    found = []
    for k in [*range(len(images)), *range(len(images))]:
        two, label = pair(pairs[k], "an item of TwoViews", "((view_i, view_j), label)")
        stack = torch.stack(pair(two, "the first part of an item of TwoViews", "(view_i, view_j)"))
        found.append((stack, int(label)))
    return {
        "length": torch.tensor(len(pairs)),
        "numbered_views": torch.stack([stack for stack, _ in found]),
        "labels": torch.tensor([label for _, label in found]),
    }


def loader_passes(student: Mapping[str, object], images: Tensor, labels: Tensor, batch_size: int) -> dict[str, Tensor]:
    """``PASSES`` passes over ``pretrain_loader``.

    Args:
        images: (n, 3, H, W) uint8, each filled with a byte of its own, which names it in what comes back.
        labels: (n,) int64.

    Returns:
        ``batch_sizes``: (passes, batches).
        ``views_i``, ``views_j``: (passes, n, 3, H + 1, W), see ``NumberedTransform``; ``labels``: (passes, n).

    Raises:
        NotAPair: a batch is not ((x_i, x_j), labels).
    """
    with fixed_randomness():
        loader = student["pretrain_loader"](images.clone(), labels.clone(), NumberedTransform(), batch_size)
        passes = [[_loaded(batch) for batch in loader] for _ in range(PASSES)]
    sizes = torch.stack([torch.tensor([len(label) for _, _, label in batches]) for batches in passes])
    first, second, label = (
        torch.stack([torch.cat([batch[part] for batch in batches]) for batches in passes]) for part in range(3)
    )
    return {"batch_sizes": sizes, "views_i": first, "views_j": second, "labels": label}


def _loaded(batch: object) -> tuple[Tensor, Tensor, Tensor]:
    """Both views and the labels of a batch: (b, 3, H, W) twice, and (b,). Raises NotAPair."""
    two, labels = pair(batch, "a batch", "((x_i, x_j), labels)")
    x_i, x_j = pair(two, "the first part of a batch", "(x_i, x_j)")
    return x_i, x_j, torch.as_tensor(labels)


class GivenNetwork(nn.Module):
    """A small model whose parameters are spread over parts, as those of a SimCLR model are; 16 numbers in all."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        self.head = nn.Linear(2, 1)
        self.scale = nn.Parameter(torch.ones(1))


def optimizer_path(
    student: Mapping[str, object],
    start: Tensor,
    gradients: Tensor,
    lr: float,
    weight_decay: float,
    warmup_steps: int,
    total_steps: int,
) -> dict[str, Tensor]:
    """Learning rates and parameters while ``make_optimizer`` follows given gradients.

    Args:
        start: parameters of a ``GivenNetwork``, (16,).
        gradients: one row for each of the first steps, (steps, 16); the steps after these have no gradients.

    Returns:
        ``learning_rates``: (total_steps,); ``parameters``: (steps, 16), after each of the first steps.

    Raises:
        NotAnOptimizer: ``make_optimizer`` does not return an optimizer and something else.
    """
    model = GivenNetwork().to(start.dtype)
    vector_to_parameters(start.clone(), model.parameters())
    made = student["make_optimizer"](model, lr, weight_decay, warmup_steps, total_steps)
    if not isinstance(made, tuple | list) or len(made) != 2 or not hasattr(made[0], "param_groups"):
        raise NotAnOptimizer(
            "the output of make_optimizer should be the pair (optimizer, scheduler); its first part is no optimizer"
        )
    optimizer, scheduler = made
    rates, path = [], []
    parameters = list(model.parameters())
    for step in range(total_steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        if step < len(gradients):
            parts = gradients[step].split([parameter.numel() for parameter in parameters])
            for parameter, part in zip(parameters, parts, strict=True):
                parameter.grad = part.view_as(parameter).clone()
            optimizer.step()
            path.append(parameters_to_vector(parameters).detach().clone())
        scheduler.step()
    return {"learning_rates": start.new_tensor(rates), "parameters": torch.stack(path)}


class OtherViews(Dataset):
    """Stands in for ``TwoViews``: items of that form, but with other labels, of the images in another order."""

    def __init__(self, images: Tensor, labels: Tensor, transform: Transform) -> None:
        self.images, self.labels, self.transform = images.flip(0), 3 * labels + 7, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, k: int) -> tuple[tuple[Tensor, Tensor], Tensor]:
        return (self.transform(self.images[k]), self.transform(self.images[k])), self.labels[k]


def two_views(student: Mapping[str, object], images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Two random views of each image by the student's transform.

    Args:
        images: ``(k, 3, 32, 32)`` uint8.

    Returns:
        ``views``: ``(k, 2, 3, 32, 32)``, normalised as the student does.
    """
    transform = student["simclr_transform"]()
    return {"views": torch.stack([torch.stack([transform(image), transform(image)]) for image in images])}
