"""Question 1a: the negative cosine with a stop-gradient on the target."""

from ..losses import SIZES, case, conduct_test, gradient_test, in_words, pair_of_rows, value_test


def draw(generator):
    """Predictions and targets that are alike, of several lengths."""
    pairs = (pair_of_rows(generator, n, d) for n, d in SIZES)
    return (case("negative_cosine", in_words(SIZES), [{"p": p, "z": z} for p, z in pairs]),)


STUBS = ("negative_cosine",)
TESTS = (
    value_test("negative_cosine"),
    gradient_test("negative_cosine", stopped=("z",)),
    conduct_test("negative_cosine"),
)
