"""Question 1b: the symmetric SimSiam loss."""

from autograder.questions.losses.question import with_variants

from ..losses import loss_tests, two_views
from ..probes import other_negative_cosine


def draw(generator):
    """Predictions and projections of two views, each of its own."""
    return (two_views("simsiam_loss", generator),)


STUBS = ("simsiam_loss",)
TESTS = with_variants(
    loss_tests("simsiam_loss", stopped=("z1", "z2")),
    "simsiam_loss is correct: it was given another negative_cosine in the place of yours.",
    after=("q1a",),
    stand_ins={"negative_cosine": other_negative_cosine},
)
