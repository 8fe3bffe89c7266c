"""Question 2: the oracle and the given networks, and what a mistake costs."""

from pathlib import Path

import pytest
import torch

from ..probes import WrongLatent, given_parts, parameters_of
from ..trials import losing, surprises
from .correct import CORRECT, Plain
from .mistakes import MISCONCEPTIONS
from .oracle import vae

HERE = Path(__file__).parent
COSTS = {
    **{id: {"forward"} for id in ("mu decoded", "mu decoded in eval mode", "deviation returned", "z returned")},
    "logits alone": {"forward", "conduct"},
    "noise drawn inside": {"forward", "conduct"},
    "probabilities decoded": {"forward", "parts"},
    "exchanged in encode": {"parts"},
    **{id: {"conduct"} for id in ("z detached", "logits detached", "eval mode", "noise overwritten")},
}


def parts():
    return given_parts(torch.randn(parameters_of(3, (1, 2, 2)), dtype=torch.float64), 3, (1, 2, 2))


def test_the_oracle_is_decode_of_a_draw():
    x, eps = torch.rand(4, 1, 2, 2, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    encoder, decoder = parts()
    logits, mu, logvar = vae(encoder, decoder)(x, eps)
    torch.testing.assert_close((mu, logvar), encoder(x))
    torch.testing.assert_close(logits, decoder(mu + (logvar / 2).exp() * eps))
    torch.testing.assert_close(Plain(encoder, decoder)(x, eps), (logits, mu, logvar))


@pytest.mark.parametrize("z", [None, torch.zeros(3), torch.zeros(2, 4)])
def test_the_given_decoder_says_which_rows_it_needs(z):
    with pytest.raises(WrongLatent, match=r"it needs a tensor of shape \(rows, 3\)"):
        parts()[1](z)


def test_correct_solutions_lose_nothing():
    assert losing(HERE, CORRECT) == {}


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    assert surprises(HERE, MISCONCEPTIONS, COSTS) == {}
