"""Probes of q3: the random transform, the two-view data set, its loader, and the optimiser with its schedule.

A random transform has no reference tensor. It is run many times on crafted images, in which each of its parts leaves a
mark of its own, and what comes back are the frequencies of those marks. ``augmentation/__init__.py`` holds the bounds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

Transform = Callable[[Tensor], Tensor]
MARKS = (
    *("grey", "mean_area", "smallest_area", "largest_area", "flipped", "upside_down"),
    *("jittered", "brightness", "contrast", "saturation", "hue"),
    *("brightness_reach", "brightness_reach_weak", "blurred", "blurred_on_demand"),
)
LOOKS = (4, 2, 1)  # the marks are looked at after a quarter of the views, after half, and after all


class WrongView(ValueError):
    """A transform returned something else than a tensor of the asked shape."""


class WrongTransformInput(TypeError):
    """The given transform was called with something else than one image of bytes."""


class WrongItem(TypeError):
    """A data set's item or a batch is not ((view_i, view_j), label)."""


class NotAnOptimizer(TypeError):
    """``make_optimizer`` returned something else than (optimizer, scheduler)."""


@contextmanager
def fixed_randomness() -> Iterator[None]:
    """Seed all generators, so that grading twice gives the same result, and put their states back."""
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])  # noqa: NPY002


def view(transform: Transform, image: Tensor, size: int) -> Tensor:
    """``transform(image)``; raises a sentence if it is not a tensor (3, size, size)."""
    result = transform(image.clone())
    if not isinstance(result, Tensor):
        raise WrongView(f"The transform returned a {type(result).__name__}, expected a float32 tensor")
    if tuple(result.shape) != (3, size, size):
        raise WrongView(f"The transform returned shape {tuple(result.shape)}, expected {(3, size, size)}")
    return result


def views(transform: Transform, image: Tensor, size: int, repeats: int, mean: Tensor, std: Tensor) -> Tensor:
    """``repeats`` views of an image on the scale of its bytes, 0 to 255: (repeats, 3, size, size) float64."""
    stack = torch.stack([view(transform, image, size) for _ in range(repeats)]).double()
    return 255 * (stack * std.double().view(3, 1, 1) + mean.double().view(3, 1, 1))


class Watched:
    """Views of one image by one transform, taken ``share`` times per repeat and kept."""

    def __init__(self, transform: Transform, image: Tensor, share: float = 1.0) -> None:
        self.transform, self.image, self.share = transform, image, share
        self.parts: list[Tensor] = []

    def watch(self, repeats: int, mean: Tensor, std: Tensor) -> None:
        """Take the views that are still missing for this number of repeats."""
        missing = int(self.share * repeats) - sum(len(part) for part in self.parts)
        self.parts.append(views(self.transform, self.image, 32, missing, mean, std))

    @property
    def seen(self) -> Tensor:
        """All views so far: (n, 3, 32, 32)."""
        return torch.cat(self.parts)


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
    """What ``simclr_transform`` does to four crafted images.

    Views cost time. They are taken in three rounds, and no more are taken once every mark lies where it is settled; a
    mark that is not has all views to it.

    Args:
        plain: black and white, (2, 3, H, W) with H != W; nothing but the normalisation changes them.
        ramps: red rises by 4 a column, blue by 4 a row, green has stripes of width 4.
        stripes: columns of dark grey, bright grey and a colour in turn, see ``colour_marks``.
        grey: one grey level, which only the brightness jitter changes.
        repeats: how often each image is transformed, at most.
        settled: (15, 2), for each of ``MARKS`` the lowest and highest value at which no more views are needed.
    """
    make = student["simclr_transform"]
    with fixed_randomness():
        still = make(size=24, strength=0.0)
        black, white = (view(still, image, 24) for image in plain)
        watched = {
            "sharp": Watched(make(size=32, strength=0.0, blur=False), ramps),
            "soft": Watched(make(size=32, strength=0.0, blur=True), ramps),
            "colour": Watched(make(), stripes),
            "levels": Watched(make(), grey, 2),
            "weak": Watched(make(strength=0.25), grey, 0.5),
        }
        for look in LOOKS:
            for one in watched.values():
                one.watch(repeats // look, mean, std)
            marks = view_marks(**{name: one.seen for name, one in watched.items()}, grey=grey)
            if all_settled(marks, settled):
                break
    return {"black": black, "white": white, **{name: number.float() for name, number in marks.items()}}


def view_marks(sharp: Tensor, soft: Tensor, colour: Tensor, levels: Tensor, weak: Tensor, grey: Tensor) -> dict:
    """All of ``MARKS``, from views of ``ramps`` (sharp, soft), ``stripes`` (colour) and ``grey`` (levels, weak)."""
    return {
        **geometry_marks(torch.cat([sharp, soft])),
        **colour_marks(colour),
        # A level or one and a half may be lost in rounding, by the grayscale step too.
        "jittered": ((levels - grey).abs().amax((1, 2, 3)) > 1.5).double().mean(),
        "brightness_reach": (levels / grey - 1).abs().max() / (0.8 * 0.5),
        "brightness_reach_weak": (weak / grey - 1).abs().max() / (0.8 * 0.25),
        "blurred": blurred_part(sharp),
        "blurred_on_demand": blurred_part(soft),
    }


def all_settled(marks: Mapping[str, Tensor], settled: Tensor) -> bool:
    """Whether every mark lies between its two values; one that is not a number does not."""
    values = torch.stack([marks[name].to(settled.dtype) for name in MARKS])
    return bool(((values >= settled[:, 0]) & (values <= settled[:, 1])).all())


def _without_grey(seen: Tensor) -> Tensor:
    return seen[(seen.amax(1) - seen.amin(1)).amax((1, 2)) >= 4]


def _crop_sides(seen: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of the crop behind each view of ``ramps``, as parts of the image; negative where flipped.

    They are the slopes of red along the columns and of blue along the rows, taken in the middle of the view.
    """
    positions = torch.arange(4.0, 28.0, dtype=seen.dtype) - 15.5
    middle = seen[:, :, 4:28, 4:28]
    scale = 4 * positions.square().sum()
    return (middle[:, 0].mean(1) * positions).sum(1) / scale, (middle[:, 2].mean(2) * positions).sum(1) / scale


def geometry_marks(seen: Tensor) -> dict[str, Tensor]:
    """Frequencies of grey views and of flips, and the areas of the crops, from views of ``ramps``."""
    coloured = _without_grey(seen)
    width, height = _crop_sides(coloured)
    areas = (width * height).abs()
    return {
        "grey": seen.new_tensor(1 - len(coloured) / len(seen)),
        "flipped": (width < 0).double().mean(),
        "upside_down": (height < 0).double().mean(),
        "mean_area": areas.mean(),
        "smallest_area": _extreme(areas, torch.amin),
        "largest_area": _extreme(areas, torch.amax),
    }


def blurred_part(seen: Tensor) -> Tensor:
    """The share of views of ``ramps`` seen to be blurred: their green edges are less steep than the crop allows.

    Grey views and crops narrower than 0.6 hide a blur (enlarging softens an edge as well) and count as sharp.
    """
    coloured = _without_grey(seen)
    width = _crop_sides(coloured)[0].abs()
    steepest = coloured[:, 1].diff(dim=2).abs().mean(1).amax(1) / (120 * width)
    return ((steepest < 0.78) & (width >= 0.6)).double().sum() / len(seen)


def _extreme(values: Tensor, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    return reduce(values) if values.numel() else values.new_tensor(float("nan"))


def colour_marks(seen: Tensor) -> dict[str, Tensor]:
    """How often each part of the colour jitter shows, from views of ``stripes``: greys 50, 110, colour (100, 60, 70).

    Brightness scales the middle of the greys, contrast changes their ratio, saturation the colour's chroma against
    their distance, hue the colour's angle. Each counts where it shows by a quarter of what the jitter allows.
    """
    luma = (seen * seen.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1).flatten(1)
    bright, dark = luma.amax(1), luma.amin(1)
    chromas = (seen.amax(1) - seen.amin(1)).flatten(1)
    chroma, where = chromas.max(1)
    coloured = chroma >= 4
    red, green, blue = seen.flatten(2).gather(2, where.view(-1, 1, 1).expand(-1, 3, 1)).squeeze(2).unbind(1)
    turn = _hue(red, green, blue) - _hue(*seen.new_tensor([100.0, 60.0, 70.0]))
    turn = ((turn + 180) % 360 - 180).abs()
    saturation = chroma / (bright - dark) * 60 / 40
    return {
        "brightness": (((bright + dark) / 160 - 1).abs() > 0.1).double().mean(),
        "contrast": ((dark / bright - 50 / 110).abs() > 0.04).double().mean(),
        "saturation": ((saturation - 1).abs() > 0.15)[coloured].double().mean(),
        "hue": (turn > 9)[coloured].double().mean(),
    }


def _hue(red: Tensor, green: Tensor, blue: Tensor) -> Tensor:
    """Angle of a colour in degrees, on the circle whose axis is grey."""
    return torch.rad2deg(torch.atan2(3**0.5 * (green - blue), 2 * red - green - blue))


class NumberedTransform:
    """A given transform: adds 256 times the number of the call, so that image and call can be told from its output."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: Tensor) -> Tensor:
        if not isinstance(image, Tensor) or image.dtype != torch.uint8 or image.ndim != 3:
            found = f"{image.dtype} {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
            raise WrongTransformInput(f"The transform was given {found}, expected one uint8 image (3, H, W)")
        self.calls += 1
        return image.float() + 256 * self.calls


def _two(pair: object, what: str) -> tuple[object, object]:
    """``pair`` if it is one. A tensor of two rows is none."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        found = f"shape {tuple(pair.shape)}" if isinstance(pair, Tensor) else type(pair).__name__
        raise WrongItem(f"{what}, found {found}")
    return pair[0], pair[1]


def view_pairs(student: Mapping[str, object], images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Every item of ``TwoViews`` fetched twice: images and labels as found, and the calls of the transform they show.

    Args:
        images: (n, 3, H, W) uint8.
        labels: (n,) int64.
    """
    pairs = student["TwoViews"](images.clone(), labels.clone(), NumberedTransform())
    found, marks = [], []
    for k in [*range(len(images)), *range(len(images))]:
        two, label = _two(pairs[k], "An item of TwoViews is ((view_i, view_j), label)")
        stack = torch.stack(_two(two, "The views of an item are (view_i, view_j)"))
        found.append((stack % 256, int(label)))
        marks.append(stack // 256)
    calls = torch.stack([mark.flatten(1)[:, 0] for mark in marks])
    return {
        "length": torch.tensor(len(pairs)),
        "views": torch.stack([stack for stack, _ in found]),
        "labels": torch.tensor([label for _, label in found]),
        "different_in_item": (calls[:, 0] != calls[:, 1]).sum(),
        "different_calls": torch.tensor(calls.unique().numel()),
    }


def loader_passes(student: Mapping[str, object], images: Tensor, labels: Tensor, batch_size: int) -> dict[str, Tensor]:
    """Two passes over ``pretrain_loader``; image k is filled with the byte k, which names it in what comes back.

    ``partners`` and ``labels`` are those found beside the images in the order of ``first_views``, which is sorted.
    ``displaced`` and ``reshuffled`` are the parts of the places that differ from the stored order and between passes.
    """
    with fixed_randomness():
        loader = student["pretrain_loader"](images.clone(), labels.clone(), NumberedTransform(), batch_size)
        passes = [[_loaded(batch) for batch in loader] for _ in range(2)]
    sizes = torch.stack([torch.tensor([len(label) for _, _, label in batches]) for batches in passes])
    first, second, label = (
        torch.stack([torch.cat([batch[part] for batch in batches]) for batches in passes]) for part in range(3)
    )
    order = first.argsort(dim=1)
    return {
        "batch_sizes": sizes,
        "first_views": first.gather(1, order),
        "partners": second.gather(1, order),
        "labels": label.gather(1, order),
        "displaced": (first != first.gather(1, order)).float().mean(),
        "reshuffled": (first[0] != first[1]).float().mean(),
    }


def _loaded(batch: object) -> tuple[Tensor, Tensor, Tensor]:
    """Image numbers of both views and labels of a batch."""
    two, labels = _two(batch, "A batch is ((x_i, x_j), labels)")
    x_i, x_j = _two(two, "The views of a batch are (x_i, x_j), each (b, 3, H, W)")
    return (x_i[:, 0, 0, 0] % 256).long(), (x_j[:, 0, 0, 0] % 256).long(), torch.as_tensor(labels)


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
        gradients: one row per step, (total_steps, 16).
    """
    model = GivenNetwork().to(start.dtype)
    vector_to_parameters(start.clone(), model.parameters())
    made = student["make_optimizer"](model, lr, weight_decay, warmup_steps, total_steps)
    if not isinstance(made, tuple | list) or len(made) != 2 or not hasattr(made[0], "param_groups"):
        raise NotAnOptimizer(
            "make_optimizer returns (optimizer, scheduler); what it returned has no optimiser in the first place"
        )
    optimizer, scheduler = made
    rates, path = [], []
    for gradient in gradients:
        offset = 0
        for parameter in model.parameters():
            parameter.grad = gradient[offset : offset + parameter.numel()].view_as(parameter).clone()
            offset += parameter.numel()
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
        path.append(parameters_to_vector(model.parameters()).detach().clone())
    return {"learning_rates": start.new_tensor(rates), "parameters": torch.stack(path)}


def two_views(student: Mapping[str, object], images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Two random views of each image by the student's transform.

    Args:
        images: ``(k, 3, 32, 32)`` uint8.

    Returns:
        ``views``: ``(k, 2, 3, 32, 32)``, normalised as the student does.
    """
    transform = student["simclr_transform"]()
    return {"views": torch.stack([torch.stack([transform(image), transform(image)]) for image in images])}
