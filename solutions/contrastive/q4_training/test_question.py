"""Question 4: the oracle by hand, and what a mistake costs."""

from pathlib import Path

import torch

from autograder.questions.cases import stored_cases
from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from . import probes
from .correct import as_taught
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE

HERE = Path(__file__).parent


def test_the_losses_of_the_oracle_by_hand():
    """At learning rate 0 they are those of the batches: images 0 to 3, 4 to 7, 8 and 9, and again 0 to 3."""
    inputs = stored_cases(HERE)["four iterations, batches of 4 of 10 images"].inputs
    encoder = probes.given_encoder(inputs["start"])
    batches = zip(inputs["images"].split(4), inputs["labels"].split(4))
    wanted = [probes.given_loss(encoder(x), y).detach() for x, y in batches]
    found = probes.losses(ORACLE, **inputs)["losses"]
    torch.testing.assert_close(found, torch.stack([*wanted, wanted[0]]))


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    everything = ("losses", "parameters", "conduct")
    costs = {
        (
            "parameters",
        ): "zero_grad missing, scheduler before optimizer, scheduler never stepped, zero_grad after backward, "
        "optimizer stepped twice, first part frozen",
        ("conduct",): "train mode not set, gradients left off, losses kept with their graph",
        ("losses",): "mean loss returned, losses after the step, every other loss",
        everything: "one batch for ever, for ever",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_loops_that_nobody_listed_are_seen():
    unlisted = (
        edit("labels ignored", "", "loss_fn(z, labels)", "loss_fn(z, 0 * labels)"),
        edit("loss halved", "", "loss_fn(z, labels)", "loss_fn(z, labels) / 2"),
        edit("one iteration less", "", "range(num_iters)", "range(num_iters - 1)"),
        edit("seeded", "", "    losses = []", "    losses = []\n    torch.manual_seed(0)"),
        edit("smoothed losses", "", "loss.item()", "(loss.item() + sum(losses)) / (len(losses) + 1)"),
        edit(
            "clipped",
            "",
            "        optimizer.step()",
            "        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)\n        optimizer.step()",
        ),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("fit_contrastive_model", as_taught, unlisted)}
    assert all(found.values()) and found["seeded"] == {"conduct"} and found["smoothed losses"] == {"losses"}
    assert (
        "parameters" in found["labels ignored"] & found["loss halved"] & found["one iteration less"] & found["clipped"]
    )
