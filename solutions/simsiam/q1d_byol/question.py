"""Question 1d: BYOL's loss, its moving average of a network, and the schedule of tau."""

import torch

from autograder.questions.losses.question import with_variants
from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.side_effects.question import random_state_changed

from ..losses import loss_tests, two_views
from ..probes import OTHER_LOSSES
from . import probes

_TAUS = "tau 0.9, 0.3, 0 and 1"
_STEPS = "the first, the last and other steps of 10, of 7 and of 1"


def draw(generator):
    """Predictions and targets; parameters and buffers of two networks; steps and values of tau0."""
    online, target = torch.randn(2, 4, probes.NUMBERS, generator=generator)
    steps = torch.tensor([0, 4, 9, 10, 0, 1, 7, 0, 1])
    totals = torch.tensor([10] * 4 + [7] * 3 + [1] * 2)
    tau0 = 0.3 + 0.6 * torch.rand(len(steps), generator=generator)
    return (
        two_views("byol_loss", generator),
        Case(_TAUS, {"online": online, "target": target, "taus": torch.tensor([0.9, 0.3, 0.0, 1.0])}),
        Case(_STEPS, {"steps": steps, "totals": totals, "tau0": tau0}),
    )


_AVERAGE = {
    "parameters": Close(1e-5, 1e-6, advice="The parameters of the target are not tau times their old values plus (1 - tau) "
                        "times those of the online network", what="the parameters of the target"),
    "buffers": Close(1e-5, 1e-6, advice="The buffers of the target, such as its running statistics, are not those of the "
                     "online network", what="the buffers of the target"),
    "online": Close(0.0, advice="ema_update changes the online network", what="the online network"),
    "replaced": Exact(advice="You replace parameters of the target by new ones; change their numbers in place"),
    "with_graph": Exact(advice="After ema_update the parameters of the target carry a graph, which grows with every step"),
    "switched": Exact(advice="ema_update changes which parameters require gradients"),
    "gradients_off": Exact(advice="Gradients are still switched off when ema_update has returned"),
    "shared": Exact(advice="After ema_update the target holds tensors of the online network, which later steps of the training "
                    "change; copy their numbers"),
    "modes": Exact(advice="ema_update changes the mode, train or eval, of a network"),
    "rng_bytes": random_state_changed("ema_update"),
}  # fmt: skip
_TAU = Close(1e-5, advice="Some of your values of tau are wrong: look at the first step, the last one and the shape between "
             "them", what="the list of taus")  # fmt: skip
STUBS = ("byol_loss", "ema_update", "tau_schedule")
TESTS = (
    *with_variants(
        loss_tests("byol_loss", stopped=("t1", "t2"), value="loss"),
        "byol_loss is correct: it was given other losses in the place of yours.",
        after=("q1a", "q1b"),
        stand_ins=OTHER_LOSSES,
    ),
    Test("average", "the target moves in place, without a graph", probes.average, (_TAUS,), _AVERAGE),
    Test("schedule", "tau rises from tau0 to 1", probes.schedule, (_STEPS,), {"taus": _TAU}),
)  # fmt: skip
