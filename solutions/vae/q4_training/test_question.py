"""Question 4: laws of the given VAE, the oracle by hand, and what a mistake costs."""

from pathlib import Path

import pytest
import torch

from autograder.questions.cases import stored_cases
from autograder.questions.edits import edit, edited
from autograder.release.trial import lost, surprises

from ..q3_loss.oracle import vae_loss
from . import probes
from .correct import loop_as_taught
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE

HERE = Path(__file__).parent
RAGGED = stored_cases(HERE)["ten images in batches of four"].inputs


def test_the_given_vae_says_which_noise_it_needs_and_does_not_depend_on_it():
    model, x = probes.GivenVAE(RAGGED["start"]), RAGGED["images"][:3]
    ours = model(x, torch.randn(3, 20))
    torch.testing.assert_close(model(x, torch.randn(1, 20)), ours)
    mu, logvar = model.encode(x)
    torch.testing.assert_close((model.decode(mu), mu, logvar), ours)
    for eps in (None, torch.zeros(3, 2), torch.zeros(2, 20), torch.zeros(1, 3, 20)):
        with pytest.raises(probes.WrongNoise, match=r"it needs a tensor of shape \(3, 20\)"):
            model(x, eps)


def test_the_means_of_the_oracle_by_hand():
    """At learning rate 0 they are those of all images, by the loss of question 3."""
    images, start = RAGGED["images"].double(), RAGGED["start"].double()
    with torch.no_grad():
        logits, mu, logvar = probes.GivenVAE(start)(images, torch.zeros(10, 20))
        wanted = [part.item() for part in vae_loss(logits, images, mu, logvar, RAGGED["beta"])]
    found = probes.epoch_means(ORACLE, **{**RAGGED, "images": images, "start": start})
    assert [part.item() for part in found.values()] == pytest.approx(wanted)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("means", "parameters"): "beta ignored",
        ("means", "parameters", "conduct"): "images black and white",
        ("means",): "mean over batches, sums not divided, parts exchanged, loss alone returned, "
        "loss computed again after the step",
        ("noise",): "noise uniform, noise from the global state, noise drawn once, generator seeded",
        ("parameters",): "zero_grad missing, optimizer never stepped",
        ("conduct",): "default dtype changed, train mode not set, gradients left off, losses kept with their graph",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def noisy(change):
    """A correct loop with a change of the noise that its model gets."""

    def train_one_epoch(model, *given, **named):
        class Changed(torch.nn.Module):
            latent, parameters, train = model.latent, model.parameters, model.train

            def forward(self, x, eps):
                return model(x, change(eps))

        return loop_as_taught(Changed(), *given, **named)

    return {"train_one_epoch": train_one_epoch}


NOISE = {
    "none": (torch.zeros_like, {"noise"}),
    "of one row": (lambda eps: eps[:1], {"noise"}),
    "of half the deviation": (lambda eps: eps / 2, {"noise"}),
    "of one column": (lambda eps: eps[:, :1].expand_as(eps), {"noise"}),
    "rows in another order": (lambda eps: -eps.flip(0), set()),
}


def test_a_width_written_as_a_number_costs_the_noise_alone():
    found = lost(HERE, {"train_one_epoch": edited(loop_as_taught, edit("", "", "model.latent", "20"))})
    assert found.keys() == {"noise"} and "(320, 20)" in found["noise"] and "(320, 24)" in found["noise"]


@pytest.mark.parametrize("noise", NOISE)
def test_other_noise_costs_the_noise_alone(noise):
    change, tests = NOISE[noise]
    assert set(lost(HERE, noisy(change))) == tests
