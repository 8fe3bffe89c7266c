"""Question 3: the oracle against a Monte Carlo estimate of the bound, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from torch.distributions import Bernoulli, Normal

from autograder.release.trial import lost, surprises

from .correct import two_means
from .mistakes import MISCONCEPTIONS
from .oracle import vae_loss

HERE = Path(__file__).parent


def test_the_oracle_is_the_bound_that_sampling_estimates():
    """The mean of log p(x|z) + log p(z) − log q(z|x) over z, for a linear decoder."""
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.rand(3, 5, generator=generator), torch.randn(5, 2, generator=generator)
    mu, logvar = torch.randn(2, 3, 2, generator=generator)
    torch.manual_seed(0)
    q = Normal(mu, (logvar / 2).exp())
    z = q.sample((20_000,))
    log_p = Bernoulli(logits=z @ weight.T, validate_args=False).log_prob(x).sum(-1)
    weights = log_p + Normal(0.0, 1.0).log_prob(z).sum(-1) - q.log_prob(z).sum(-1)
    loss, reconstruction, kl = vae_loss(z[0] @ weight.T, x, mu, logvar)
    assert -weights.mean().item() == pytest.approx(-log_p.mean().item() + kl.item(), rel=0.02)
    assert reconstruction.item() == pytest.approx(-log_p[0].mean().item(), rel=1e-5)
    assert loss.item() == pytest.approx(reconstruction.item() + kl.item(), rel=1e-6)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("value", "gradient"): "bound returned, KL subtracted, beta ignored, pixels averaged, squared error, "
        "KL of the mean",
        ("value",): "log-likelihood returned, beta in the returned KL, parts exchanged",
        ("gradient",): "KL detached",
        ("conduct",): "gradients on",
        ("gradient", "conduct"): "x overwritten",  # backward needs x as it was
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def changed(change):
    return lambda *given, **named: change(*two_means(*given, **named))


FORMS = {
    "float64": (changed(lambda loss, r, kl: (loss.double(), r, kl)), {"conduct"}),
    "a vector of one": (changed(lambda loss, r, kl: (loss.reshape(1), r, kl)), {"value"}),
    "one tensor of three": (changed(lambda *parts: torch.stack(parts)), {"value", "gradient", "conduct"}),
    "a number": (changed(lambda loss, r, kl: (loss.item(), r, kl)), {"gradient"}),
    "another default": (lambda *given, beta=0.5: two_means(*given, beta), {"value", "gradient"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_result(form):
    function, tests = FORMS[form]
    assert set(lost(HERE, {"vae_loss": function})) == tests
