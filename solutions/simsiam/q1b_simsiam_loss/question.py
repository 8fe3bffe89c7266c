"""Question 1b: the symmetric SimSiam loss."""

from ..losses import conduct_test, gradient_test, two_views, value_test, with_variants
from ..probes import other_negative_cosine


def draw(generator):
    """Predictions and projections of two views, each of its own."""
    return (two_views("simsiam_loss", generator),)


STUBS = ("simsiam_loss",)
TESTS = with_variants(
    (value_test("simsiam_loss"), gradient_test("simsiam_loss", stopped=("z1", "z2")), conduct_test("simsiam_loss")),
    "simsiam_loss is correct: it was given another negative_cosine in the place of yours.",
    after=("q1a",),
    stand_ins={"negative_cosine": other_negative_cosine},
)
