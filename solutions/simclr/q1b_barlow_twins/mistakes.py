"""Wrong implementations of Barlow Twins, read off public ones, with the sentence that each author needs to read."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions, together
from autograder.questions.pair_losses import mistakes as pair_losses
from autograder.questions.side_effects import mistakes as side_effects

from .correct import two_sums

_CENTRED = (
    "You centre the embeddings (you subtract the mean, or use batch norm or std) before you correlate them; the "
    "equation as printed divides by the root of the plain sum of squares."
)
_ALONG_FEATURES = "You normalise along the feature axis; normalise each column (one feature over the batch)."
_NOT_NORMALISED = "You do not divide the products by the two norms over the batch, so C_pq is no correlation."

_SCALE_OF_LOSS = (
    "Your loss, or its gradient, is {} as it should be; both terms are sums, and nothing else is divided or doubled."
)
_CENTRED_EDITS = (
    edit("centred", _CENTRED, "F.normalize(z, dim=0)", "F.normalize(z - z.mean(0), dim=0)"),
    edit("centred_sample_deviation", _CENTRED,
         "F.normalize(z, dim=0)", "(z - z.mean(0)) / ((z - z.mean(0)).square().sum(0) / (len(z) - 1)).sqrt()",
         "a.T @ b", "a.T @ (b / len(a))"),
)  # fmt: skip

_EDITS = (
    *_CENTRED_EDITS,
    edit("centred_batch_norm", _CENTRED,
         "F.normalize(z, dim=0)", "(z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-5).sqrt()",
         "a.T @ b", "a.T @ b / len(a)"),
    edit("lambda_not_applied",
         "λ has no effect in your loss: you multiply a copy by it, or nothing. Multiply the off-diagonal sum by it.",
         "lambd * off", "off"),
    edit("another_lambda_for_0",
         "You put another λ in the place of 0; with λ = 0 only the diagonal counts.",
         "lambd * off", "(lambd or 0.005) * off"),
    edit("lambda_on_diagonal",
         "You multiply the diagonal term by λ; multiply the off-diagonal sum.",
         "on_diagonal + lambd * off_diagonal", "lambd * on_diagonal + off_diagonal"),
    edit("lambda_on_everything",
         "You multiply both terms by λ; multiply only the off-diagonal sum.",
         "on_diagonal + lambd * off_diagonal", "lambd * (on_diagonal + off_diagonal)"),
    edit("lambda_squared",
         "λ enters your loss as its square: you multiply by it before you square the entries, or twice.",
         "lambd *", "lambd**2 *"),
    edit("diagonal_in_redundancy",
         "Your second sum still holds the diagonal entries of C; it runs over q ≠ p.",
         "c[~torch.eye(len(c), dtype=torch.bool)]", "c"),
    edit("redundancy_without_gradient",
         "No gradient comes from the off-diagonal sum: you leave it out, or detach it on the way.",
         "bool)].square().sum()", "bool)].square().sum().detach()"),
    edit("redundancy_left_out", "The off-diagonal term is missing from your loss.", " + lambd * off_diagonal", ""),
    edit("diagonal_averaged",
         "You average the squares on the diagonal; the definition sums them.",
         "(1 - c.diagonal()).square().sum()", "(1 - c.diagonal()).square().mean()"),
    edit("last_pair_of_features_only",
         "Only the last entry of your loop over C counts: add the terms up with +=.",
         "on_diagonal + lambd * off_diagonal", "(1 - c[-1, -1]).square()"),
    edit("half", _SCALE_OF_LOSS.format("half as large"),
         "on_diagonal + lambd * off_diagonal", "(on_diagonal + lambd * off_diagonal) / 2"),
    edit("doubled", _SCALE_OF_LOSS.format("twice as large"),
         "on_diagonal + lambd * off_diagonal", "(on_diagonal + lambd * off_diagonal) * 2"),
    edit("diagonal_not_squared",
         "You sum the differences 1 − C_pp without squaring them.",
         "(1 - c.diagonal()).square()", "(1 - c.diagonal())"),
    edit("diagonal_target_zero",
         "Your loss drives the diagonal entries to 0; their target is 1.",
         "(1 - c.diagonal())", "c.diagonal()"),
    edit("off_diagonal_not_squared",
         "You sum the off-diagonal entries by absolute value; square them.",
         "bool)].square()", "bool)].abs()"),
    edit("off_diagonal_averaged",
         "You average the off-diagonal squares; the definition sums them.",
         "bool)].square().sum()", "bool)].square().mean()"),
    edit("upper_triangle_only",
         "You count only one triangle of C; C is not symmetric, and the sum runs over all q ≠ p.",
         "c[~torch.eye(len(c), dtype=torch.bool)]", "c.triu(1)"),
    edit("each_term_averaged",
         "You average both terms; the definition sums them.",
         "(1 - c.diagonal()).square().sum()", "(1 - c.diagonal()).square().mean()",
         "bool)].square().sum()", "bool)].square().mean()"),
    edit("last_redundancy_only",
         "Only the last off-diagonal entry of your loop counts: add the terms up with +=.",
         "bool)].square().sum()", "bool)].square()[-1]"),
    edit("both_terms_averaged",
         "Your loss, or its gradient, is divided by the number of features; both terms are sums.",
         "on_diagonal + lambd * off_diagonal", "(on_diagonal + lambd * off_diagonal) / len(c)"),
    edit("averaged_over_batch",
         "Your loss, or its gradient, is divided by n; both terms are sums over the features.",
         "on_diagonal + lambd * off_diagonal", "(on_diagonal + lambd * off_diagonal) / len(a)"),
    edit("entries_averaged",
         "Your loss, or its gradient, is divided by the number of entries of C; both terms are sums.",
         "on_diagonal + lambd * off_diagonal", "(on_diagonal + lambd * off_diagonal) / c.numel()"),
    edit("normalised_along_features", _ALONG_FEATURES, "dim=0", "dim=1"),
    edit("normalised_along_features_over_n", _ALONG_FEATURES, "dim=0", "dim=1", "a.T @ b", "a.T @ b / len(a)"),
    edit("normalised_as_one_vector",
         "You divide the whole matrix by one norm; each column (one feature over the batch) has its own.",
         "F.normalize(z, dim=0)", "z / z.norm()"),
    edit("not_normalised", _NOT_NORMALISED, "F.normalize(z, dim=0)", "z"),
    edit("not_normalised_over_n", _NOT_NORMALISED, "F.normalize(z, dim=0)", "z", "a.T @ b", "a.T @ b / len(a)"),
    edit("divided_by_n_twice",
         "You divide C by n, although you already divide the columns by the root of their sum of squares.",
         "a.T @ b", "a.T @ b / len(a)"),
    edit("mean_square_not_divided",
         "You scale the columns to mean square 1, so you still have to divide their products by n.",
         "a.T @ b", "a.T @ b * len(a)"),
    *(edit(id, "You divide by the standard deviation, which is taken around the mean; divide by the root of the plain sum of "
           "squares.",
           "F.normalize(z, dim=0)", f"z / ((z - z.mean(0)).square().sum(0) / ({count})).sqrt()",
           "a.T @ b", "a.T @ (b / len(a))")
      for id, count in (("divided_by_deviation", "len(z)"), ("divided_by_sample_deviation", "len(z) - 1"))),
    edit("norms_not_rooted",
         "You divide the products by the sums of squares; the square roots are missing.",
         "F.normalize(z, dim=0)", "z / z.square().sum(0)"),
    edit("correlation_of_images",
         "Your C compares images with images, (n, n); correlate features with features, (d, d).",
         "dim=0", "dim=1", "a.T @ b", "a @ b.T"),
    edit("one_view_with_itself",
         "Your C correlates the first view with itself; take its columns from the second view.",
         "a.T @ b", "a.T @ a"),
    edit("redundancy_within_view",
         "You take the off-diagonal sum from one view with itself; take it from the cross-correlation of the two.",
         "c[~torch", "(a.T @ a)[~torch"),
    edit("norms_without_gradient",
         "No gradient comes from the norms in the denominator: you detach them; they depend on the embeddings too.",
         "F.normalize(z, dim=0)", "z / z.norm(dim=0).detach()"),
    edit("diagonal_overwritten", pair_losses.BROKEN_BACKWARD,
         "on_diagonal = (1 - c.diagonal())", "squares = c.square()\n    on_diagonal = c.diagonal().sub_(1)",
         "c[~torch.eye(len(c), dtype=torch.bool)].square()", "squares[~torch.eye(len(c), dtype=torch.bool)]"),
    edit("epsilon_in_norm",
         "You add a constant under the root, which is not small against features of small scale; C should not change "
         "when a column is rescaled.",
         "F.normalize(z, dim=0)", "z / (z.square().mean(0) + 1e-5).sqrt()", "a.T @ b", "a.T @ b / len(a)"),
    edit("inputs_normalised_in_place",
         "You overwrite the inputs themselves (/=, div_, normalize with out=); compute on new tensors.",
         "F.normalize(z, dim=0)", "z.div_(z.norm(dim=0))"),
)  # fmt: skip

# Almost every public solution centres, so a second mistake is most often beside that.
_BESIDE_CENTRED = (
    *(
        "lambda_not_applied",
        "lambda_on_everything",
        "diagonal_in_redundancy",
        "redundancy_left_out",
        "diagonal_not_squared",
    ),
    *("off_diagonal_averaged", "each_term_averaged", "upper_triangle_only", "both_terms_averaged", "entries_averaged"),
)
_TOGETHER = tuple(
    together(centred, other) for centred in _CENTRED_EDITS for other in _EDITS if other.id in _BESIDE_CENTRED
)
_SIDE_EFFECTS = {"sets_default_dtype": "default dtype", "seeds": "seeds", "gradients_off": "gradients off"}
MISCONCEPTIONS = (
    *misconceptions("barlow_twins", two_sums, (*_EDITS, *_TOGETHER)),
    *pair_losses.misconceptions("barlow_twins", "z_a", "z_b", two_sums),
    *side_effects.misconceptions("barlow_twins", {"barlow_twins": two_sums}, _SIDE_EFFECTS),
)
