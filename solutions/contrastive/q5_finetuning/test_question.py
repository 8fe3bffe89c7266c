"""Question 5: the oracle against scikit-learn, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss
from torch import nn

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import CORRECT, evaluate_as_taught, fit_as_taught
from .mistakes import MISCONCEPTIONS
from .oracle import evaluate_model

HERE, PLAIN = Path(__file__).parent, CORRECT["as taught"]


def test_the_oracle_agrees_with_scikit_learn():
    X, y = torch.randn(30, 3, dtype=torch.float64), torch.arange(30) % 4
    encoder, classifier = nn.Linear(3, 2).double(), nn.Sequential(nn.Linear(2, 4), nn.LogSoftmax(1)).double()
    loss, accuracy = evaluate_model(encoder, classifier, X, y)
    p = classifier(encoder(X)).exp().detach().numpy()
    assert loss == pytest.approx(log_loss(y.numpy(), p)) and accuracy == accuracy_score(y.numpy(), p.argmax(1))


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("evaluate",): "mean over batches, counted, sum of the losses, last batch left out",
        ("evaluate_conduct",): "evaluated in train mode, classifier in train mode, evaluation with gradients",
        ("frozen",): "encoder never in eval mode, frozen encoder with gradients, frozen for good",
        ("linear", "nn"): "zero_grad missing, scheduler never stepped, sum over the batch",
        ("nn", "conduct"): "always frozen",
        ("frozen", "conduct"): "train mode not set",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_what_nobody_listed_is_seen():
    evaluations = (
        edit("smallest", "", "argmax", "argmin"),
        edit("all at once", "", "range(0, len(X), batch_size)", "(0,)", "X[start : start + batch_size]", "X", "y[start : start + batch_size]", "y"),
        edit("no mode", "", "    encoder.eval()\n    classifier.eval()\n", ""),
        edit("gradients left off", "", "    with torch.no_grad():", "    torch.set_grad_enabled(False)\n    if True:"),
        edit("trained", "", "    return loss", "    encoder.requires_grad_(False)\n    return loss"),
        edit("thawed", "", "    return loss", "    encoder.requires_grad_(True)\n    return loss"),
    )  # fmt: skip
    found = [
        set(lost(HERE, m.namespace)) for m in misconceptions("evaluate_model", evaluate_as_taught, evaluations, PLAIN)
    ]
    assert found == [{"evaluate"}, *[{"evaluate_conduct"}] * 5]
    fits = (
        edit("classifier in eval mode", "", "classifier.train()", "classifier.eval()"),
        edit("classifier frozen too", "", "classifier.train()", "classifier.train(train_encoder)"),
        edit("encoder alone learns", "", "classifier(z)", "classifier.requires_grad_(not train_encoder)(z)"),
        edit("losses with graphs", "", "loss.item()", "loss"),
        edit("one iteration more", "", "range(num_iters)", "range(num_iters + 1)"),
        edit("last loss alone", "", "return losses", "return losses[-1]"),
        edit("seeded", "", "    losses = []", "    losses = []\n    torch.manual_seed(0)"),
        edit(
            "restored for all",
            "",
            "    encoder.train(train_encoder)",
            "    encoder.train(train_encoder).requires_grad_(train_encoder)",
            "    return losses",
            "    encoder.requires_grad_(True)\n    return losses",
        ),
        edit("thawed where it learns", "", "    classifier.train()", "    classifier.train().requires_grad_(True)"),
        edit(
            "second pass",
            "",
            "        losses.append",
            "        if train_encoder:\n            classifier(encoder(images))\n        losses.append",
        ),
        edit("pass in parts", "", "z = encoder(images)", "z = torch.cat([encoder(part) for part in images.chunk(2)])"),
    )
    found = [set(lost(HERE, m.namespace)) for m in misconceptions("fit_model", fit_as_taught, fits, PLAIN)]
    assert all(found) and found[0] == {"conduct", "frozen"} and found[1] == {"frozen"} and "nn" in found[2]
    assert {"linear", "nn"} <= found[4] & found[5] and found[3] == found[6] == {"conduct"}
    assert all(tests == {"frozen", "conduct"} for tests in found[7:9]) and found[9] == found[10] == {"conduct"}
