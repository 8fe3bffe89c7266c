"""Wrong implementations of NT-Xent over Euclidean distances, with the sentence that each author needs to read."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions, together
from autograder.questions.pair_losses import mistakes as pair_losses

from ..q1a_nt_xent.mistakes import AFTER_SIMILARITIES, EPSILON
from .correct import log_sum_of_each_row

_ZERO_DISTANCE = (
    "The derivative of a square root at 0 is infinite, and infinity times 0 is nan: look at the pairs whose distance "
    "is 0, such as {}."
)
_PRODUCTS = (
    "You take the squared distance as u·u + v·v − 2 u·v. Where rows are equal, rounding leaves something of it, the more the "
    "farther they are from 0; subtract the rows first."
)
_DISTANCE = "-(z[:, None] - z).norm(dim=2)"
_SELF_IN_DENOMINATOR = edit(
    "self_in_denominator",
    "Your denominator counts the anchor's distance 0 to itself; sum over the other 2n − 1 views.",
    *(".masked_fill(itself, -torch.inf)", ""),
)

_EDITS = (
    edit("cosine_used",
         "Your similarity is the cosine; use the negative Euclidean distance.",
         "torch.cat([z_i, z_j])", "F.normalize(torch.cat([z_i, z_j]), dim=1)", _DISTANCE, "z @ z.T"),
    edit("dot_product_used",
         "Your similarity is a dot product; use the negative Euclidean distance.",
         _DISTANCE, "z @ z.T"),
    edit("squared_distance",
         "You square the distance; the similarity is its negative without the square.",
         "norm(dim=2)", "square().sum(2)"),
    edit("mean_squared_distance",
         "Your similarity is a mean squared difference; use the negative Euclidean distance.",
         "norm(dim=2)", "square().mean(2)"),
    edit("manhattan_distance",
         "Your distance is a sum of absolute differences; use the Euclidean one.",
         "norm(dim=2)", "abs().sum(2)"),
    edit("distance_not_negated",
         "The sign of the distance is missing: a view that is farther away counts as more similar.",
         "-(z", "(z"),
    edit("inverse_distance",
         "Your similarity is 1/(1 + distance); use the negative distance.",
         _DISTANCE, "1 / (1 + (z[:, None] - z).norm(dim=2))"),
    edit("normalised_first",
         "You normalise the rows first; take the distance between the raw embeddings.",
         "torch.cat([z_i, z_j])", "F.normalize(torch.cat([z_i, z_j]), dim=1)"),
    _SELF_IN_DENOMINATOR,
    edit("temperature_multiplied",
         "You multiply distances by the temperature; divide by it.",
         "/ temperature", "* temperature"),
    edit("temperature_ignored",
         "The temperature has no effect on your loss; divide every distance by it.",
         " / temperature", ""),
    edit("temperature_not_on_positive",
         "You divide the other distances by the temperature, but not the distance of the positive pair.",
         "- positive", "- positive * temperature"),
    edit("exponential_missing",
         "The exponential is missing from your loss: NT-Xent takes e to the power of each scaled similarity.",
         "masked_fill(itself, -torch.inf).logsumexp(1)", "masked_fill(itself, 0.0).sum(1)",
         "(denominator - positive)", "-torch.log(positive / denominator)"),
    *AFTER_SIMILARITIES,
    edit("exp_overwritten", pair_losses.BROKEN_BACKWARD,
         "positive = logits", "weights = torch.exp(logits)\n    weights.fill_diagonal_(0.0)\n    positive = weights",
         "logits.masked_fill(itself, -torch.inf).logsumexp(1)", "weights.sum(1)",
         "(denominator - positive)", "-torch.log(positive / denominator)"),
    *(edit(f"epsilon_of_1e_{power}", EPSILON,
           "(denominator - positive)", f"-torch.log((positive - denominator).exp() + 1e-{power})")
      for power in (8, 12)),
    *(edit(f"epsilon_of_1e_{power}_in_the_denominator", EPSILON,
           "(denominator - positive)", f"-torch.log(positive.exp() / (denominator.exp() + 1e-{power}))")
      for power in (8, 12)),
    *(edit(id, _PRODUCTS, _DISTANCE,
           f"-(z.square().sum(1)[:, None] + z.square().sum(1) - 2 * z @ z.T).clamp(min={smallest}).sqrt()")
      for id, smallest in (("products", 0.0), ("products_and_an_epsilon", 1e-12))),
    edit("cdist_as_it_comes",
         "You call torch.cdist in its default mode, which takes a matrix product for more than 25 rows: close rows get a wrong "
         "distance; choose its other mode, or subtract the rows.",
         _DISTANCE, "-torch.cdist(z, z)"),
    edit("root_of_every_square", _ZERO_DISTANCE.format("an anchor with itself"),
         "norm(dim=2)", "square().sum(2).sqrt()"),
    edit("root_of_other_pairs", _ZERO_DISTANCE.format("two equal views"),
         "norm(dim=2)", "square().sum(2).masked_fill(torch.eye(2 * n).bool(), 1.0).sqrt()"),
)  # fmt: skip

_AFTER = {change.id: change for change in AFTER_SIMILARITIES}
_TOGETHER = tuple(
    together(one, _AFTER["one_direction"]) for one in (_SELF_IN_DENOMINATOR, _AFTER["cross_view_block_only"])
)
MISCONCEPTIONS = (
    *misconceptions("nt_xent_euclidean", log_sum_of_each_row, (*_EDITS, *_TOGETHER)),
    *pair_losses.misconceptions("nt_xent_euclidean", "z_i", "z_j", log_sum_of_each_row),
)
