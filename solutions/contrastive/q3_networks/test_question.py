"""Question 3: the oracle against PyTorch's layers, and what a mistake costs."""

from pathlib import Path

import torch
from sklearn.neural_network import MLPClassifier

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import CORRECT, PlainClassifier, PlainEncoder
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE

HERE, PLAIN = Path(__file__).parent, CORRECT["plain"]


def test_the_oracle_agrees_with_scikit_learn():
    """A network with 64 hidden units and ReLU, before any training."""
    X = torch.randn(30, 4, dtype=torch.float64)
    theirs = MLPClassifier((64,), max_iter=1, random_state=0).partial_fit(
        X.numpy(), torch.arange(30) % 3, classes=range(3)
    )
    ours = ORACLE["Classifier"](4, 3)
    with torch.no_grad():
        for layer, weight, bias in zip((ours.hidden, ours.out), theirs.coefs_, theirs.intercepts_, strict=True):
            layer.weight.data, layer.bias.data = torch.tensor(weight.T), torch.tensor(bias)
        torch.testing.assert_close(ours(X), torch.tensor(theirs.predict_log_proba(X.numpy())))


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("encoder",): "z normalised, ReLU at the end, ReLU before the head",
        ("encoder", "conduct"): "z_dim ignored, head without a bias",
        ("conduct",): "body detached, eval mode in forward, another layer",
        (
            "classifier",
        ): "probabilities, scores, log of the softmax, softmax over the batch, no ReLU, ReLU on the scores",
        ("classifier", "conduct"): "classes ignored",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_models_that_nobody_listed_are_seen():
    encoders = (
        edit("dropout", "", "self.head(h)", "self.head(F.dropout(h, 0.5, self.training))"),
        edit("x changed", "", "h = self.body(x)", "h = self.body(x.mul_(2))"),
        edit("head in a list", "", "self.head = nn.Linear(body.width, z_dim)", "self.heads = [nn.Linear(body.width, z_dim)]",
             "self.head(h)", "self.heads[0](h)"),
    )  # fmt: skip
    found = [set(lost(HERE, m.namespace)) for m in misconceptions("Encoder", PlainEncoder, encoders, PLAIN)]
    assert found[0] == {"encoder", "conduct"} and all("encoder" in tests for tests in found)
    classifiers = (
        edit("hidden layer of 32", "", "nn.Linear(z_dim, 64)", "nn.Linear(z_dim, 32)", "nn.Linear(64", "nn.Linear(32"),
        edit("sigmoid", "", "F.relu", "torch.sigmoid"),
        edit(
            "hidden frozen", "", "        self.out =", "        self.hidden.requires_grad_(False)\n        self.out ="
        ),
    )
    found = [set(lost(HERE, m.namespace)) for m in misconceptions("Classifier", PlainClassifier, classifiers, PLAIN)]
    assert found == [{"classifier", "conduct"}, {"classifier"}, {"conduct"}]


def test_no_hint_tells_another_mistake_than_the_one_that_was_made():
    head, hidden = "nn.Linear(body.width, z_dim)", "self.hidden = nn.Linear(z_dim, 64)"
    encoders = (
        edit("self.head should be a linear layer", "", head, f"nn.Sequential({head})"),
        edit("Your head does not lead from body.width", "", head, "nn.Linear(256, z_dim)"),
        edit(
            "No gradient reaches some of the parameters",
            "",
            "self.body = body",
            "self.body = body.requires_grad_(False)",
        ),
        edit("What Encoder.forward returns is a tuple", "", "return self.head(h)", "return h, self.head(h)"),
    )
    classifiers = (
        edit("self.hidden should be a linear layer", "", hidden, "self.fc1 = nn.Linear(z_dim, 64)", "self.hidden(z)", "self.fc1(z)"),
        edit("self.out should be a linear layer", "", "classes)\n\n", "classes, bias=False)\n\n"),
        edit("self.out should be a linear layer from 64", "", "nn.Linear(64, classes)", "nn.Linear(64, classes + 1)"),
    )  # fmt: skip
    for name, correct, edits in (("Encoder", PlainEncoder, encoders), ("Classifier", PlainClassifier, classifiers)):
        for mistake in misconceptions(name, correct, edits, PLAIN):
            found = lost(HERE, mistake.namespace)
            true = (mistake.id, "The last layer of your classifier does not give one number for each class")
            assert found and all(message.startswith(true) for message in found.values()), (mistake.id, found)
