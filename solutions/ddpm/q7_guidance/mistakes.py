"""Mistakes seen in classifier-free guidance, each beside a right form of the other function."""

from __future__ import annotations

import torch

from autograder.questions.model import Misconception


def _drop(labels, uniform, p, null_label):
    return labels.masked_fill(uniform < p, null_label)


def _both(eps_model, x_t, t, labels, null_label):
    """Conditional and unconditional prediction, in this order."""
    return eps_model(x_t, t, labels), eps_model(x_t, t, torch.full_like(labels, null_label))


def _guided(eps_model, x_t, t, labels, scale, null_label):
    conditional, unconditional = _both(eps_model, x_t, t, labels, null_label)
    return unconditional + scale * (conditional - unconditional)


def kept_below_p(labels, uniform, p, null_label):
    return labels.masked_fill(uniform >= p, null_label)


def kept_with_probability_p(labels, uniform, p, null_label):
    return labels.masked_fill(uniform < 1 - p, null_label)


def bound_included(labels, uniform, p, null_label):
    return labels.masked_fill(uniform <= p, null_label)


def whole_batch_at_once(labels, uniform, p, null_label):
    return labels.masked_fill((uniform < p)[:1].expand(len(labels)), null_label)


def any_row_drops_all(labels, uniform, p, null_label):
    return torch.full_like(labels, null_label) if (uniform < p).any() else labels.clone()


def null_is_zero(labels, uniform, p, null_label):
    return labels * (uniform >= p).long()


def null_is_minus_one(labels, uniform, p, null_label):
    return labels.masked_fill(uniform < p, -1)


def null_is_ten(labels, uniform, p, null_label):
    return labels.masked_fill(uniform < p, 10)


def labels_left_out(labels, uniform, p, null_label):
    return labels[uniform >= p]


def never_dropped(labels, uniform, p, null_label):
    return labels.clone()


def labels_as_floats(labels, uniform, p, null_label):
    return torch.where(uniform < p, float(null_label), labels.float())


def labels_overwritten(labels, uniform, p, null_label):
    labels[uniform < p] = null_label
    return labels


def own_uniform(labels, uniform, p, null_label):
    return labels.masked_fill(torch.rand(len(labels)) < p, null_label)


def weight_of_the_paper(eps_model, x_t, t, labels, scale, null_label):
    conditional, unconditional = _both(eps_model, x_t, t, labels, null_label)
    return (1 + scale) * conditional - scale * unconditional


def terms_exchanged(eps_model, x_t, t, labels, scale, null_label):
    conditional, unconditional = _both(eps_model, x_t, t, labels, null_label)
    return conditional + scale * (unconditional - conditional)


def difference_reversed(eps_model, x_t, t, labels, scale, null_label):
    conditional, unconditional = _both(eps_model, x_t, t, labels, null_label)
    return unconditional + scale * (unconditional - conditional)


def added_without_difference(eps_model, x_t, t, labels, scale, null_label):
    conditional, unconditional = _both(eps_model, x_t, t, labels, null_label)
    return unconditional + scale * conditional


def difference_alone(eps_model, x_t, t, labels, scale, null_label):
    conditional, unconditional = _both(eps_model, x_t, t, labels, null_label)
    return scale * (conditional - unconditional)


def conditional_alone(eps_model, x_t, t, labels, scale, null_label):
    return eps_model(x_t, t, labels)


def scale_times_conditional(eps_model, x_t, t, labels, scale, null_label):
    return scale * eps_model(x_t, t, labels)


def unconditional_alone(eps_model, x_t, t, labels, scale, null_label):
    return eps_model(x_t, t, torch.full_like(labels, null_label))


def scale_clipped(eps_model, x_t, t, labels, scale, null_label):
    return _guided(eps_model, x_t, t, labels, min(max(scale, 0.0), 1.0), null_label)


def negative_scale_refused(eps_model, x_t, t, labels, scale, null_label):
    return _guided(eps_model, x_t, t, labels, max(scale, 0.0), null_label)


def null_label_zero(eps_model, x_t, t, labels, scale, null_label):
    return _guided(eps_model, x_t, t, labels, scale, 0)


def null_label_ignored(eps_model, x_t, t, labels, scale, null_label):
    return _guided(eps_model, x_t, t, labels, scale, 3)


def null_without_rows(eps_model, x_t, t, labels, scale, null_label):
    unconditional = eps_model(x_t, t, torch.tensor(null_label))
    return unconditional + scale * (eps_model(x_t, t, labels) - unconditional)


def labels_not_given(eps_model, x_t, t, labels, scale, null_label):
    unconditional = eps_model(x_t, t)
    return unconditional + scale * (eps_model(x_t, t, labels) - unconditional)


def same_labels_twice(eps_model, x_t, t, labels, scale, null_label):
    labels = torch.full_like(labels, null_label)
    conditional = eps_model(x_t, t, labels)
    return conditional + scale * (conditional - eps_model(x_t, t, labels))


def batched_halves_interleaved(eps_model, x_t, t, labels, scale, null_label):
    both = torch.cat([labels, torch.full_like(labels, null_label)])
    eps = eps_model(torch.cat([x_t, x_t]), torch.cat([t, t]), both)
    conditional, unconditional = eps[0::2], eps[1::2]
    return unconditional + scale * (conditional - unconditional)


def guided_labels_overwritten(eps_model, x_t, t, labels, scale, null_label):
    conditional = eps_model(x_t, t, labels)
    unconditional = eps_model(x_t, t, labels.fill_(null_label))
    return unconditional + scale * (conditional - unconditional)


def labels_overwritten_too_early(eps_model, x_t, t, labels, scale, null_label):
    unconditional = eps_model(x_t, t, labels.fill_(null_label))
    return unconditional + scale * (eps_model(x_t, t, labels) - unconditional)


def float32_result(eps_model, x_t, t, labels, scale, null_label):
    return _guided(eps_model, x_t, t, labels, scale, null_label).float()


def seeds(eps_model, x_t, t, labels, scale, null_label):
    torch.manual_seed(0)
    return _guided(eps_model, x_t, t, labels, scale, null_label)


def sets_default_dtype(eps_model, x_t, t, labels, scale, null_label):
    torch.set_default_dtype(torch.float64)
    return _guided(eps_model, x_t, t, labels, scale, null_label)


_NULL = "The null label is a fixed number here; the function is handed the one to use."
_UNCONDITIONAL = "The labels have no effect, whatever the scale: both predictions are made with the null label."

_DROP_HINTS = {
    kept_below_p: "The wrong rows keep their label: the null label belongs where uniform lies below p.",
    kept_with_probability_p: "p is the probability to drop a label; here it is the one to keep it.",
    bound_included: "A uniform number equal to p drops its label; at p = 0 no label may be dropped.",
    whole_batch_at_once: "One uniform number decides for the whole batch; every row has its own.",
    any_row_drops_all: "All labels are dropped as soon as one row is; every row is decided on its own.",
    null_is_zero: "A dropped label becomes 0, which is a class of its own; it should become the null label.",
    null_is_minus_one: _NULL,
    null_is_ten: _NULL,
    labels_left_out: "Dropped rows are missing from the answer; every row keeps its place, with the null label in it.",
    never_dropped: "No label is ever replaced.",
    labels_as_floats: "The labels come back as floating-point numbers; they index classes and stay int64.",
    labels_overwritten: "drop_labels writes into the labels that it is given; the caller's labels must stay as they are.",
    own_uniform: "drop_labels draws random numbers of its own; the uniform numbers to use are handed to it.",
}

_GUIDED_HINTS = {
    weight_of_the_paper: (
        "This is the paper's weight w, for which 0 means conditional; the scale asked for is 1 + w, so 0 is "
        "unconditional and 1 is conditional."
    ),
    terms_exchanged: "Conditional and unconditional prediction are exchanged: scale 0 should give the unconditional.",
    difference_reversed: (
        "The difference has the wrong sign, so guidance leads away from the label; scale 1 should give the conditional."
    ),
    added_without_difference: (
        "The scale weighs the conditional prediction itself; it weighs its difference to the unconditional one."
    ),
    difference_alone: "Only the scaled difference is returned; it is added to the unconditional prediction.",
    conditional_alone: "The scale has no effect: the conditional prediction is returned as it is.",
    scale_times_conditional: "The conditional prediction is only multiplied by the scale; the unconditional is missing.",
    unconditional_alone: _UNCONDITIONAL,
    same_labels_twice: _UNCONDITIONAL,
    scale_clipped: "The scale is limited to the range from 0 to 1; guidance uses scales beyond 1 as well.",
    negative_scale_refused: "A negative scale is treated as 0; the formula holds for it as for any other.",
    null_label_zero: "The unconditional prediction is made with label 0, which is a class; use the null label given.",
    null_label_ignored: _NULL,
    null_without_rows: "The null label reaches the model as one number; it needs one label for each row, shape (n,).",
    labels_not_given: "The model is called without labels; the unconditional prediction is the one for the null label.",
    batched_halves_interleaved: (
        "The two predictions are concatenated in blocks and taken apart in turns, so rows are mixed up."
    ),
    guided_labels_overwritten: (
        "guided_eps writes the null label into the labels that it is given; the caller's labels must stay as they are."
    ),
    labels_overwritten_too_early: _UNCONDITIONAL,
    float32_result: "The prediction for a float64 image comes back as float32; keep the dtype of the model's output.",
    seeds: "The function seeds torch's global generator, so every later random draw of the notebook repeats.",
    sets_default_dtype: "The function changes torch's default dtype for everything that runs after it.",
}

MISCONCEPTIONS = (
    *(Misconception(f.__name__, hint, {"drop_labels": f, "guided_eps": _guided}) for f, hint in _DROP_HINTS.items()),
    *(Misconception(f.__name__, hint, {"drop_labels": _drop, "guided_eps": f}) for f, hint in _GUIDED_HINTS.items()),
)
