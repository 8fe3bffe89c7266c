"""Question 2: the oracle and the given networks, and what a mistake costs."""

from pathlib import Path

import pytest
import torch

from autograder.release.trial import surprises

from ..probes import WrongLatent, given_parts, parameters_of
from .mistakes import MISCONCEPTIONS
from .oracle import vae


def parts():
    return given_parts(torch.randn(parameters_of(3, (1, 2, 2)), dtype=torch.float64), 3, (1, 2, 2))


def test_the_oracle_is_decode_of_a_draw():
    x, eps = torch.rand(4, 1, 2, 2, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    encoder, decoder = parts()
    logits, mu, logvar = vae(encoder, decoder)(x, eps)
    torch.testing.assert_close((mu, logvar), encoder(x))
    torch.testing.assert_close(logits, decoder(mu + (logvar / 2).exp() * eps))


@pytest.mark.parametrize("z", [None, torch.zeros(3), torch.zeros(2, 4)])
def test_the_given_decoder_says_which_rows_it_needs(z):
    with pytest.raises(WrongLatent, match=r"it needs a tensor of shape \(rows, 3\)"):
        parts()[1](z)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("forward",): "mu decoded, mu decoded in eval mode, deviation returned, z returned",
        ("forward", "conduct"): "logits alone, noise drawn inside",
        ("parts",): "exchanged in encode, latent left out",
        ("forward", "parts"): "probabilities decoded, squeezed",
        (
            "conduct",
        ): "mu cut from z, logvar cut from z, results cut, returned logvar cut, gradients on, z detached, logits detached, eval mode, noise overwritten",
    }
    assert surprises(Path(__file__).parent, MISCONCEPTIONS, costs) == {}
