"""Wrong implementations of NT-Xent, read off public ones, with the sentence that each author needs to read."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions
from autograder.questions.pair_losses import mistakes as pair_losses
from autograder.questions.side_effects import mistakes as side_effects

from .correct import log_sum_of_each_row

_OVERFLOW = (
    "At temperature 0.01 a cosine near 1 gives e¹⁰⁰, which overflows float32: look for a form that never takes the "
    "exponential of a large number."
)
_EPSILON = (
    "You add a small constant inside the logarithm. It caps the loss of hard pairs and stops their gradient; a stable "
    "form needs none."
)
_BATCH_AXIS = "You normalise along the batch axis; normalise each row (one embedding)."

# What goes wrong once the similarities are there: question 1c has these mistakes too.
AFTER_SIMILARITIES = (
    edit("positive_taken_out_instead_of_self",
         "Your denominator leaves out the positive and keeps the anchor itself; it should be the other way round.",
         "masked_fill(itself", "masked_fill(itself.roll(n, 1)"),
    edit("positive_and_self_taken_out",
         "Your denominator leaves out the positive as well; leave out the anchor only.",
         "masked_fill(itself", "masked_fill(itself | itself.roll(n, 1)"),
    edit("denominator_averaged",
         "Your denominator is a mean over the other views; the definition sums them.",
         "(denominator", "(denominator - torch.log(torch.tensor(2.0 * n - 1))"),
    edit("denominator_without_gradient",
         "The value is correct, but no gradient flows through the denominator: you rebuild or detach it (torch.tensor, "
         ".item(), .detach()) on the way.",
         ".logsumexp(1)", ".logsumexp(1).detach()"),
    edit("one_direction_over_two_n",
         "You sum the anchors of the first view only, but divide the sum by 2n: the anchors of the second view are "
         "missing.",
         ".mean()", "[:n].sum() / (2 * n)"),
    edit("one_direction",
         "You use only the views in z_i as anchors; the loss is the mean over all 2n anchors, in both directions.",
         ".mean()", "[:n].mean()"),
    edit("cross_view_block_only",
         "You compare only pairs across the two views; the other 2n − 1 views also include the n − 1 from the anchor's "
         "own view.",
         "itself = torch.eye(2 * n, dtype=torch.bool)", "itself = torch.eye(2).kron(torch.ones(n, n)).bool()"),
    edit("interleaved_targets",
         "Your targets pair rows 2k and 2k + 1, but the rows of an image lie n apart in concatenated views.",
         "torch.arange(2 * n).roll(n)", "torch.arange(2 * n) ^ 1"),
    edit("summed", "You sum the losses of the 2n anchors; return their mean.", ".mean()", ".sum()"),
    edit("divided_by_n",
         "You divide the sum over all anchors by n; there are 2n of them.",
         ".mean()", ".sum() / n"),
)  # fmt: skip
_AFTER = {change.id: change for change in AFTER_SIMILARITIES}

_EDITS = (
    edit("naive_exp", _OVERFLOW,
         "masked_fill(itself, -torch.inf).logsumexp(1)", "exp()[~itself].view(2 * n, -1).sum(1)",
         "(denominator - positive)", "-torch.log(positive.exp() / denominator)"),
    edit("naive_exp_self_subtracted", _OVERFLOW,
         "logits.masked_fill(itself, -torch.inf).logsumexp(1)", "logits.exp().sum(1) - logits.exp().diagonal()",
         "(denominator - positive)", "-torch.log(positive.exp() / denominator)"),
    edit("naive_exp_constant_subtracted", _OVERFLOW,
         "logits.masked_fill(itself, -torch.inf).logsumexp(1)", "logits.exp().sum(1) - torch.e ** (1 / temperature)",
         "(denominator", "(torch.log(denominator)"),
    edit("self_in_denominator",
         "Your denominator counts the anchor's similarity with itself; sum over the other 2n − 1 views.",
         ".masked_fill(itself, -torch.inf)", ""),
    edit("self_zeroed_before_exp",
         "You set the self-similarity to 0 before the exponential, which still adds e⁰ = 1 to the denominator.",
         "-torch.inf", "0.0"),
    _AFTER["positive_taken_out_instead_of_self"],
    _AFTER["positive_and_self_taken_out"],
    edit("e_subtracted",
         "You take e from the denominator for the self term; divide the similarity of a view with itself by the "
         "temperature too.",
         "logits.masked_fill(itself, -torch.inf).logsumexp(1)", "logits.exp().sum(1) - torch.e",
         "(denominator - positive)", "-torch.log(positive.exp() / denominator)"),
    _AFTER["denominator_averaged"],
    _AFTER["denominator_without_gradient"],
    edit("numerator_without_gradient",
         "The value is correct, but no gradient flows through the positive pair: you rebuild or detach it "
         "(torch.tensor, .item(), .detach()) on the way.",
         ".squeeze(1)", ".squeeze(1).detach()"),
    edit("candidates_without_gradient",
         "The value is correct, but a gradient reaches a view only as an anchor: you detach the views that it is "
         "compared with.",
         "z.T", "z.detach().T"),
    edit("exp_overwritten",
         "The forward pass is correct, but backward raises an error: you write in place into a tensor that autograd "
         "still needs, such as an input or the output of exp.",
         "positive = logits",
         "weights = torch.exp(logits - logits.max(dim=1, keepdim=True).values.detach())\n"
         "    weights.fill_diagonal_(0.0)\n"
         "    positive = weights",
         "logits.masked_fill(itself, -torch.inf).logsumexp(1)", "weights.sum(1)",
         "(denominator - positive)", "-torch.log(positive / denominator)"),
    *(edit(f"epsilon_of_1e_{power}", _EPSILON,
           "(denominator - positive)", f"-torch.log((positive - denominator).exp() + 1e-{power})")
      for power in (6, 8, 12)),
    _AFTER["one_direction_over_two_n"],
    _AFTER["one_direction"],
    _AFTER["cross_view_block_only"],
    edit("anchor_as_its_own_positive",
         "You take the anchor itself as its positive; the positive is the other view of the same image.",
         ".roll(n)", "", ".masked_fill(itself, -torch.inf)", ""),
    _AFTER["interleaved_targets"],
    edit("not_normalised",
         "Your similarity is a plain dot product; cosine similarity needs rows of length 1.",
         "F.normalize(torch.cat([z_i, z_j]), dim=1)", "torch.cat([z_i, z_j])"),
    edit("normalised_along_batch", _BATCH_AXIS,
         "F.normalize(torch.cat([z_i, z_j]), dim=1)", "torch.cat([F.normalize(z_i, dim=0), F.normalize(z_j, dim=0)])"),
    edit("normalised_all_views_along_batch", _BATCH_AXIS, "dim=1", "dim=0"),
    edit("normalised_as_one_vector",
         "You divide the whole matrix by one norm; divide each row (one embedding) by its own.",
         "F.normalize(torch.cat([z_i, z_j]), dim=1)", "torch.cat([z_i / z_i.norm(), z_j / z_j.norm()])"),
    edit("euclidean_distance_used",
         "Your similarity is a negative Euclidean distance; this part asks for the cosine.",
         "F.normalize(torch.cat([z_i, z_j]), dim=1)", "torch.cat([z_i, z_j])", "z @ z.T", "-(z[:, None] - z).norm(dim=2)"),
    edit("cosine_clamped",
         "You set cosines below 0 to 0; they belong in the sum as they are.",
         "z @ z.T", "(z @ z.T).clamp(min=0.0)"),
    edit("temperature_multiplied",
         "You multiply similarities by the temperature; divide by it.",
         "/ temperature", "* temperature"),
    edit("temperature_ignored",
         "The temperature has no effect on your loss; divide every similarity by it.",
         " / temperature", ""),
    edit("temperature_not_on_positive",
         "You divide the similarities in the denominator by the temperature, but not the one in the numerator.",
         "- positive", "- positive * temperature"),
    edit("log_of_mean",
         "Your loss is the logarithm of a mean; return the mean of the logarithms.",
         "(denominator - positive).mean()", "-torch.log((positive - denominator).exp().mean())"),
    _AFTER["summed"],
    _AFTER["divided_by_n"],
    edit("divided_twice", "You divide the mean over the anchors by n once more.", ".mean()", ".mean() / n"),
    edit("inputs_normalised_in_place",
         "You overwrite the inputs themselves (/=, div_, normalize with out=); compute on new tensors.",
         "n = len(z_i)",
         "n = len(z_i)\n    z_i /= z_i.norm(dim=1, keepdim=True)\n    z_j /= z_j.norm(dim=1, keepdim=True)"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("nt_xent", log_sum_of_each_row, _EDITS),
    *pair_losses.misconceptions("nt_xent", "z_i", "z_j", log_sum_of_each_row),
    *side_effects.misconceptions(
        "nt_xent", {"nt_xent": log_sum_of_each_row}, {"sets_default_dtype": "default dtype", "seeds": "seeds"}
    ),
)
