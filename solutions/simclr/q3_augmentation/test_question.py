"""Question 3: the oracle against torchvision, the bounds against chance, and the probes on crafted images."""

import inspect
import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as TF

from autograder.questions.cases import stored_cases
from autograder.questions.model import Within
from autograder.questions.probing import NotAPair
from autograder.questions.views import WrongTransformInput, crafted_images
from autograder.release.trial import judgements, lost
from . import counts, oracle, probes
from .correct import CORRECT, TupleViews
from .mistakes import MISCONCEPTIONS, PLAIN
from .question import REPEATS, SETTLED, TESTS

FOLDER = Path(__file__).parent
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
BOUNDS = {name: c for name, c in TESTS[0].outputs.items() if isinstance(c, Within)}
MEAN, STD = torch.tensor(oracle.MEAN), torch.tensor(oracle.STD)
NEVER = torch.tensor([[1.0, 0.0]]).expand(len(counts.MARKS), 2)


def colours(seed=0, side=16):
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- the oracle's parts against torchvision ---


@pytest.mark.parametrize(("h", "w"), [(12, 16), (15, 13), (32, 32)])
def test_resize_agrees_with_torchvision(h, w):
    pixels = colours()[:, :h, :w] if h < 32 else colours(side=32)
    theirs = TF.resize(pixels, [32, 32], antialias=True)
    torch.testing.assert_close(torch.from_numpy(oracle.resize(pixels.numpy(), 32)), theirs)


@pytest.mark.parametrize("turn", [-0.3, 0.0, 0.1])
def test_hue_agrees_with_torchvision(turn):
    pixels = colours().float()
    ours = torch.from_numpy(oracle.turn_hue(pixels.double().numpy(), turn)).float()
    torch.testing.assert_close(ours, TF.adjust_hue(pixels, turn), rtol=0, atol=1e-5)


def test_greyscale_and_normalisation_agree_with_torchvision():
    pixels = colours().float()
    grey = torch.from_numpy(np.ascontiguousarray(oracle.greyscale(pixels.double().numpy()))).float()
    torch.testing.assert_close(grey, TF.rgb_to_grayscale(pixels, 3), rtol=0, atol=2e-4)  # they round the luma weights
    torch.testing.assert_close(
        oracle.normalised(pixels.double().numpy()), TF.normalize(pixels, oracle.MEAN, oracle.STD)
    )


def test_blur_agrees_with_torchvision(monkeypatch):
    monkeypatch.setattr(oracle, "uniform", lambda low, high: 0.8)
    ours = torch.from_numpy(oracle.blurred(colours().numpy()))
    torch.testing.assert_close(ours, TF.gaussian_blur(colours(), [3, 3], [0.8, 0.8]))


def test_plain_sgd_agrees_with_torch():
    generator = torch.Generator().manual_seed(0)
    ours, theirs = (torch.nn.Linear(3, 2).double() for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    plain = oracle.PlainSGD(ours, 0.3, 0.1)
    torch_sgd = torch.optim.SGD(theirs.parameters(), lr=0.3, momentum=0.9, weight_decay=0.1)
    for _ in range(5):
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            a.grad = torch.randn(a.shape, generator=generator, dtype=torch.float64)
            b.grad = a.grad.clone()
        plain.step()
        torch_sgd.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_rates_by_hand():
    rates = [oracle.rate(s, 0.8, 4, 8) for s in range(8)]
    half = 0.4 * math.sqrt(0.5)
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.4 + half, 0.4, 0.4 - half])


# --- the bounds leave chance no room ---


def tail(n, p, low, high):
    """P(a frequency out of n draws of probability p lies outside [low, high])."""

    def term(k):
        return math.exp(
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log(p)
            + (n - k) * math.log(1 - p)
        )

    return sum(term(k) for k in range(n + 1) if not low <= k / n <= high)


def least(n, p, chance=1e-10):
    """The number of successes that n draws of probability p fall short of with at most this chance."""
    k = 0
    while tail(n, p, (k + 1) / n, 1) < chance:
        k += 1
    return k


COLOURED = least(REPEATS, 0.8)  # views of one run that are not turned to grey
# Frequency of each mark in correct pipelines: lowest and highest of 1500 views in each of five implementations, with a
# margin of three standard errors; and the fewest views that it is taken from.
FREQUENCIES = {
    "grey": (0.2, 0.2, 4 * REPEATS),
    "flipped": (0.5, 0.5, least(4 * REPEATS, 0.8)),
    "jittered": (0.765, 0.8, 2 * REPEATS),
    "brightness": (0.54, 0.63, REPEATS),
    "contrast": (0.54, 0.8, REPEATS),
    "saturation": (0.43, 0.54, COLOURED),
    "hue": (0.55, 0.66, COLOURED),
    "blurred_on_demand": (0.3, 0.5, least(4 * REPEATS, 0.55)),  # coloured, and 0.6 of the image wide or more
}


@pytest.mark.parametrize("name", FREQUENCIES)
def test_a_correct_transform_misses_a_frequency_with_a_chance_below_1e_9(name):
    lowest, highest, n = FREQUENCIES[name]
    bound = BOUNDS[name]
    assert tail(n, lowest, bound.low, 1) < 1e-9
    assert tail(n, highest, 0, bound.high) < 1e-9


def test_a_correct_transform_misses_an_extreme_with_a_chance_below_1e_9():
    """The extremes lie in intervals that a single view hits with at least the given probability."""
    coloured = least(4 * REPEATS, 0.8)
    clear = 0.8 * 0.8 * 0.7  # coloured, with jitter, bright enough for ``colour_reaches``
    for bound, share in (("saturation_reach", clear), ("hue_reach", clear), ("contrast_reach", 0.8)):
        assert (1 - share * (1 - BOUNDS[bound].low)) ** REPEATS < 1e-9
    assert (1 - 0.10) ** coloured < 1e-9  # area below 0.32, of areas even on 0.2 to 1 of which some do not fit
    assert (1 - 0.15) ** coloured < 1e-9  # area above 0.7
    assert (1 - 0.8 * 0.4) ** (REPEATS // 2) < 1e-9  # brightness beyond 0.6 of its range
    spread, mean = 0.225, (0.52, 0.59)
    room = min(mean[0] - BOUNDS["mean_area"].low, BOUNDS["mean_area"].high - mean[1])
    assert math.erfc(room / (spread / math.sqrt(coloured)) / math.sqrt(2)) < 1e-9


def statistics(namespace, repeats, settled):
    inputs = {**crafted_images(), "mean": MEAN, "std": STD, "repeats": repeats, "settled": settled}
    return counts.augmentation_statistics(probes.augmentation_statistics(namespace, **inputs), **inputs)


@pytest.mark.parametrize("name", ["v2 compose, LambdaLR", "float first, own schedule"])
def test_frequencies_of_correct_pipelines_are_those_assumed(name):
    """400 views leave three standard errors of up to 0.075 to each frequency."""
    answer = statistics(CORRECT[name], 400, NEVER)
    for mark, (lowest, highest, _) in FREQUENCIES.items():
        assert lowest - 0.08 < answer[mark] < highest + 0.08, mark
    for mark, bound in BOUNDS.items():
        assert bound.low <= answer[mark] <= bound.high, mark


# --- views are taken in rounds ---


class Counted:
    """A correct ``simclr_transform`` that counts its draws."""

    def __init__(self, make=CORRECT["float first, own schedule"]["simclr_transform"]):
        self.make, self.draws = make, 0

    def __call__(self, *arguments, **options):
        transform = self.make(*arguments, **options)

        def count(image):
            self.draws += 1
            return transform(image)

        return count


def test_settled_marks_lie_well_within_their_bounds():
    assert set(SETTLED) == set(BOUNDS) == set(counts.MARKS)
    for mark, (low, high) in SETTLED.items():
        bound = BOUNDS[mark]
        assert bound.low <= low <= high <= bound.high, mark
        if mark in FREQUENCIES:  # a sixth of the room on each side of what correct transforms have
            lowest, highest, _ = FREQUENCIES[mark]
            assert low - bound.low > (lowest - bound.low) / 6, mark
            assert bound.high - high > (bound.high - highest) / 6, mark


@pytest.mark.parametrize(
    ("settled", "look"),
    [(torch.tensor([[-math.inf, math.inf]] * len(counts.MARKS)), 0), (NEVER, counts.LOOKS - 1)],
    ids=["settled", "never"],
)
def test_no_more_views_are_taken_than_it_needs(settled, look):
    counted = Counted()
    statistics({"simclr_transform": counted}, 16, settled)
    assert counted.draws == 2 + sum(shares[look] for shares in counts.SHARES.values()) * 16


@pytest.mark.parametrize(
    "name",
    [
        "jitter with p 0.5",
        "default crop scale",
        "strength of jitter not scaled",
        "half of the contrast",
        "always blurred",
    ],
)
def test_a_mild_mistake_is_not_settled_before_its_bounds_decide(name):
    settled = torch.tensor([SETTLED[mark] for mark in counts.MARKS])
    answer = statistics(WRONG[name], REPEATS, settled)
    assert any(not bound.low <= answer[mark] <= bound.high for mark, bound in BOUNDS.items())


@pytest.mark.parametrize("name", ["always flipped", "no jitter", "hue without strength", "half of the contrast"])
def test_a_mistake_is_named_although_it_has_more_views_than_the_reference(name):
    assert judgements(FOLDER, WRONG[name], one_draw=True)["transform"].misconception == name


# --- data set, loader, optimiser ---


def test_views_drawn_once_show_on_the_second_fetch():
    images, labels = torch.zeros(3, 3, 2, 4, dtype=torch.uint8), torch.tensor([4, 4, 1])
    correct, once = (
        counts.view_pairs(probes.view_pairs(namespace, images, labels), images, labels)
        for namespace in ({"TwoViews": TupleViews}, WRONG["views drawn once"])
    )
    assert correct["different_calls"] == 12
    assert once["different_calls"] == 6
    assert once["different_in_item"] == 6


@pytest.mark.parametrize("name", ["no label", "item of three", "views stacked"])
def test_an_item_that_is_no_pair_of_views_and_label_is_told(name):
    images, labels = torch.zeros(3, 3, 2, 4, dtype=torch.uint8), torch.tensor([4, 4, 1])
    with pytest.raises(NotAPair, match="item of TwoViews should be the pair"):
        probes.view_pairs(WRONG[name], images, labels)


def test_a_float_image_given_to_the_transform_is_told():
    with pytest.raises(
        WrongTransformInput, match=r"a tensor of shape \(3, 2, 2\) and torch.float32, expected one image"
    ):
        probes.view_pairs(WRONG["images as floats"], torch.zeros(1, 3, 2, 2, dtype=torch.uint8), torch.tensor([0]))


def test_a_wrong_data_set_keeps_the_point_of_its_loader():
    inputs = stored_cases(Path(__file__).parent)["seventeen images in batches of eight"].inputs
    correct, same_view = (
        counts.loader_passes(probes.loader_passes({"pretrain_loader": loader}, **inputs), **inputs)
        for loader in (
            oracle.pretrain_loader,
            lambda images, labels, transform, batch_size: torch.utils.data.DataLoader(
                WRONG["same view twice"]["TwoViews"](images, labels, transform), batch_size, shuffle=True
            ),
        )
    )
    for name in ("batch_sizes", "first_views", "partners", "labels"):
        assert torch.equal(correct[name], same_view[name])


@pytest.mark.parametrize("mistake", ["same view twice", "no label", "index as label", "views drawn once"])
def test_a_loader_keeps_its_point_with_a_wrong_data_set(mistake):
    names = {"TwoViews": WRONG[mistake]["TwoViews"], "DataLoader": torch.utils.data.DataLoader}
    exec(inspect.getsource(oracle.pretrain_loader), names)
    namespace = {**WRONG[mistake], "pretrain_loader": names["pretrain_loader"]}
    assert set(lost(FOLDER, namespace, one_draw=True)) == {"views"}


def loading(indices):
    """A loader whose passes have the orders that ``indices(n, batch_size)`` yields."""

    def pretrain_loader(images, labels, transform, batch_size, num_workers=0):
        passes = indices(len(images), batch_size)

        class Order(torch.utils.data.Sampler):
            def __len__(self):
                return len(images)

            def __iter__(self):
                return iter(next(passes))

        return torch.utils.data.DataLoader(TupleViews(images, labels, transform), batch_size, sampler=Order())

    return {**PLAIN, "pretrain_loader": pretrain_loader}


def in_turn(n, batch_size):
    return itertools.cycle([torch.randperm(n).tolist() for _ in range(3)])


def moved_around(n, batch_size):
    while True:
        start = torch.randint(n, ()).item()
        yield [(start + k) % n for k in range(n)]


def within_batches(n, batch_size):
    while True:
        yield [k for part in torch.arange(n).split(batch_size) for k in part[torch.randperm(len(part))].tolist()]


@pytest.mark.parametrize(
    ("indices", "message"),
    [(in_turn, "same order"), (moved_around, "one after the other|same order"), (within_batches, "stay in one batch")],
)
def test_orders_that_are_no_shuffling_are_told(indices, message):
    found = lost(FOLDER, loading(indices))
    assert set(found) == {"loader"}
    assert re.search(message, found["loader"])


def test_views_of_one_random_state_are_told():
    class OneState(TupleViews):
        def __getitem__(self, k):
            state = torch.get_rng_state()
            first = self.transform(self.images[k])
            torch.set_rng_state(state)
            return (first, self.transform(self.images[k])), self.labels[k]

    assert "share their random numbers" in lost(FOLDER, {**PLAIN, "TwoViews": OneState})["views"]


def test_one_view_for_both_in_the_loader_is_told():
    def pretrain_loader(images, labels, transform, batch_size, num_workers=0):
        def collate(rows):
            x = torch.stack([transform(images[k]) for k in rows])
            return (x, x.clone()), labels[torch.tensor(rows)]

        return torch.utils.data.DataLoader(range(len(images)), batch_size, shuffle=True, collate_fn=collate)

    assert "one call of the transform" in lost(FOLDER, {**PLAIN, "pretrain_loader": pretrain_loader})["loader"]


@pytest.mark.parametrize(
    "factor",
    [
        lambda s, w, T: max(plain_factor(s, w, T), 0.001),
        lambda s, w, T: plain_factor(s % 50, w, T),
        lambda s, w, T: plain_factor(min(s, 12), w, T),
    ],
    ids=["floor", "restart", "constant after twelve steps"],
)
def test_a_schedule_that_is_correct_for_ten_steps_is_told(factor):
    def make_optimizer(model, lr, weight_decay, warmup_steps, total_steps):
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=weight_decay)
        return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: factor(s, warmup_steps, total_steps))

    assert "learning rates" in lost(FOLDER, {**PLAIN, "make_optimizer": make_optimizer})["optimizer"]


def plain_factor(s, w, T):
    return oracle.rate(min(s, T), 1.0, w, T)


@pytest.mark.parametrize("name", CORRECT)
def test_correct_code_loses_nothing(name):
    assert lost(FOLDER, CORRECT[name]) == {}


def test_a_mistake_costs_its_own_points_only():
    assert {name: tests for name, n in WRONG.items() if len(tests := set(lost(FOLDER, n, one_draw=True))) != 1} == {}


def test_scheduler_of_torch_and_of_ones_own_give_the_same_path():
    inputs = {"start": torch.ones(16), "gradients": torch.ones(6, 16), "lr": 0.1, "weight_decay": 0.0}
    paths = [
        probes.optimizer_path(
            {"make_optimizer": CORRECT[name]["make_optimizer"]}, **inputs, warmup_steps=2, total_steps=6
        )
        for name in ("v2 compose, LambdaLR", "v1 through PIL, SequentialLR", "float first, own schedule")
    ]
    for path in paths[1:]:
        torch.testing.assert_close(path["parameters"], paths[0]["parameters"])
    assert paths[0]["learning_rates"].tolist() == pytest.approx([oracle.rate(s, 0.1, 2, 6) for s in range(6)])
