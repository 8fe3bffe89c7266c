"""The family of noise: what its counts see in rows that a function draws."""

import pytest
import torch

from autograder.engine.judge import complaint
from autograder.questions.model import Unreadable
from autograder.questions.noise import counts, probes
from autograder.questions.noise.question import ENTRIES, ROWS, standard_normal

D = ENTRIES // ROWS


def complaints(draw):
    """The outputs that fail for a ``draw(generator)``, beside the numbers of a correct one."""
    got, want = (
        counts.standard_normal_rows(probes.drawn_rows(f, 5))
        for f in (draw, lambda g: torch.randn(ROWS, D, generator=g))
    )
    return {n for n, one in standard_normal("z").items() if complaint(n, one, got[n], want[n], 0.0)}


def rows(n=ROWS, d=D):
    return lambda generator: torch.randn(n, d, generator=generator)


CORRECT = {
    "at once": rows(),
    "in batches": lambda g: torch.cat([torch.randn(100, D, generator=g) for _ in range(6)]),
    "of another draw": lambda g: torch.randn(2, ROWS, D, generator=g)[1],
    "in place": lambda g: torch.empty(ROWS, D).normal_(generator=g),
    "from a seed of the generator": lambda g: rows()(
        torch.Generator().manual_seed(int(torch.randint(2**40, (), generator=g)))
    ),
}  # fmt: skip
WRONG = {
    "uniform": (lambda g: torch.rand(ROWS, D, generator=g), {"mean", "deviation", "fourth"}),
    "uniform of deviation one": (lambda g: 12**0.5 * (torch.rand(ROWS, D, generator=g) - 0.5), {"fourth"}),
    "too small": (lambda g: 0.9 * rows()(g), {"deviation"}),
    "one row": (lambda g: rows(1)(g).expand(ROWS, D), {"rows_alike", "correlation"}),
    "one batch again": (lambda g: rows(100)(g).repeat(6, 1), {"rows_alike"}),
    "opposite pairs": (lambda g: torch.cat([z := rows(300)(g), -z]), {"rows_alike"}),
    "one column": (lambda g: rows(d=1)(g).expand(ROWS, D), {"columns_alike", "correlation"}),
    "zeros": (lambda g: torch.zeros(ROWS, D), {"deviation", "rows_alike", "same_in_next_call"}),
    "global": (lambda g: torch.randn(ROWS, D), {"repeat_differs", "rng_bytes"}),
    "seeded": (lambda g: rows()(g.manual_seed(0)), {"same_in_next_call"}),
    "global state seeded": (lambda g: (torch.manual_seed(0), rows()(g))[1], {"rng_bytes"}),
    "the initial seed": (lambda g: rows()(torch.Generator().manual_seed(g.initial_seed())), {"same_in_next_call"}),
}


@pytest.mark.parametrize("correct", CORRECT)
def test_noise_of_the_generator_passes(correct):
    assert complaints(CORRECT[correct]) == set()


@pytest.mark.parametrize("wrong", WRONG)
def test_other_noise_is_seen(wrong):
    draw, seen = WRONG[wrong]
    assert complaints(draw) >= seen


def test_bounds_lie_six_standard_errors_away():
    bounds = standard_normal("z")
    assert bounds["mean"].high > 6 * ENTRIES**-0.5 and bounds["deviation"].high - 1 > 6 * (2 * ENTRIES) ** -0.5
    assert bounds["fourth"].high - 3 > 6 * (24 / ENTRIES) ** 0.5 and bounds["correlation"].high > 6 * ENTRIES**-0.5
    assert bounds["columns_alike"].high > 6.5 * ROWS**-0.5


@pytest.mark.parametrize("rows", [torch.zeros(0, 3), torch.zeros(4), torch.full((2, 3), torch.nan)])
def test_what_is_no_table_of_numbers_is_told(rows):
    made_up = dict.fromkeys(("first", "following", "again"), rows)
    with pytest.raises(Unreadable, match="finite numbers, one row for each image"):
        counts.standard_normal_rows({**made_up, "rng_before": torch.zeros(1), "rng_after": torch.zeros(1)})


def test_the_global_state_is_put_back():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    probes.drawn_rows(lambda g: torch.randn(2, 2), 3)
    assert torch.equal(torch.get_rng_state(), before)
