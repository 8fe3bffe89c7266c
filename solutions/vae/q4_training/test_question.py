"""Question 4: laws of the given VAE, the oracle by hand, and what a mistake costs."""

from pathlib import Path

import pytest
import torch

from autograder.questions.cases import stored_cases
from autograder.release.trial import lost

from ..q3_loss.oracle import vae_loss
from ..trials import losing, surprises
from . import probes
from .correct import CORRECT, loop_as_taught
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE

HERE = Path(__file__).parent
RAGGED = stored_cases(HERE)["ten images in batches of four"].inputs
COSTS = {
    "beta ignored": {"means", "parameters"},
    **{id: {"means"} for id in ("mean over batches", "sums not divided", "parts exchanged", "loss alone returned")},
    "loss computed again after the step": {"means"},
    **{
        id: {"noise"} for id in ("noise uniform", "noise from the global state", "noise drawn once", "generator seeded")
    },
    **{id: {"parameters"} for id in ("zero_grad missing", "optimizer never stepped")},
    **{id: {"conduct"} for id in ("train mode not set", "gradients left off", "losses kept with their graph")},
}


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
    """At learning rate 0 they are those over batches, weighted by their 4, 4 and 2 images."""
    images, model = RAGGED["images"].double(), probes.GivenVAE(RAGGED["start"].double())
    with torch.no_grad():
        logits, mu, logvar = model(images, torch.zeros(10, 20))
        wanted = [part.item() for part in vae_loss(logits, images, mu, logvar, RAGGED["beta"])]
    found = probes.epoch_means(ORACLE, **{**RAGGED, "images": images, "start": RAGGED["start"].double()})
    assert [part.item() for part in found.values()] == pytest.approx(wanted)


def test_correct_solutions_lose_nothing():
    assert losing(HERE, CORRECT) == {}


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    assert surprises(HERE, MISCONCEPTIONS, COSTS) == {}


def noisy(change):
    """A correct loop with a change of the noise that its model gets."""

    def train_one_epoch(model, *given, **named):
        class Changed(torch.nn.Module):
            latent = 20
            parameters, train = model.parameters, model.train

            def forward(self, x, eps):
                return model(x, change(eps))

        return loop_as_taught(Changed(), *given, **named)

    return {"train_one_epoch": train_one_epoch}


NOISE = {
    "none": (noisy(torch.zeros_like), {"noise"}),
    "of one row": (noisy(lambda eps: eps[:1]), {"noise"}),
    "of half the deviation": (noisy(lambda eps: eps / 2), {"noise"}),
    "of one column": (noisy(lambda eps: eps[:, :1].expand_as(eps)), {"noise"}),
    "negated": (noisy(torch.neg), set()),
    "rows in another order": (noisy(lambda eps: eps.flip(0)), set()),
}


@pytest.mark.parametrize("noise", NOISE)
def test_other_noise_costs_the_noise_alone(noise):
    namespace, tests = NOISE[noise]
    assert set(lost(HERE, namespace)) == tests
