"""Wrong implementations of Barlow Twins, read off public ones, with the sentence that each author needs to read."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from autograder.questions.pair_losses.mistakes import answer_misconceptions, conduct_misconceptions, misconceptions


def _correlation(z_a, z_b):
    return F.normalize(z_a, dim=0).T @ F.normalize(z_b, dim=0)


def _diagonal_term(c):
    return (1 - c.diagonal()).square().sum()


def _off_diagonal(c):
    return c[~torch.eye(len(c), dtype=torch.bool)]


def _from_correlation(c, lambd):
    return _diagonal_term(c) + lambd * _off_diagonal(c).square().sum()


def _right(z_a, z_b, lambd):
    return _from_correlation(_correlation(z_a, z_b), lambd)


def centred(z_a, z_b, lambd):
    return _from_correlation(_correlation(z_a - z_a.mean(0), z_b - z_b.mean(0)), lambd)


def centred_sample_deviation(z_a, z_b, lambd):
    n = len(z_a)
    deviations = [z - z.mean(0) for z in (z_a, z_b)]
    a, b = (z / (z.square().sum(0) / (n - 1)).sqrt() for z in deviations)
    return _from_correlation(a.T @ b / n, lambd)


def centred_batch_norm(z_a, z_b, lambd):
    a, b = ((z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-5).sqrt() for z in (z_a, z_b))
    return _from_correlation(a.T @ b / len(z_a), lambd)


def lambda_not_applied(z_a, z_b, lambd):
    return _from_correlation(_correlation(z_a, z_b), 1.0)


def lambda_on_diagonal(z_a, z_b, lambd):
    c = _correlation(z_a, z_b)
    return lambd * _diagonal_term(c) + _off_diagonal(c).square().sum()


def lambda_on_everything(z_a, z_b, lambd):
    return lambd * _from_correlation(_correlation(z_a, z_b), 1.0)


def lambda_squared(z_a, z_b, lambd):
    return _from_correlation(_correlation(z_a, z_b), lambd**2)


def diagonal_in_redundancy(z_a, z_b, lambd):
    c = _correlation(z_a, z_b)
    return _diagonal_term(c) + lambd * c.square().sum()


def redundancy_left_out(z_a, z_b, lambd):
    return _diagonal_term(_correlation(z_a, z_b))


def diagonal_not_squared(z_a, z_b, lambd):
    c = _correlation(z_a, z_b)
    return (1 - c.diagonal()).sum() + lambd * _off_diagonal(c).square().sum()


def diagonal_target_zero(z_a, z_b, lambd):
    c = _correlation(z_a, z_b)
    return c.diagonal().square().sum() + lambd * _off_diagonal(c).square().sum()


def off_diagonal_not_squared(z_a, z_b, lambd):
    c = _correlation(z_a, z_b)
    return _diagonal_term(c) + lambd * _off_diagonal(c).abs().sum()


def off_diagonal_averaged(z_a, z_b, lambd):
    c = _correlation(z_a, z_b)
    return _diagonal_term(c) + lambd * _off_diagonal(c).square().mean()


def upper_triangle_only(z_a, z_b, lambd):
    c = _correlation(z_a, z_b)
    return _diagonal_term(c) + lambd * c.triu(1).square().sum()


def both_terms_averaged(z_a, z_b, lambd):
    return _right(z_a, z_b, lambd) / z_a.shape[1]


def entries_averaged(z_a, z_b, lambd):
    return _right(z_a, z_b, lambd) / z_a.shape[1] ** 2


def normalised_along_features(z_a, z_b, lambd):
    return _from_correlation(F.normalize(z_a, dim=1).T @ F.normalize(z_b, dim=1), lambd)


def normalised_along_features_over_n(z_a, z_b, lambd):
    return _from_correlation(F.normalize(z_a, dim=1).T @ F.normalize(z_b, dim=1) / len(z_a), lambd)


def normalised_as_one_vector(z_a, z_b, lambd):
    return _from_correlation((z_a / z_a.norm()).T @ (z_b / z_b.norm()), lambd)


def not_normalised(z_a, z_b, lambd):
    return _from_correlation(z_a.T @ z_b, lambd)


def not_normalised_over_n(z_a, z_b, lambd):
    return _from_correlation(z_a.T @ z_b / len(z_a), lambd)


def divided_by_n_twice(z_a, z_b, lambd):
    return _from_correlation(_correlation(z_a, z_b) / len(z_a), lambd)


def mean_square_not_divided(z_a, z_b, lambd):
    return _from_correlation(_correlation(z_a, z_b) * len(z_a), lambd)


def norms_not_rooted(z_a, z_b, lambd):
    c = z_a.T @ z_b / torch.outer(z_a.square().sum(0), z_b.square().sum(0))
    return _from_correlation(c, lambd)


def correlation_of_images(z_a, z_b, lambd):
    return _from_correlation(F.normalize(z_a, dim=1) @ F.normalize(z_b, dim=1).T, lambd)


def one_view_with_itself(z_a, z_b, lambd):
    return _from_correlation(_correlation(z_a, z_a), lambd)


def redundancy_within_view(z_a, z_b, lambd):
    off_diagonal = _off_diagonal(_correlation(z_a, z_a))
    return _diagonal_term(_correlation(z_a, z_b)) + lambd * off_diagonal.square().sum()


def norms_without_gradient(z_a, z_b, lambd):
    a, b = (z / z.norm(dim=0).detach() for z in (z_a, z_b))
    return _from_correlation(a.T @ b, lambd)


def redundancy_without_gradient(z_a, z_b, lambd):
    c = _correlation(z_a, z_b)
    return _diagonal_term(c) + lambd * _off_diagonal(c).square().sum().detach()


def diagonal_overwritten(z_a, z_b, lambd):
    c = _correlation(z_a, z_b)
    redundancy = _off_diagonal(c.square()).sum()
    c.diagonal().sub_(1)
    return c.diagonal().square().sum() + lambd * redundancy


def epsilon_in_norm(z_a, z_b, lambd):
    n = len(z_a)
    a, b = (z / (z.square().mean(0) + 1e-5).sqrt() for z in (z_a, z_b))
    return _from_correlation(a.T @ b / n, lambd)


def inputs_normalised_in_place(z_a, z_b, lambd):
    z_a /= z_a.norm(dim=0)
    z_b /= z_b.norm(dim=0)
    return _from_correlation(z_a.T @ z_b, lambd)


_CENTRED = (
    "The embeddings are centred (mean subtracted, batch norm or std) before they are correlated; the equation as "
    "printed, which is asked here, divides by the root of the plain sum of squares."
)
_ALONG_FEATURES = (
    "Lengths are taken along the feature axis; each column (one feature over the batch) is to be normalised."
)
_NOT_NORMALISED = "The products are not divided by the two norms over the batch, so C_ij is no correlation."

_HINTS = {
    centred: _CENTRED,
    centred_sample_deviation: _CENTRED,
    centred_batch_norm: _CENTRED,
    lambda_not_applied: "λ has no effect: it multiplies a copy, or nothing; it weighs the off-diagonal sum.",
    lambda_on_diagonal: "λ weighs the diagonal term; it belongs to the off-diagonal sum.",
    lambda_on_everything: "λ multiplies both terms; it weighs the off-diagonal sum alone.",
    lambda_squared: "λ enters as its square: it is multiplied in before the entries are squared, or twice.",
    diagonal_in_redundancy: "The second sum still holds the diagonal entries of C; it runs over j ≠ i.",
    redundancy_without_gradient: "No gradient comes from the off-diagonal sum: it is left out, or detached on the way.",
    redundancy_left_out: "The off-diagonal term is missing from the loss.",
    diagonal_not_squared: "The differences 1 − C_ii are summed without being squared.",
    diagonal_target_zero: "The diagonal entries are driven to 0; their target is 1.",
    off_diagonal_not_squared: "The off-diagonal entries are summed by absolute value; they are to be squared.",
    off_diagonal_averaged: "The off-diagonal squares are averaged; the definition sums them.",
    upper_triangle_only: "Only one triangle of C is counted; C is not symmetric, and the sum runs over all j ≠ i.",
    both_terms_averaged: "The loss is divided by the number of features; both terms are sums.",
    entries_averaged: "The loss is divided by the number of entries of C; both terms are sums.",
    normalised_along_features: _ALONG_FEATURES,
    normalised_along_features_over_n: _ALONG_FEATURES,
    normalised_as_one_vector: (
        "The whole matrix is divided by one norm; each column (one feature over the batch) has its own."
    ),
    not_normalised: _NOT_NORMALISED,
    not_normalised_over_n: _NOT_NORMALISED,
    divided_by_n_twice: (
        "C is divided by n although the columns are already divided by the root of their sum of squares."
    ),
    mean_square_not_divided: (
        "The columns are scaled to mean square 1, so their products still have to be divided by n."
    ),
    norms_not_rooted: "The products are divided by the sums of squares; the square roots are missing.",
    correlation_of_images: "C compares images with images, (n, n); it correlates features with features, (d, d).",
    one_view_with_itself: "C correlates the first view with itself; its columns should come from the second view.",
    redundancy_within_view: (
        "The off-diagonal sum is taken from one view with itself; it belongs to the cross-correlation of the two."
    ),
    norms_without_gradient: (
        "The value is right, but the norms in the denominator are detached; they depend on the embeddings too."
    ),
    diagonal_overwritten: (
        "The forward pass is right, but backward raises: an entry is written in place into a tensor (an input, or C) "
        "that autograd still needs."
    ),
    epsilon_in_norm: (
        "A constant added under the root is not small against features of small scale; C should not change when a "
        "column is rescaled."
    ),
    inputs_normalised_in_place: (
        "The inputs themselves are overwritten (/=, div_, normalize with out=); compute on new tensors."
    ),
}

MISCONCEPTIONS = (
    *misconceptions("barlow_twins", _HINTS),
    *answer_misconceptions("barlow_twins", "z_a", "z_b", _right),
    *conduct_misconceptions("barlow_twins", _right),
)
