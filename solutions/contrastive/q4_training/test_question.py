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
        ("conduct",): "train mode not set, gradients left off, losses kept with their graph, second pass",
        ("losses",): "mean loss returned, every other loss",
        ("losses", "conduct"): "losses after the step",
        everything: "one batch for ever, for ever",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_loops_that_nobody_listed_are_seen():
    unlisted = (
        edit("labels ignored", "", "loss_fn(z, labels)", "loss_fn(z, 0 * labels)"),
        edit("loss halved", "", "loss_fn(z, labels)", "loss_fn(z, labels) / 2"),
        edit("one iteration less", "", "range(num_iters)", "range(num_iters - 1)"),
        edit("pass in parts", "", "model(images)", "torch.cat([model(part) for part in images.chunk(2)])"),
        edit(
            "pass for a metric",
            "",
            "        losses.append",
            "        with torch.no_grad():\n            model(images)\n        losses.append",
        ),
        edit("pass before the training", "", "    losses = []", "    losses = []\n    model(next(batches)[0])"),
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
    assert all(found.values()) and found["smoothed losses"] == {"losses"}
    assert all(found[one] == {"conduct"} for one in ("seeded", "pass in parts", "pass for a metric"))
    assert (
        "parameters" in found["labels ignored"] & found["loss halved"] & found["one iteration less"] & found["clipped"]
    )


def test_no_hint_tells_another_mistake_than_the_one_that_was_made():
    told = {
        "You keep loss tensors with their graphs": ("losses.append(loss.item())", "losses.append(loss)"),
        "What fit_contrastive_model returns is None": ("    return losses\n", ""),
        "You do not step the scheduler once per batch": (
            "        scheduler.step()",
            "        if len(losses) % 2:\n            scheduler.step()",
        ),
        "Your loop takes more than num_iters batches": (
            "images, labels = next(batches)",
            "(images, labels), _ = next(batches), next(batches)",
        ),
    }
    wrong = [edit(words, "", *change) for words, change in told.items()]
    for mistake in misconceptions("fit_contrastive_model", as_taught, wrong):
        found = lost(HERE, mistake.namespace).values()
        assert any(message.startswith(mistake.id) for message in found), (mistake.id, found)
