"""Question 2: the bounds of random draws, the oracle against pytorch-metric-learning, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.utils.loss_and_miner_utils import get_random_triplet_indices
from scipy.stats import binom, chi2

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from . import counts
from .correct import CORRECT, hard_by_masks, pairs_by_masks, triplets_by_masks
from .mistakes import MISCONCEPTIONS
from .oracle import batch_hard
from .question import BATCHES, CALLS, SIZES

HERE, PLAIN = Path(__file__).parent, CORRECT["masks"]
Y = torch.cat([torch.full((size,), name) for name, size in enumerate(SIZES)])


def test_a_correct_function_hardly_ever_misses_a_bound():
    """Bounds on ``unevenness``, on the share of same pairs, and on the variance of their number, all six and more deviations."""
    alike, apart = counts.kinds(Y)
    for df in (1, 2, 3, *(int((kind.sum(1) - 1).clamp(min=0).sum()) for kind in (alike, apart))):
        wilson = 2 / (9 * df)
        assert chi2.sf(df * (1 - wilson + counts.BOUND * wilson**0.5) ** 3, df) < 2e-8
    tosses = CALLS * int((alike.any(1) & apart.any(1)).sum())
    assert binom.cdf(0.42 * tosses, tosses, 0.5) + binom.sf(0.58 * tosses, tosses, 0.5) < 1e-9
    assert chi2.sf(1.6 * (CALLS - 1), CALLS - 1) + chi2.cdf(0.5 * (CALLS - 1), CALLS - 1) < 1e-9
    neighbours, able = 31 * BATCHES, int((alike.any(1) & apart.any(1)).sum())
    assert (
        binom.cdf(0.6 * neighbours / able, neighbours, 1 / able)
        + binom.sf(1.6 * neighbours / able, neighbours, 1 / able)
        < 1e-9
    )


def test_unevenness_is_about_standard_normal_for_uniform_draws_and_large_for_others():
    generator, possible = torch.Generator().manual_seed(0), torch.ones(4, 6).bool()
    possible[0, :5] = False  # a row without a choice

    def drawn(weights, rows=320):
        columns = torch.multinomial(weights.double(), rows, replacement=True, generator=generator)
        return torch.stack([row.bincount(minlength=6) for row in columns])

    found = torch.stack([counts.unevenness(drawn(possible), possible) for _ in range(500)])
    assert abs(found.mean()) < 0.2 and 0.85 < found.std() < 1.15 and found.max() < 4.5
    tilted = possible * torch.tensor([1.0, 1, 1, 1, 1, 2])
    assert counts.unevenness(drawn(tilted), possible) > counts.BOUND
    assert counts.unevenness(drawn(possible)[:1], possible[:1]) == 0


def test_the_hardest_triplets_agree_with_pytorch_metric_learning():
    z, y = torch.randn(20, 4, dtype=torch.float64), torch.randint(5, (20,))
    miner = BatchHardMiner()
    miner.distance.normalize_embeddings = False
    for ours, theirs in zip(batch_hard(z, y), miner(z, y), strict=True):
        assert torch.equal(ours, theirs)


def test_random_triplets_of_pytorch_metric_learning_are_uniform_over_images_too():
    anchor, _, negative = get_random_triplet_indices(Y, t_per_anchor=300)
    table = (anchor * 12 + negative).bincount(minlength=144).view(12, 12)
    assert counts.unevenness(table, counts.kinds(Y)[1]) < counts.BOUND


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("pairs",): "own partner, random partners, partner uniform over classes, pairs from the global generator",
        ("triplets",): "negatives uniform over classes, negatives from all images, positive may be the anchor",
        ("triplets", "fresh"): "one batch for ever, one pass",
        ("fresh",): "seed set in the function, impossible triplets",
        ("hard",): "nearest positive, farthest negative, all anchors kept, own positive",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


UNLISTED = {
    ("pairs_from_labels", pairs_by_masks): {
        "one coin for all": ("torch.rand(n, generator=rng) < 0.5", "torch.rand(1, generator=rng).expand(n) < 0.5"),
        "three in ten": ("< 0.5", "< 0.3"),
        "seeded": ("    coin =", "    rng.manual_seed(0)\n    coin ="),
        "labels changed": ("    n = len(y)", "    n = len(y)\n    y -= y.min()"),
        "partners of the first image": ("(weights, 1, generator=rng)", "(weights[:1].expand(n, n), 1, generator=rng)"),
        "as many same as different": ("torch.rand(n, generator=rng) < 0.5", "torch.randperm(n, generator=rng) < n // 2"),
        "same of the coin": ("return torch.arange(n), j, same", "return torch.arange(n), j, coin"),
        "anchors drawn": ("return torch.arange(n), j", "return torch.randperm(n, generator=rng), j"),
    },
    ("triplet_batches", triplets_by_masks): {
        "anchors without replacement": (
            "torch.randint(len(anchors), (batch_size,), generator=rng)",
            "torch.cat([torch.randperm(len(anchors), generator=rng) for _ in range(batch_size)])[:batch_size]",
        ),
        "one anchor for the batch": ("(batch_size,), generator=rng)", "(1,), generator=rng).expand(batch_size)"),
        "anchors of large classes": ("alike.any(dim=1)", "(alike.sum(dim=1) > 1)"),
        "anchors in order": ("torch.randint(len(anchors), (batch_size,), generator=rng)", "torch.arange(batch_size) % len(anchors)"),
        "smaller batches": ("(batch_size,)", "(min(batch_size, len(y)),)"),
        "positive and negative exchanged": ("yield X[a], X[p], X[n]", "yield X[a], X[n], X[p]"),
        "indices": ("yield X[a], X[p], X[n]", "yield a, p, n"),
        "a pair": ("yield X[a], X[p], X[n]", "yield X[a], X[p]"),
        "never yields": ("    while True:\n", "    for _ in ():\n"),
        "a list": ("        yield X[a], X[p], X[n]", "        return [(X[a], X[p], X[n])]"),
    },
    ("batch_hard", hard_by_masks): {
        "anchors without a negative kept": (" & negative.any(dim=1)", ""),
        "dot products": ("torch.cdist(z, z)", "-(z @ z.T)"),
        "masked by zeros": ('d.masked_fill(~positive, float("-inf"))', "(d * positive)"),
        "masked by a number": ('d.masked_fill(~negative, float("inf"))', "(d + 100 * alike)"),
        "normalised": ("torch.cdist(z, z)", "torch.cdist(F.normalize(z), F.normalize(z))"),
        "z changed": ("    d = ", "    z.detach().mul_(2)\n    d = "),
        "one result": ("return anchors, hardest_positive", "return anchors + 0.0, hardest_positive"),
    },
}  # fmt: skip


@pytest.mark.parametrize(("name", "correct"), UNLISTED)
def test_mistakes_that_nobody_listed_are_seen(name, correct):
    edits = [edit(id, "", *changes) for id, changes in UNLISTED[name, correct].items()]
    tests = {"pairs_from_labels": {"pairs"}, "triplet_batches": {"triplets", "fresh"}, "batch_hard": {"hard"}}[name]
    for mistake in misconceptions(name, correct, edits, PLAIN):
        found = set(lost(HERE, mistake.namespace))
        assert found and found <= tests, (mistake.id, found)


def test_what_is_no_endless_generator_is_told_in_a_sentence():
    wrong = {
        "it should be a generator: use yield": lambda X, y, batch_size, rng: (X, X, X),
        "Your generator ends; it yields batches for ever.": lambda X, y, batch_size, rng: iter(()),
        "What triplet_batches yields should be (X_a, X_p, X_n); it is a tensor": lambda X, y, batch_size, rng: iter(X),
    }
    for words, function in wrong.items():
        assert words in lost(HERE, {**PLAIN, "triplet_batches": function}, one_draw=True)["triplets"]


def test_most_draws_are_many():
    """The tests of ``unevenness`` rest on five and more expected draws of each image."""
    alike, apart = counts.kinds(Y)
    for calls in (CALLS / 2, BATCHES * 32 / int((alike.any(1) & apart.any(1)).sum())):
        assert calls / max(int(kind.sum(1).max()) for kind in (alike, apart)) > 5
