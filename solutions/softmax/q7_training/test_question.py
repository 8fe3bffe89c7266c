"""Question 7: evaluation and training by their laws, and what a mistake costs."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autograder.questions.cases import stored_cases
from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from . import probes
from .correct import CORRECT, evaluate_model, fit_model
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE

HERE, PLAIN = Path(__file__).parent, CORRECT["as taught"]


@pytest.mark.parametrize("case", ["23 iterations, 4 classes", "10 iterations, two classes"])
def test_the_training_agrees_with_torch(case):
    """A batch holds all rows, so the draw does not matter. The penalty is a part of the loss: torch clips before weight decay."""
    given = dict(stored_cases(HERE)[case].inputs)
    W, b, X = (torch.tensor(given[name]) for name in ("W", "b", "X_train"))
    y, parameters = torch.tensor(given["y_train"]), [W.requires_grad_(), b.requires_grad_()]
    optimizer = torch.optim.SGD(parameters, lr=given["lr"])
    for _ in range(given["num_iters"]):
        s = X @ W + b
        loss = F.binary_cross_entropy_with_logits(s[:, 0], y.double()) if given["is_binary"] else F.cross_entropy(s, y)
        optimizer.zero_grad()
        (loss + given["l2_lambda"] / 2 * sum(p.square().sum() for p in parameters)).backward()
        torch.nn.utils.clip_grad_norm_(parameters, given["grad_norm_clip"])
        optimizer.step()
    found = probes.training(ORACLE, **given)
    np.testing.assert_allclose(found["W"], W.detach().numpy(), atol=1e-5)
    assert probes.noted(ORACLE, **stored_cases(HERE)[case].inputs)["train_losses"][-1] == pytest.approx(
        loss.item(), abs=1e-5
    )


@pytest.mark.parametrize(("num_iters", "noted"), [(1, 1), (9, 1), (10, 1), (11, 2), (30, 3)])
def test_every_tenth_iteration_and_the_last_are_noted(num_iters, noted):
    given = {**stored_cases(HERE)["3 iterations, 3 classes"].inputs, "num_iters": num_iters}
    assert [len(probes.noted(ORACLE, **given)[name]) for name in probes.LISTS] == [noted] * 4


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("evaluation",): "mean of batch means, last batch left out, not divided",
        ("trajectory",): "not clipped, uphill, b stays, penalty left out",
        ("trajectory", "lists"): "one iteration more",
        ("lists",): "batch after the step, validation before the step, last iteration not noted, all iterations noted, "
        "order of the lists",
        ("lists", "batches"): "one batch for ever, seeded",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    batches = "get_data_batch(X_train, y_train, batch_size, rng)"
    fit = (
        edit("rate halved", "", "model.W - lr * grad_W", "model.W - lr / 2 * grad_W"),
        edit("clipped before the penalty", "", "grad_W, grad_b = clip_gradients(grad_W, grad_b, grad_norm_clip)",
             "grad_W, grad_b = clip_gradients(grad_W - l2_lambda * model.W, grad_b - l2_lambda * model.b, grad_norm_clip)\n"
             "        grad_W, grad_b = grad_W + l2_lambda * model.W, grad_b + l2_lambda * model.b"),
        edit("rows in turn", "", batches, "(np.roll(X_train, -i * batch_size, 0)[:batch_size], np.roll(y_train, -i * batch_size)[:batch_size])"),
        edit("seed of np.random", "", batches, "get_data_batch(X_train, y_train, batch_size, np.random.default_rng(np.random.randint(2**31 - 1)))"),
        edit("validation on the batch", "", "evaluate_model(model, X_val, y_val", "evaluate_model(model, X_batch, y_batch"),
        edit("early stop", "", "            show_progress(", "            if val_losses[-1] > val_losses[0]:\n                break\n            show_progress("),
        edit("clipped after the rate", "", "clip_gradients(grad_W, grad_b, grad_norm_clip)",
             "(g / lr for g in clip_gradients(lr * grad_W, lr * grad_b, grad_norm_clip))"),
        edit("nothing returned", "", "    return train_losses, train_accs, val_losses, val_accs\n", ""),
    )  # fmt: skip
    evaluate = (
        edit("first batch alone", "", "range(0, len(X), batch_size)", "range(0, 1)"),
        edit("exchanged", "", "loss / len(X), right / len(X)", "right / len(X), loss / len(X)"),
    )
    wrong = (
        *misconceptions("fit_model", fit_model, fit, PLAIN),
        *misconceptions("evaluate_model", evaluate_model, evaluate, PLAIN),
    )
    found = [set(lost(HERE, one.namespace)) for one in wrong]
    assert found[:3] == [{"trajectory"}, {"trajectory"}, {"lists", "batches"}]
    assert found[4:7] == [{"lists"}, {"trajectory"}, {"trajectory", "lists"}]
    assert found[7:] == [{"lists"}, {"evaluation"}, {"evaluation"}]
    assert {"lists", "conduct"} <= found[3]
