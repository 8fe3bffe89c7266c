"""Mistakes seen in classifier-free guidance, each a small change of a correct form."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects

from .correct import guided_two_calls, masked_fill

_CORRECT = {"drop_labels": masked_fill, "guided_eps": guided_two_calls}

_NULL = "You use a fixed number as the null label; use the null label that the function gets."
_UNCONDITIONAL = "The labels have no effect, whatever the scale: you make both predictions with the null label."
_FILLED = "labels.masked_fill(uniform < p, null_label)"
_FORMULA = "eps_null + scale * (eps_label - eps_null)"
_NULL_LABELS, _NULL_CALL = (
    "torch.full_like(labels, null_label)",
    "eps_model(x_t, t, torch.full_like(labels, null_label))",
)

_DROP_EDITS = (
    edit("kept_below_p",
         "You keep the label in the wrong rows: the null label belongs where uniform is below p.",
         "<", ">="),
    edit("kept_with_probability_p",
         "You keep a label with probability p; p is the probability to drop it.",
         "< p", "< 1 - p"),
    edit("bound_included",
         "You drop a label where the uniform number equals p; at p = 0 no label may be dropped.",
         "<", "<="),
    edit("whole_batch_at_once",
         "One uniform number decides for your whole batch; every row has its own.",
         "uniform < p", "(uniform < p)[:1].expand(len(labels))"),
    edit("any_row_drops_all",
         "You drop all labels as soon as you drop one; decide on every row on its own.",
         "uniform < p", "(uniform < p).any()"),
    edit("null_is_zero",
         "You replace a dropped label by 0, which is a class of its own; use the null label.",
         "null_label)\n", "0)\n"),
    edit("null_is_minus_one", _NULL, "null_label)\n", "-1)\n"),
    edit("null_is_ten", _NULL, "null_label)\n", "10)\n"),
    edit("labels_left_out",
         "Dropped rows are missing from your answer; keep every row in its place, with the null label in it.",
         _FILLED, "labels[uniform >= p]"),
    edit("never_dropped", "You never replace a label.", _FILLED, "labels.clone()"),
    edit("labels_as_floats",
         "You return the labels as floating-point numbers; they index classes and stay int64.",
         "labels.masked", "labels.float().masked"),
    edit("labels_overwritten",
         "You write into the labels that drop_labels gets; the caller's labels must stay as they are.",
         "masked_fill(uniform", "masked_fill_(uniform"),
    edit("own_uniform",
         "You draw random numbers in drop_labels; use the uniform numbers that it gets.",
         "uniform <", "torch.rand(len(labels)) <"),
)  # fmt: skip
_GUIDED_EDITS = (
    edit("weight_of_the_paper",
         "Your scale is the paper's weight w, for which 0 means conditional; the scale of this question is 1 + w, so 0 "
         "is unconditional and 1 is conditional.",
         _FORMULA, "(1 + scale) * eps_label - scale * eps_null"),
    edit("one_less_than_the_scale",
         "You multiply the difference by s − 1; multiply it by s itself.",
         "scale *", "(scale - 1) *"),
    edit("terms_exchanged",
         "You exchange the conditional and the unconditional prediction: scale 0 should give the unconditional.",
         _FORMULA, "eps_label + scale * (eps_null - eps_label)"),
    edit("difference_reversed",
         "Your difference has the wrong sign, so guidance leads away from the label; scale 1 should give the "
         "conditional.",
         "eps_label - eps_null", "eps_null - eps_label"),
    edit("added_without_difference",
         "You multiply the conditional prediction itself by the scale; multiply its difference to the unconditional "
         "one.",
         "(eps_label - eps_null)", "eps_label"),
    edit("difference_alone",
         "You return only the scaled difference; add it to the unconditional prediction.",
         "eps_null + scale", "scale"),
    edit("conditional_alone",
         "The scale has no effect: you return the conditional prediction as it is.",
         _FORMULA, "eps_label"),
    edit("scale_times_conditional",
         "You only multiply the conditional prediction by the scale; the unconditional is missing.",
         _FORMULA, "scale * eps_label"),
    edit("unconditional_alone", _UNCONDITIONAL, _FORMULA, "eps_null"),
    edit("same_labels_twice", _UNCONDITIONAL, "t, labels)", f"t, {_NULL_LABELS})"),
    edit("scale_clipped",
         "You limit the scale to the range from 0 to 1; guidance uses scales beyond 1 as well.",
         "+ scale", "+ min(max(scale, 0.0), 1.0)"),
    edit("negative_scale_refused",
         "You treat a negative scale as 0; the formula holds for it as for any other.",
         "+ scale", "+ max(scale, 0.0)"),
    edit("null_label_zero",
         "You make the unconditional prediction with label 0, which is a class; use the null label that the function "
         "gets.",
         _NULL_LABELS, "torch.zeros_like(labels)"),
    edit("null_label_ignored", _NULL, _NULL_LABELS, "torch.full_like(labels, 3)"),
    edit("null_without_rows",
         "You hand the null label to the model as one number; it needs one label for each row, shape (n,).",
         _NULL_LABELS, "torch.tensor(null_label)"),
    edit("labels_not_given",
         "You call the model without labels; the unconditional prediction is the one for the null label.",
         f", {_NULL_LABELS}", ""),
    edit("batched_halves_interleaved",
         "You concatenate the two predictions in blocks and take every second row apart, so rows are mixed up.",
         _NULL_CALL, "None",
         "eps_label = eps_model(x_t, t, labels)",
         f"both = torch.cat([labels, {_NULL_LABELS}])\n"
         "    eps = eps_model(torch.cat([x_t, x_t]), torch.cat([t, t]), both)\n"
         "    eps_label, eps_null = eps[0::2], eps[1::2]"),
    edit("guided_labels_overwritten",
         "You write the null label into the labels that guided_eps gets; the caller's labels must stay as they are.",
         "eps_label = eps_model(x_t, t, labels)", "eps_null = eps_model(x_t, t, labels.fill_(null_label))",
         f"eps_null = {_NULL_CALL}", "eps_label = eps_model(x_t, t, labels)"),
    edit("labels_overwritten_too_early", _UNCONDITIONAL, _NULL_LABELS, "labels.fill_(null_label)"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("drop_labels", masked_fill, _DROP_EDITS, _CORRECT),
    *misconceptions("guided_eps", guided_two_calls, _GUIDED_EDITS, _CORRECT),
    *side_effects.misconceptions(
        "guided_eps", _CORRECT, {"float64_result": "float64", "seeds": "seeds", "sets_default_dtype": "default dtype"}
    ),
)
