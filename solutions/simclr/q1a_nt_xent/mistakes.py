"""Wrong implementations of NT-Xent, read off public ones, with the sentence that each author needs to read."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from autograder.questions.pair_losses.mistakes import answer_misconceptions, conduct_misconceptions, misconceptions


def _logits(z_i, z_j, temperature):
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    return z @ z.T / temperature


def _partners(size):
    return torch.arange(size).roll(size // 2)


def _without_self(logits):
    return logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), float("-inf"))


def _positives(logits):
    return logits.gather(1, _partners(len(logits))[:, None]).squeeze(1)


def _from_logits(logits):
    """NT-Xent of scaled similarities (2n, 2n): right, so that each mistake below is the only one."""
    return F.cross_entropy(_without_self(logits), _partners(len(logits)))


def _right(z_i, z_j, temperature):
    return _from_logits(_logits(z_i, z_j, temperature))


def self_in_denominator(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    return F.cross_entropy(logits, _partners(len(logits)))


def self_zeroed_before_exp(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    logits = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), 0.0)
    return F.cross_entropy(logits, _partners(len(logits)))


def positive_taken_out_instead_of_self(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    positive_mask = F.one_hot(_partners(len(logits)), len(logits)).bool()
    return (logits.masked_fill(positive_mask, float("-inf")).logsumexp(1) - _positives(logits)).mean()


def positive_and_self_taken_out(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    positive_mask = F.one_hot(_partners(len(logits)), len(logits)).bool()
    return (_without_self(logits).masked_fill(positive_mask, float("-inf")).logsumexp(1) - _positives(logits)).mean()


def e_subtracted(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    return -torch.log(_positives(logits).exp() / (logits.exp().sum(1) - torch.e)).mean()


def denominator_averaged(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    return _from_logits(logits) - torch.log(torch.tensor(len(logits) - 1.0))


def denominator_without_gradient(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    return (_without_self(logits).logsumexp(1).detach() - _positives(logits)).mean()


def numerator_without_gradient(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    return (_without_self(logits).logsumexp(1) - _positives(logits).detach()).mean()


def candidates_without_gradient(z_i, z_j, temperature):
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    return _from_logits(z @ z.detach().T / temperature)


def exp_overwritten(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    shifted = logits - logits.max(dim=1, keepdim=True).values.detach()
    weights = torch.exp(shifted)
    weights.fill_diagonal_(0.0)
    return -torch.log(_positives(weights) / weights.sum(1)).mean()


def naive_exp(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    off_diagonal = ~torch.eye(len(logits), dtype=torch.bool)
    denominator = logits.exp()[off_diagonal].view(len(logits), -1).sum(1)
    return -torch.log(_positives(logits).exp() / denominator).mean()


def naive_exp_self_subtracted(z_i, z_j, temperature):
    weights = _logits(z_i, z_j, temperature).exp()
    return -torch.log(_positives(weights) / (weights.sum(1) - weights.diagonal())).mean()


def naive_exp_constant_subtracted(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    return (torch.log(logits.exp().sum(1) - math.exp(1 / temperature)) - _positives(logits)).mean()


def _with_epsilon(z_i, z_j, temperature, epsilon):
    probabilities = _without_self(_logits(z_i, z_j, temperature)).softmax(1)
    return -torch.log(_positives(probabilities) + epsilon).mean()


def epsilon_of_1e_6(z_i, z_j, temperature):
    return _with_epsilon(z_i, z_j, temperature, 1e-6)


def epsilon_of_1e_8(z_i, z_j, temperature):
    return _with_epsilon(z_i, z_j, temperature, 1e-8)


def epsilon_of_1e_12(z_i, z_j, temperature):
    return _with_epsilon(z_i, z_j, temperature, 1e-12)


def one_direction_over_two_n(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    n = len(z_i)
    return F.cross_entropy(_without_self(logits)[:n], _partners(2 * n)[:n], reduction="sum") / (2 * n)


def one_direction(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    n = len(z_i)
    return F.cross_entropy(_without_self(logits)[:n], _partners(2 * n)[:n])


def cross_view_block_only(z_i, z_j, temperature):
    logits = F.normalize(z_i) @ F.normalize(z_j).T / temperature
    labels = torch.arange(len(logits))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def anchor_as_its_own_positive(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    return F.cross_entropy(logits, torch.arange(len(logits)))


def interleaved_targets(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    return F.cross_entropy(_without_self(logits), torch.arange(len(logits)) ^ 1)


def not_normalised(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    return _from_logits(z @ z.T / temperature)


def normalised_along_batch(z_i, z_j, temperature):
    z = torch.cat([F.normalize(z_i, dim=0), F.normalize(z_j, dim=0)])
    return _from_logits(z @ z.T / temperature)


def normalised_all_views_along_batch(z_i, z_j, temperature):
    z = F.normalize(torch.cat([z_i, z_j]), dim=0)
    return _from_logits(z @ z.T / temperature)


def normalised_as_one_vector(z_i, z_j, temperature):
    z = torch.cat([z_i / z_i.norm(), z_j / z_j.norm()])
    return _from_logits(z @ z.T / temperature)


def euclidean_distance_used(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    return _from_logits(-torch.cdist(z, z, compute_mode="donot_use_mm_for_euclid_dist") / temperature)


def cosine_clamped(z_i, z_j, temperature):
    return _from_logits(_logits(z_i, z_j, 1.0).clamp(min=0.0) / temperature)


def temperature_multiplied(z_i, z_j, temperature):
    return _from_logits(_logits(z_i, z_j, 1.0) * temperature)


def temperature_ignored(z_i, z_j, temperature):
    return _from_logits(_logits(z_i, z_j, 1.0))


def temperature_not_on_positive(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    return (_without_self(logits).logsumexp(1) - _positives(logits) * temperature).mean()


def log_of_mean(z_i, z_j, temperature):
    logits = _logits(z_i, z_j, temperature)
    return -torch.log(_positives(_without_self(logits).softmax(1)).mean())


def summed(z_i, z_j, temperature):
    return _right(z_i, z_j, temperature) * (2 * len(z_i))


def divided_by_n(z_i, z_j, temperature):
    return _right(z_i, z_j, temperature) * 2


def divided_twice(z_i, z_j, temperature):
    return _right(z_i, z_j, temperature) / len(z_i)


def inputs_normalised_in_place(z_i, z_j, temperature):
    z_i /= z_i.norm(dim=1, keepdim=True)
    z_j /= z_j.norm(dim=1, keepdim=True)
    return _right(z_i, z_j, temperature)


_OVERFLOW = (
    "At temperature 0.01 a cosine near 1 gives e¹⁰⁰, which overflows float32: look for a form that never takes the "
    "exponential of a large number."
)
_EPSILON = (
    "A small constant inside the logarithm caps the loss of hard pairs and stops their gradient; a stable form needs "
    "none."
)

_HINTS = {
    naive_exp: _OVERFLOW,
    naive_exp_self_subtracted: _OVERFLOW,
    naive_exp_constant_subtracted: _OVERFLOW,
    self_in_denominator: (
        "The denominator counts the anchor's similarity with itself; the sum runs over the other 2n − 1 views."
    ),
    self_zeroed_before_exp: (
        "Setting the self-similarity to 0 before the exponential still adds e⁰ = 1 to the denominator."
    ),
    positive_taken_out_instead_of_self: (
        "The denominator leaves out the positive and keeps the anchor itself; it should be the other way round."
    ),
    positive_and_self_taken_out: "The denominator leaves out the positive as well; only the anchor itself is left out.",
    e_subtracted: (
        "The self term taken from the denominator is e; the similarity of a view with itself is also divided by the "
        "temperature."
    ),
    denominator_averaged: "The denominator is a mean over the other views; the definition sums them.",
    denominator_without_gradient: (
        "The value is right, but no gradient flows through the denominator: it is rebuilt or detached (torch.tensor, "
        ".item(), .detach()) on the way."
    ),
    numerator_without_gradient: (
        "The value is right, but no gradient flows through the positive pair: it is rebuilt or detached "
        "(torch.tensor, .item(), .detach()) on the way."
    ),
    candidates_without_gradient: (
        "The value is right, but a gradient reaches a view only as an anchor: where it is compared with other anchors, it "
        "is detached."
    ),
    exp_overwritten: (
        "The forward pass is right, but backward raises: an entry is written in place into a tensor that autograd "
        "still needs, such as an input or the output of exp."
    ),
    epsilon_of_1e_6: _EPSILON,
    epsilon_of_1e_8: _EPSILON,
    epsilon_of_1e_12: _EPSILON,
    one_direction_over_two_n: (
        "Only the anchors of the first view are summed, yet the sum is divided by 2n: the anchors of the second view "
        "are missing."
    ),
    one_direction: "Only the views in z_i serve as anchors; the loss is the mean over all 2n anchors, both directions.",
    cross_view_block_only: (
        "Only pairs across the two views are compared; the other 2n − 1 views also include the n − 1 from the "
        "anchor's own view."
    ),
    anchor_as_its_own_positive: (
        "The positive of each anchor is the anchor itself; it should be the other view of the same image."
    ),
    interleaved_targets: "The targets pair rows 2k and 2k + 1, but concatenated views lie n rows apart.",
    not_normalised: "The similarity is a plain dot product; cosine similarity needs rows of length 1.",
    normalised_along_batch: "Lengths are taken along the batch axis; each row (one embedding) is to be normalised.",
    normalised_all_views_along_batch: (
        "Lengths are taken along the batch axis; each row (one embedding) is to be normalised."
    ),
    normalised_as_one_vector: (
        "The whole matrix is divided by one norm; each row (one embedding) is to be normalised by its own."
    ),
    euclidean_distance_used: "The similarity is a negative Euclidean distance; this part asks for the cosine.",
    cosine_clamped: "Cosines below 0 are cut off at 0; they belong in the sum as they are.",
    temperature_multiplied: "Similarities are multiplied by the temperature; they are to be divided by it.",
    temperature_ignored: "The temperature has no effect on the loss; every similarity is divided by it.",
    temperature_not_on_positive: (
        "The similarity in the numerator is not divided by the temperature; those in the denominator are."
    ),
    log_of_mean: "This is the logarithm of a mean; the loss is the mean of the logarithms.",
    summed: "The losses of the 2n anchors are summed; their mean is asked.",
    divided_by_n: "The sum over all 2n anchors is divided by n; there are 2n of them.",
    divided_twice: "The mean over the anchors is divided by n once more.",
    inputs_normalised_in_place: (
        "The inputs themselves are overwritten (/=, div_, normalize with out=); compute on new tensors."
    ),
}

MISCONCEPTIONS = (
    *misconceptions("nt_xent", _HINTS),
    *answer_misconceptions("nt_xent", "z_i", "z_j", _right),
    *conduct_misconceptions("nt_xent", _right),
)
