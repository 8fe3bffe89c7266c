"""Question 7 (bonus): classifier-free guidance, dropping labels in training and guiding in sampling."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.side_effects.question import comparisons, float32_result

from . import counts, probes

# Name, number of labels, p, null label.
_DROPS = (
    ("ten classes, p = 0.5, uniform numbers on the bound", 12, 0.5, 10),
    ("ten classes, p = 0.1", 40, 0.1, 10),
    ("p = 0, uniform numbers of 0", 6, 0.0, 10),
    ("p = 1", 6, 1.0, 10),
    ("three classes, null label 3", 9, 0.75, 3),
    ("null label 0", 9, 0.25, 0),
    ("one label", 1, 0.25, 7),
)
# Name, shape of x_t, T, t, scale, null label.
_GUIDED = (
    ("scale 0", (4, 1, 3, 4), 6, (5, 0, 2, 2), 0.0, 5),
    ("scale 1", (4, 1, 3, 4), 6, (5, 0, 2, 2), 1.0, 5),
    ("scale 2.5", (3, 3, 4, 4), 6, (1, 0, 5), 2.5, 5),
    ("scale 7, null label 2", (5, 1, 4, 3), 4, (0, 1, 2, 3, 3), 7.0, 2),
    ("scale 0.3, rows of six", (4, 6), 6, (5, 1, 1, 0), 0.3, 5),
    ("scale -0.5", (3, 3, 4, 4), 6, (5, 4, 0), -0.5, 5),
    ("scale 3, one image", (1, 1, 5, 4), 6, (3,), 3.0, 5),
)
_CLASSES = 5  # and one more, for no class
_SIDE_EFFECTS = "four images of two channels, scale 2"


def _labels(generator: torch.Generator, n: int, null_label: int, classes: int) -> torch.Tensor:
    """Labels (n,) below ``classes`` + 1 that leave the null label out."""
    labels = torch.randint(classes, (n,), generator=generator)
    return labels + (labels >= null_label)


def _drop_case(generator: torch.Generator, name: str, n: int, p: float, null_label: int) -> Case:
    uniform = torch.rand(n, generator=generator)
    if n == 1:
        uniform[0] = p / 2
    else:
        uniform[1] = uniform[4] = p  # the bound itself keeps its label
    if 0 < p < 1 and n > 1:  # one number cannot speak for all, whichever it is
        sides = (p / 2, (1 + p) / 2)
        uniform[0], uniform[-1] = sides if n == 9 else sides[::-1]
    labels = _labels(generator, n, null_label, min(null_label, 10) or 4)
    return Case(name, {"labels": labels, "uniform": uniform.clamp(max=0.999), "p": p, "null_label": null_label})


def _guided_inputs(
    generator: torch.Generator, shape: tuple[int, ...], steps: int, t: tuple[int, ...], scale: float, null_label: int
) -> dict:
    return {
        "x_t": 1.5 * torch.randn(shape, generator=generator),
        "t": torch.tensor(t),
        "labels": _labels(generator, shape[0], null_label, _CLASSES),
        "scale": scale,
        "null_label": null_label,
        "start": torch.randn(2 * steps + 1, generator=generator),
        "classes": 2 * torch.randn(_CLASSES + 1, generator=generator),
    }


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Labels with uniform numbers below, above and on the bound; images and labels for a given model."""
    inputs = _guided_inputs(generator, (4, 2, 3, 4), 6, (5, 0, 3, 3), 2.0, 5)
    return (
        *(_drop_case(generator, *row) for row in _DROPS),
        *(Case(name, _guided_inputs(generator, *rest)) for name, *rest in _GUIDED),
        Case(_SIDE_EFFECTS, {**inputs, "uniform": torch.tensor([0.2, 0.9, 0.4, 0.7]), "p": 0.5}),
    )


STUBS = ("drop_labels", "guided_eps")
TESTS = (
    Test(
        id="labels",
        title="drop_labels puts the null label where uniform < p",
        probe=probes.dropped_labels,
        cases=tuple(row[0] for row in _DROPS),
        outputs={
            "labels": Exact(
                advice="The labels are not those that drop_labels gets, with the null label where uniform < p",
                what="the result of drop_labels",
            )
        },
    ),
    Test(
        id="guided",
        title="guided_eps for scales from -0.5 to 7",
        probe=probes.guided_prediction,
        cases=tuple(row[0] for row in _GUIDED),
        outputs={
            "eps": Close(
                1e-3,
                what="the prediction",
                advice="The prediction is not ε(x, t, ∅) + scale · (ε(x, t, y) − ε(x, t, ∅))",
            )
        },
    ),
    Test(
        id="conduct",
        title="inputs and global state stay as they are",
        probe=probes.guidance_side_effects,
        cases=(_SIDE_EFFECTS,),
        outputs={
            **comparisons("drop_labels", {"labels": "the labels", "uniform": "the uniform numbers"}, prefix="dropped_"),
            **comparisons("guided_eps", {"x_t": "x_t", "t": "t", "labels": "the labels"}, prefix="guided_"),
            **float32_result("guided_eps", "guided_"),
            "guided_moves": Exact(advice="You return x_t itself from guided_eps, or another shape"),
        },
        count=counts.guidance_side_effects,
        needs=("labels", "guided"),
    ),
)
