"""Wrong implementations of NT-Xent, read off public ones, with the sentence that each author needs to read."""

from __future__ import annotations

import torch

from autograder.questions.edits import edit, misconceptions, together
from autograder.questions.model import Misconception
from autograder.questions.pair_losses import mistakes as pair_losses
from autograder.questions.side_effects import mistakes as side_effects

from .correct import float64_inside, log_sum_of_each_row

_OVERFLOW = (
    "Your loss or its gradient is not finite at temperature 0.01, where e¹⁰⁰, from a cosine near 1, overflows float32: look "
    "for a form that never takes the exponential of a large number."
)
_UNDERFLOW = (
    "The maximum that you subtract is the anchor's similarity with itself (or that of other rows). Where no other row is "
    "near, all exponentials that are left underflow to 0; mask the anchor out first, then take the maximum of each row."
)
_SELF_OVERFLOW = (
    "At temperature 0.01 the exponential of the anchor's similarity with itself overflows, and infinity times 0 is nan: "
    "mask the anchor with −inf before the exponential."
)
EPSILON = (
    "You add a small constant inside the logarithm. It caps the loss of hard pairs and stops their gradient; a stable "
    "form needs none."
)
_LAST = "Only the last {} of your loop counts: add the losses up with += (or collect them in a list)."
_NO_EXPONENTIAL = "The exponential is missing {}: NT-Xent takes e to the power of each scaled similarity."
_WHOLE_MATRIX = (
    "You average the log-softmax over all pairs; only the entry of the positive counts, one in each of the 2n rows."
)
_COUNT_IN_TEMPERATURE = "You divide or multiply the similarities by n as well; divide them by the temperature alone."
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
         "No gradient comes from the denominator: you leave it out, or you rebuild or detach it (torch.tensor, .item(), "
         ".detach()) on the way.",
         ".logsumexp(1)", ".logsumexp(1).detach()"),
    edit("one_direction_over_two_n",
         "You sum the anchors of the first view only, but divide the sum by 2n: the anchors of the second view are "
         "missing.",
         ".mean()", "[:n].sum() / (2 * n)"),
    edit("one_direction",
         "You use only the views in z_i as anchors; the loss is the mean over all 2n anchors, in both directions.",
         ".mean()", "[:n].mean()"),
    edit("other_direction",
         "You use only the views in z_j as anchors; the loss is the mean over all 2n anchors, in both directions.",
         ".mean()", "[n:].mean()"),
    edit("one_direction_summed",
         "You sum the losses of the anchors of the first view; return the mean over all 2n anchors, in both directions.",
         ".mean()", "[:n].sum()"),
    edit("cross_view_block_only",
         "You compare only pairs across the two views; the other 2n − 1 views also include the n − 1 from the anchor's "
         "own view.",
         "itself = torch.eye(2 * n, dtype=torch.bool)", "itself = torch.eye(2).kron(torch.ones(n, n)).bool()"),
    edit("interleaved_targets",
         "Your targets pair rows 2k and 2k + 1, but the rows of an image lie n apart in concatenated views.",
         "torch.arange(2 * n).roll(n)", "torch.arange(2 * n) ^ 1"),
    edit("summed",
         "Your loss, or its gradient, is 2n times as large as it should be: return the mean of the 2n losses, not their sum.",
         ".mean()", ".sum()"),
    edit("divided_by_n",
         "Your loss, or its gradient, is twice as large as it should be: the sum over the 2n anchors is divided by 2n, not "
         "by n, and the two directions are averaged.",
         ".mean()", ".sum() / n"),
    edit("half",
         "Your loss, or its gradient, is half as large as it should be: the sum over the 2n anchors is divided by 2n, once.",
         ".mean()", ".mean() / 2"),
    edit("divided_by_two_n_minus_two",
         "Your loss, or its gradient, is the sum over the anchors divided by 2(n − 1), the number of negatives; there are 2n "
         "anchors.",
         ".mean()", ".sum() / (2 * (n - 1))"),
    edit("divided_by_pairs",
         "Your loss, or its gradient, is the sum over the anchors divided by 2n(2n − 1), the number of pairs; there is one "
         "loss for each of the 2n anchors.",
         ".mean()", ".mean() / (2 * n - 1)"),
    edit("divided_twice",
         "Your loss, or its gradient, is the mean over the anchors divided by n once more.",
         ".mean()", ".mean() / n"),
    edit("not_reduced", "You return the losses of the anchors one by one; return their mean.", ".mean()", ""),
    edit("last_pair_only", _LAST.format("pair"), ".mean()", "[[n - 1, -1]].sum() / (2 * n)"),
    edit("last_anchor_only_over_two_n", _LAST.format("anchor"), ".mean()", "[-1] / (2 * n)"),
    edit("base_temperature",
         "Your loss, or its gradient, is multiplied by temperature / 0.07, the base temperature of SupCon; leave that factor "
         "out.",
         ".mean()", ".mean() * temperature / 0.07"),
    edit("log_softmax_averaged_over_pairs", _WHOLE_MATRIX,
         "(denominator - positive).mean()", "(denominator[:, None] - logits)[~itself].mean()"),
    edit("log_softmax_averaged_with_self", _WHOLE_MATRIX,
         ".masked_fill(itself, -torch.inf)", "", "(denominator - positive).mean()", "(denominator[:, None] - logits).mean()"),
    edit("temperature_over_n", _COUNT_IN_TEMPERATURE, "/ temperature", "/ (temperature / n)"),
    edit("temperature_times_n", _COUNT_IN_TEMPERATURE, "/ temperature", "/ (temperature * n)"),
)  # fmt: skip
_AFTER = {change.id: change for change in AFTER_SIMILARITIES}
_SELF_IN_DENOMINATOR = (
    edit("self_in_denominator",
         "Your denominator counts the anchor's similarity with itself; sum over the other 2n − 1 views.",
         ".masked_fill(itself, -torch.inf)", ""),
    edit("self_zeroed_before_exp",
         "You set the self-similarity to 0 before the exponential, which still adds e⁰ = 1 to the denominator.",
         "-torch.inf", "0.0"),
    edit("e_subtracted",
         "You take e from the denominator for the self term; divide the similarity of a view with itself by the "
         "temperature too.",
         "logits.masked_fill(itself, -torch.inf).logsumexp(1)", "logits.exp().sum(1) - torch.e",
         "(denominator - positive)", "-torch.log(positive.exp() / denominator)"),
)  # fmt: skip


_SELF = {change.id: change for change in _SELF_IN_DENOMINATOR}

_EDITS = (
    edit("naive_exp", _OVERFLOW,
         "masked_fill(itself, -torch.inf).logsumexp(1)", "exp()[~itself].view(2 * n, -1).sum(1)",
         "(denominator - positive)", "-torch.log(positive.exp() / denominator)"),
    edit("naive_exp_of_other_rows", _OVERFLOW,
         "masked_fill(itself, -torch.inf).logsumexp(1)", "masked_fill(itself, -torch.inf).exp().sum(1)",
         "(denominator - positive)", "-torch.log(positive.exp() / denominator)"),
    edit("naive_exp_self_subtracted", _OVERFLOW,
         "logits.masked_fill(itself, -torch.inf).logsumexp(1)", "logits.exp().sum(1) - logits.exp().diagonal()",
         "(denominator - positive)", "-torch.log(positive.exp() / denominator)"),
    edit("naive_exp_constant_subtracted", _OVERFLOW,
         "logits.masked_fill(itself, -torch.inf).logsumexp(1)", "logits.exp().sum(1) - torch.e ** (1 / temperature)",
         "(denominator", "(torch.log(denominator)"),
    *_SELF_IN_DENOMINATOR,
    edit("numerator_without_gradient",
         "No gradient comes from the positive pair: you rebuild or detach it (torch.tensor, .item(), .detach()) on the way.",
         ".squeeze(1)", ".squeeze(1).detach()"),
    edit("candidates_without_gradient",
         "A gradient reaches a view only as an anchor: you detach the views that it is compared with.",
         "z.T", "z.detach().T"),
    edit("exp_overwritten", pair_losses.BROKEN_BACKWARD,
         "positive = logits",
         "weights = torch.exp(logits - logits.max(dim=1, keepdim=True).values.detach())\n"
         "    weights.fill_diagonal_(0.0)\n"
         "    positive = weights",
         "logits.masked_fill(itself, -torch.inf).logsumexp(1)", "weights.sum(1)",
         "(denominator - positive)", "-torch.log(positive / denominator)"),
    *(edit(f"epsilon_of_1e_{power}", EPSILON,
           "(denominator - positive)", f"-torch.log((positive - denominator).exp() + 1e-{power})")
      for power in (6, 8, 12)),
    edit("anchor_as_its_own_positive",
         "You take the anchor itself as its positive; the positive is the other view of the same image.",
         ".roll(n)", "", ".masked_fill(itself, -torch.inf)", ""),
    edit("not_normalised",
         "Your similarity is a plain dot product; cosine similarity needs rows of length 1.",
         "F.normalize(torch.cat([z_i, z_j]), dim=1)", "torch.cat([z_i, z_j])"),
    edit("centred",
         "You subtract the mean over the batch from the embeddings; normalise each row as it is.",
         "torch.cat([z_i, z_j])", "torch.cat([z_i - z_i.mean(0), z_j - z_j.mean(0)])"),
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
    edit("exponential_missing", _NO_EXPONENTIAL.format("from your loss"),
         "masked_fill(itself, -torch.inf).logsumexp(1)", "masked_fill(itself, 0.0).sum(1)",
         "(denominator - positive)", "-torch.log(positive / denominator)"),
    edit("exponential_missing_below", _NO_EXPONENTIAL.format("from your denominator"),
         "masked_fill(itself, -torch.inf).logsumexp(1)", "masked_fill(itself, 0.0).sum(1)",
         "(denominator - positive)", "-torch.log(positive.exp() / denominator)"),
    *AFTER_SIMILARITIES,
    edit("inputs_normalised_in_place",
         "You overwrite the inputs themselves (/=, div_, normalize with out=); compute on new tensors.",
         "n = len(z_i)",
         "n = len(z_i)\n    z_i /= z_i.norm(dim=1, keepdim=True)\n    z_j /= z_j.norm(dim=1, keepdim=True)"),
)  # fmt: skip

# Two mistakes that are often made together.
_TOGETHER = tuple(
    together(one, _AFTER[other])
    for one, others in (
        (_SELF["self_in_denominator"], ("one_direction", "summed")),
        (_SELF["self_zeroed_before_exp"], ("one_direction",)),
        (_SELF["e_subtracted"], ("summed",)),
        (_AFTER["cross_view_block_only"], ("one_direction", "one_direction_over_two_n", "one_direction_summed")),
    )
    for other in others
)


def own_similarity_as_maximum(z_i, z_j, temperature):
    """SupCon's form: the maximum of each row, its own similarity, is subtracted; self is then multiplied out."""
    n = z_i.shape[0]
    features = torch.cat([z / (z.norm(dim=1, keepdim=True) + 1e-8) for z in (z_i, z_j)])
    similarities = features @ features.T / temperature
    logits = similarities - similarities.max(dim=1, keepdim=True)[0].detach()
    logits_mask = 1 - torch.eye(2 * n, dtype=features.dtype)
    mask = torch.eye(n, dtype=features.dtype).repeat(2, 2) * logits_mask
    exp_logits = torch.exp(logits) * logits_mask
    log_prob = logits - torch.log(exp_logits.sum(1, keepdim=True))
    return -((mask * log_prob).sum(1) / mask.sum(1)).view(2, n).mean()


_OF_SUPCON = (
    edit("maximum_of_all_rows", _UNDERFLOW, "similarities.max(dim=1, keepdim=True)[0]", "similarities.max()"),
    edit("maximum_of_all_other_rows", _UNDERFLOW,
         "similarities.max(dim=1, keepdim=True)[0]", "similarities.masked_fill(torch.eye(2 * n).bool(), -1e9).max()",
         "torch.exp(logits) * logits_mask", "torch.exp(logits.masked_fill(torch.eye(2 * n).bool(), -torch.inf))"),
    edit("self_multiplied_out", _SELF_OVERFLOW,
         "similarities.max(dim=1, keepdim=True)[0]",
         "similarities.masked_fill(torch.eye(2 * n).bool(), -1e9).amax(dim=1, keepdim=True)"),
    edit("own_similarity_as_maximum_and_epsilon", f"{_UNDERFLOW} A constant inside the logarithm hides that.",
         "torch.log(exp_logits.sum(1, keepdim=True))", "torch.log(exp_logits.sum(1, keepdim=True) + 1e-8)"),
)  # fmt: skip
_IN_FLOAT64 = tuple(
    edit(f"epsilon_of_1e_{power}_in_the_denominator", EPSILON,
         "numerator / denominator", f"numerator / (denominator + 1e-{power})")
    for power in (8, 12)
)  # fmt: skip

_SIDE_EFFECTS = {"sets_default_dtype": "default dtype", "seeds": "seeds", "gradients_off": "gradients off"}
MISCONCEPTIONS = (
    *misconceptions("nt_xent", log_sum_of_each_row, (*_EDITS, *_TOGETHER)),
    Misconception("own_similarity_as_maximum", _UNDERFLOW, {"nt_xent": own_similarity_as_maximum}),
    *misconceptions("nt_xent", own_similarity_as_maximum, _OF_SUPCON),
    *misconceptions("nt_xent", float64_inside, _IN_FLOAT64),
    *pair_losses.misconceptions("nt_xent", "z_i", "z_j", log_sum_of_each_row),
    *side_effects.misconceptions("nt_xent", {"nt_xent": log_sum_of_each_row}, _SIDE_EFFECTS),
)
