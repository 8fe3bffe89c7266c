"""Wrong implementations of NT-Xent over Euclidean distances, with the sentence that each author needs to read."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from autograder.questions.pair_losses.mistakes import answer_misconceptions, misconceptions


def _distances(z_i, z_j):
    z = torch.cat([z_i, z_j])
    return (z[:, None] - z[None, :]).norm(dim=2)


def _partners(size):
    return torch.arange(size).roll(size // 2)


def _without_self(logits):
    return logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), float("-inf"))


def _positives(logits):
    return logits.gather(1, _partners(len(logits))[:, None]).squeeze(1)


def _from_logits(logits):
    return F.cross_entropy(_without_self(logits), _partners(len(logits)))


def _right(z_i, z_j, temperature):
    return _from_logits(-_distances(z_i, z_j) / temperature)


def cosine_used(z_i, z_j, temperature):
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    return _from_logits(z @ z.T / temperature)


def dot_product_used(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    return _from_logits(z @ z.T / temperature)


def squared_distance(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    return _from_logits(-(z[:, None] - z[None, :]).square().sum(2) / temperature)


def mean_squared_distance(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    return _from_logits(-(z[:, None] - z[None, :]).square().mean(2) / temperature)


def manhattan_distance(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    return _from_logits(-(z[:, None] - z[None, :]).abs().sum(2) / temperature)


def distance_not_negated(z_i, z_j, temperature):
    return _from_logits(_distances(z_i, z_j) / temperature)


def inverse_distance(z_i, z_j, temperature):
    return _from_logits(1 / (1 + _distances(z_i, z_j)) / temperature)


def normalised_first(z_i, z_j, temperature):
    return _right(F.normalize(z_i), F.normalize(z_j), temperature)


def self_in_denominator(z_i, z_j, temperature):
    logits = -_distances(z_i, z_j) / temperature
    return F.cross_entropy(logits, _partners(len(logits)))


def positive_taken_out_instead_of_self(z_i, z_j, temperature):
    logits = -_distances(z_i, z_j) / temperature
    positive_mask = F.one_hot(_partners(len(logits)), len(logits)).bool()
    return (logits.masked_fill(positive_mask, float("-inf")).logsumexp(1) - _positives(logits)).mean()


def positive_and_self_taken_out(z_i, z_j, temperature):
    logits = -_distances(z_i, z_j) / temperature
    positive_mask = F.one_hot(_partners(len(logits)), len(logits)).bool()
    return (_without_self(logits).masked_fill(positive_mask, float("-inf")).logsumexp(1) - _positives(logits)).mean()


def denominator_averaged(z_i, z_j, temperature):
    return _right(z_i, z_j, temperature) - torch.log(torch.tensor(2.0 * len(z_i) - 1))


def one_direction(z_i, z_j, temperature):
    logits = _without_self(-_distances(z_i, z_j) / temperature)
    n = len(z_i)
    return F.cross_entropy(logits[:n], _partners(2 * n)[:n])


def one_direction_over_two_n(z_i, z_j, temperature):
    return one_direction(z_i, z_j, temperature) / 2


def cross_view_block_only(z_i, z_j, temperature):
    n = len(z_i)
    logits = (-_distances(z_i, z_j) / temperature)[:n, n:]
    labels = torch.arange(n)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def interleaved_targets(z_i, z_j, temperature):
    logits = _without_self(-_distances(z_i, z_j) / temperature)
    return F.cross_entropy(logits, torch.arange(len(logits)) ^ 1)


def temperature_multiplied(z_i, z_j, temperature):
    return _from_logits(-_distances(z_i, z_j) * temperature)


def temperature_ignored(z_i, z_j, temperature):
    return _from_logits(-_distances(z_i, z_j))


def temperature_not_on_positive(z_i, z_j, temperature):
    logits = -_distances(z_i, z_j) / temperature
    return (_without_self(logits).logsumexp(1) - _positives(logits) * temperature).mean()


def summed(z_i, z_j, temperature):
    return _right(z_i, z_j, temperature) * (2 * len(z_i))


def divided_by_n(z_i, z_j, temperature):
    return _right(z_i, z_j, temperature) * 2


def denominator_without_gradient(z_i, z_j, temperature):
    logits = -_distances(z_i, z_j) / temperature
    return (_without_self(logits).logsumexp(1).detach() - _positives(logits)).mean()


def exp_overwritten(z_i, z_j, temperature):
    weights = torch.exp(-_distances(z_i, z_j) / temperature)
    weights.fill_diagonal_(0.0)
    return -torch.log(_positives(weights) / weights.sum(1)).mean()


def root_of_every_square(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    return _from_logits(-(z[:, None] - z[None, :]).square().sum(2).sqrt() / temperature)


def root_of_other_pairs(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    size = len(z)
    rows, columns = torch.where(~torch.eye(size, dtype=torch.bool))
    similarities = -(z[rows] - z[columns]).square().sum(1).sqrt().view(size, size - 1) / temperature
    positive = -(z_i - z_j).square().sum(1).sqrt().repeat(2) / temperature
    return (similarities.logsumexp(1) - positive).mean()


_ZERO_DISTANCE = (
    "The derivative of a square root at 0 is infinite, and infinity times 0 is nan: look at the pairs whose distance "
    "is 0{}."
)

_HINTS = {
    cosine_used: "The similarity is the cosine; here it is the negative Euclidean distance.",
    dot_product_used: "The similarity is a dot product; here it is the negative Euclidean distance.",
    squared_distance: "The distance is squared; the similarity is its negative without the square.",
    mean_squared_distance: "The similarity is a mean squared difference; it should be the negative Euclidean distance.",
    manhattan_distance: "The distance is a sum of absolute differences; it should be the Euclidean one.",
    distance_not_negated: "The sign of the distance is missing: the farther a view, the more similar it counts.",
    inverse_distance: "The similarity is 1/(1 + distance); it should be the negative distance.",
    normalised_first: "The rows are normalised first; the distance is taken between the raw embeddings.",
    self_in_denominator: (
        "The denominator counts the anchor's distance 0 to itself; the sum runs over the other 2n − 1 views."
    ),
    positive_taken_out_instead_of_self: (
        "The denominator leaves out the positive and keeps the anchor itself; it should be the other way round."
    ),
    positive_and_self_taken_out: "The denominator leaves out the positive as well; only the anchor itself is left out.",
    denominator_averaged: "The denominator is a mean over the other views; the definition sums them.",
    one_direction: "Only the views in z_i serve as anchors; the loss is the mean over all 2n anchors, both directions.",
    one_direction_over_two_n: (
        "Only the anchors of the first view are summed, yet the sum is divided by 2n: the anchors of the second view "
        "are missing."
    ),
    cross_view_block_only: (
        "Only pairs across the two views are compared; the other 2n − 1 views also include the n − 1 from the "
        "anchor's own view."
    ),
    interleaved_targets: "The targets pair rows 2k and 2k + 1, but concatenated views lie n rows apart.",
    temperature_multiplied: "Distances are multiplied by the temperature; they are to be divided by it.",
    temperature_ignored: "The temperature has no effect on the loss; every distance is divided by it.",
    temperature_not_on_positive: "The distance of the positive pair is not divided by the temperature; the others are.",
    summed: "The losses of the 2n anchors are summed; their mean is asked.",
    divided_by_n: "The sum over all 2n anchors is divided by n; there are 2n of them.",
    denominator_without_gradient: (
        "The value is right, but no gradient flows through the denominator: it is rebuilt or detached (torch.tensor, "
        ".item(), .detach()) on the way."
    ),
    exp_overwritten: (
        "The forward pass is right, but backward raises: an entry is written in place into a tensor that autograd "
        "still needs, such as the output of exp."
    ),
    root_of_every_square: _ZERO_DISTANCE.format(", such as an anchor with itself"),
    root_of_other_pairs: _ZERO_DISTANCE.format(", such as two equal views"),
}

MISCONCEPTIONS = (
    *misconceptions("nt_xent_euclidean", _HINTS),
    *answer_misconceptions("nt_xent_euclidean", "z_i", "z_j", _right),
)
