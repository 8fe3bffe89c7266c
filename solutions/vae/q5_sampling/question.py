"""Question 5: new images from the prior, and a straight line between two latent vectors."""

import torch

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.noise.question import ROWS, standard_normal
from autograder.questions.side_effects.question import comparisons, float32_result, gradients_left_off

from . import counts, probes

_SAMPLES = {"three images": 3, "one image": 1, "twenty images": 20}
_NOISE, _CONDUCT = "many images", "four images; four steps, d = 5"
# Width of z, and the number of steps.
_LINES = {
    "five steps, d = 3": (3, 5),
    "two steps, d = 4": (4, 2),
    "one step, d = 3": (3, 1),
    "three steps, d = 1": (1, 3),
    "eleven steps, d = 20": (20, 11),
}


def draw(generator):
    """Logits of the given decoder, as sums of a row and a column; pairs of latent vectors."""

    def logits(n, rows=None):
        rows, columns = (2 * torch.randn(rows or n, 28, generator=generator) for _ in range(2))
        seed = int(torch.randint(1, 2**31, (), generator=generator))
        return {"rows": rows - 0.5, "columns": columns, "seed": seed, "n": n}

    def ends(d, steps):
        z0, z1 = (2 * torch.randn(d, generator=generator) for _ in range(2))
        return {"z0": z0, "z1": z1, "steps": steps}

    return (
        *(Case(name, logits(n)) for name, n in _SAMPLES.items()),
        Case(_NOISE, logits(ROWS, 2)),
        *(Case(name, ends(*setting)) for name, setting in _LINES.items()),
        Case(_CONDUCT, {**logits(4), **ends(5, 4)}),
    )


_IMAGES = "The images are not the probabilities that belong to the logits of model.decode"
_LINE = "The points do not lie at equal distances on the line from z0 to z1, with both ends"
_OF_CONDUCT = {
    "images_have_graph": Exact(advice="The result of sample requires gradients: sampling needs none"),
    "gradients_off": Exact(advice="Gradients are still switched off when sample has returned"),
    **gradients_left_off("sample"),
    "frozen": Exact(advice="The parameters of the model no longer require gradients when sample has returned"),
    **float32_result("sample"),
    **gradients_left_off("interpolate", "line_"),
    **float32_result("interpolate", "line_"),
    **comparisons("interpolate", {"z0": "z0", "z1": "z1"}, prefix="line_"),
}
STUBS = ("sample", "interpolate")
TESTS = (
    Test("samples", "sample returns the probabilities of the pixels", probes.samples, tuple(_SAMPLES),
         {"images": Close(1e-4, advice=_IMAGES, what="the result of sample")}),
    Test("randomness", "sample draws z from N(0, I) with the generator", probes.sampling_randomness, (_NOISE,),
         standard_normal("your z"), count=counts.sampling_randomness, needs=("samples",)),
    Test("interpolation", "interpolate goes straight from z0 to z1, both included", probes.line, tuple(_LINES),
         {"line": Close(1e-4, advice=_LINE, what="the result of interpolate")}),
    Test("conduct", "no graph is kept; inputs and global state stay as they are", probes.conduct, (_CONDUCT,), _OF_CONDUCT,
         count=counts.conduct, needs=("samples", "interpolation")),
)  # fmt: skip
