"""Question 1a: the negative cosine with a stop-gradient on the target."""

from autograder.questions.losses.question import in_words

from ..losses import SIZES, case, loss_tests, pair_of_rows


def draw(generator):
    """Predictions and targets that are alike, of several lengths."""
    pairs = (pair_of_rows(generator, n, d) for n, d in SIZES)
    return (case("negative_cosine", in_words(SIZES), [{"p": p, "z": z} for p, z in pairs]),)


STUBS = ("negative_cosine",)
TESTS = loss_tests("negative_cosine", stopped=("z",))
