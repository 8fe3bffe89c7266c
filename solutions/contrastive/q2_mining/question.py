"""Question 2: random pairs, endless random triplets, and the hardest triplets of a batch.

Random functions are judged by counts over many draws. A correct one misses one of the bounds with a chance below 1e-7: see
``test_a_correct_function_hardly_ever_misses_a_bound``.
"""

import torch

from autograder.questions.model import Case, Exact, Test, Within

from . import counts, probes

CALLS, FEW, BATCHES = 400, 60, 120
SIZES = (6, 3, 2, 1)  # of the classes: uniform over images is not uniform over classes, and one image has no partner
_TWELVE = "twelve images, classes of 6, 3, 2 and 1"
_PAIRS = {
    _TWELVE: SIZES,
    "three images of one class": (3,),
    "four classes of one image": (1, 1, 1, 1),
    "two images": (1, 1),
}
_TRIPLETS = {f"{_TWELVE}, batches of 32": (SIZES, 32), "two classes of two images, batches of 1": ((2, 2), 1)}
_FRESH = f"{_TWELVE}, batches of 3"
# Labels of the batches; all the same letter's images are one class.
_HARD = {
    "a": "baabcab",
    "b": "a",
    "c": "aaaa",
    "d": "abcd",
    "e": "aabbccaabbcda",
    "f": "ab",
    "g": "aab",
    "h": "abcabca",
}
_BATCHES = "batches of several classes; of one image; of one class; of classes of one image"


def draw(generator):
    """Labels with gaps in random order, distinct images, embeddings without ties, and seeds for the generators."""

    def labels(sizes):
        names = torch.tensor([-7, 3, 0, 1000])[torch.randperm(4, generator=generator)]
        y = torch.cat([name.expand(size) for name, size in zip(names, sizes)])
        return y[torch.randperm(len(y), generator=generator)]

    def seed():
        return int(torch.randint(1, 2**31, (), generator=generator))

    def images(y):
        return torch.randn(len(y), 1, 2, generator=generator)

    def triplets(sizes, batch_size, batches):
        y = labels(sizes)
        return {"X": images(y), "y": y, "batch_size": batch_size, "batches": batches, "seed": seed()}

    return (
        *(
            Case(name, {"y": labels(sizes), "calls": CALLS if sizes == SIZES else FEW, "seed": seed()})
            for name, sizes in _PAIRS.items()
        ),
        *(Case(name, triplets(*setting, BATCHES)) for name, setting in _TRIPLETS.items()),
        Case(_FRESH, triplets(SIZES, 3, 8)),
        Case(
            _BATCHES,
            {key: value for letter, text in _HARD.items() for key, value in _hard(generator, letter, text).items()},
        ),
    )


def _hard(generator, letter, text):
    """Embeddings in which no second row is about as near or as far as the nearest or the farthest one."""
    y = torch.tensor([ord(name) * 5 - 490 for name in text])
    while True:
        z = torch.randn(len(y), 3, generator=generator)
        distances = torch.cdist(z.double(), z.double()).sort(dim=1).values
        if letter == "g":  # the only positive of either anchor lies on it
            return {f"z_{letter}": torch.cat([z[:1], z[:1], z[2:]]), f"y_{letter}": y}
        if len(y) == 1 or (distances.diff(dim=1) > 1e-3).all():
            return {f"z_{letter}": z * (1e4 if letter == "h" else 1), f"y_{letter}": y}


def _none(advice):
    """A number of events that has to be 0. It may be random, so a mistake is recognised by its being more."""
    return Within(-0.5, 0.5, dtype="int64", advice=advice)


def _uniform(advice):
    return Within(-1e9, counts.BOUND, advice=advice)


_OF_PAIRS = {
    "order": _none("The first result, i, is not 0, 1, …, n - 1 in this order"),
    "itself": _none("Some images are their own partner"),
    "mismatched": _none("The third result, same, is not True exactly where y[i] == y[j]"),
    "impossible": _none(
        "An image whose class has no other image, or a batch of one class, gets no partner of the other kind"
    ),
    "share": Within(
        0.42,
        0.58,
        advice="About half of the pairs are same pairs where both kinds exist: toss a fair coin for each image",
    ),
    "coins": Within(0.5, 1.6, advice="One coin decides about several images: toss one for each image"),
    "alike": _uniform("Partners of the same class are not uniform over the other images of it, or not drawn anew"),
    "apart": _uniform("Partners of other classes are not uniform over all images of these, or not drawn anew"),
    "repeat_differs": _none(
        "A generator with the same seed does not repeat your pairs: you draw some of them elsewhere"
    ),
    "rng_bytes": _none("You seed torch's global random generator in pairs_from_labels, or draw from it"),
    "changed_y": _none("You change y in place in pairs_from_labels; compute on a new tensor"),
}
_OF_TRIPLETS = {
    "sizes": _none("Some batches do not hold batch_size triplets"),
    "unknown": _none("Some rows of your batches are no images of X"),
    "itself": _none("A positive may be the anchor itself; take another image of the class"),
    "other_class": _none("A positive may be of another class than its anchor"),
    "own_class": _none("A negative may be of the class of its anchor"),
    "anchors": _uniform(
        "Anchors are not uniform over the images that have a positive and a negative, or not drawn anew"
    ),
    "repeats": Within(0.6, 1.6, advice="The anchors of a batch are not drawn each by itself, with replacement"),
    "positives": _uniform("Positives are not uniform over the other images of the anchor's class, or not drawn anew"),
    "negatives": _uniform("Negatives are not uniform over the images of other classes, or not drawn anew"),
}
_OF_FRESH = {
    "unknown": _OF_TRIPLETS["unknown"],
    "repeated": _none("Your generator yields the same batch again: draw each batch anew"),
    "same_in_next": _none(
        "Two generators in turn with one rng yield the same batches: you set a seed, or draw from a copy of rng"
    ),
    "repeat_differs": _none("An rng with the same seed does not repeat your batches: you draw some of them elsewhere"),
    "rng_bytes": _none("You seed torch's global random generator in triplet_batches, or draw from it"),
    "changed": _none("You change X or y in place in triplet_batches; compute on new tensors"),
    "not_refused": _none("With no possible triplet the first next() raises a ValueError; yours does not"),
}
_OF_HARD = {
    **{
        f"{name}_{letter}": Exact(what=f"the tensor of {name} of a batch of labels {' '.join(text)}")
        for letter, text in _HARD.items()
        for name in probes.HARD
    },
    "changed": Exact(advice="You change z or y in place in batch_hard; compute on new tensors"),
    "rng_bytes": Exact(advice="You seed torch's global random generator in batch_hard, or draw from it"),
}
STUBS = ("pairs_from_labels", "triplet_batches", "batch_hard")
TESTS = (
    Test("pairs", "pairs: half of them same, uniform partners", probes.pairs, tuple(_PAIRS), _OF_PAIRS, count=counts.pairs),
    Test("triplets", "triplets: other positives, uniform negatives", probes.triplets, tuple(_TRIPLETS), _OF_TRIPLETS,
         count=counts.triplets),
    Test("fresh", "each batch is drawn anew, from rng alone; impossible triplets are refused", probes.fresh, (_FRESH,), _OF_FRESH,
         count=counts.fresh, needs=("pairs", "triplets", "hard")),
    Test("hard", "the hardest positive and negative of each anchor", probes.hard, (_BATCHES,), _OF_HARD, count=counts.hard),
)  # fmt: skip
