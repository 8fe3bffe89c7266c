"""Wrong Bernoulli log-likelihoods, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects.question import changed

from .correct import bce_with_logits

_BCE, _SUM = 'F.binary_cross_entropy_with_logits(logits, x, reduction="none")', "-bce.flatten(1).sum(1)"
_NAN = (
    "At extreme logits your log-likelihood or its gradient is not finite: the sigmoid rounds to 0 or 1 before you take its "
    "logarithm. Work with the logits themselves."
)

_EDITS = (
    edit("negated", "You return the cross-entropy; the log-likelihood has the other sign.", _SUM, _SUM[1:]),
    edit("mean over pixels", "You take the mean over the pixels; sum over them.", ".sum(1)", ".mean(1)"),
    edit("pixels not summed", "You return one number for each pixel; sum over all but the first axis.", _SUM, "-bce"),
    edit("sum of all", "You sum over the images as well; return one number for each image.", ".sum(1)", ".sum()"),
    edit("mean of all", "You average over images and pixels; return one sum for each image.", ".sum(1)", ".mean()"),
    edit("one axis summed", "You sum over the last axis alone; all axes but the first are pixels.",
         "bce.flatten(1).sum(1)", "bce.sum(-1).squeeze()"),
    edit("sum over the images", "You sum over the first axis; each image keeps its own number.",
         "bce.flatten(1).sum(1)", "bce.flatten(1).sum(0)"),
    edit("white pixels alone", "Half of the formula is missing: dark pixels count as well.",
         _BCE, "-x * F.logsigmoid(logits)"),
    edit("arguments exchanged", "You exchange the logits and the pixels.",
         "(logits, x, ", "(x, logits, "),
    edit("logits as probabilities", "You apply the sigmoid twice: the function that you call takes logits.",
         "(logits, x, ", "(torch.sigmoid(logits), x, "),
    edit("pixels rounded at large logits", "You round the pixels where the logits are large; a grey pixel stays grey.",
         "(logits, x, ", "(logits, torch.where(logits.abs() > 20, x.round(), x), "),
    edit("pixels rounded", "You round the pixels; they may lie anywhere between 0 and 1.",
         "(logits, x, ", "(logits, x.round(), "),
    edit("axis of one kept", "Your result keeps an axis of length 1; return one number for each image.",
         ".sum(1)", ".sum(1, keepdim=True)"),
    edit("log of a sigmoid", _NAN,
         _BCE, "-(x * torch.sigmoid(logits).log() + (1 - x) * (1 - torch.sigmoid(logits)).log())"),
    edit("log of a sigmoid and a constant",
         "You add a small constant inside the logarithm, or clamp, so large logits give a wrong value and no gradient.",
         _BCE, "-(x * (torch.sigmoid(logits) + 1e-8).log() + (1 - x) * (1 - torch.sigmoid(logits) + 1e-8).log())"),
    edit("binary cross-entropy of a sigmoid",
         "You take the cross-entropy of probabilities, which torch cuts off at -100 and which loses the gradient of large "
         "logits; there is one that takes logits.",
         _BCE, 'F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="none")'),
    edit("logits overwritten", f"{changed('log_likelihood_bernoulli', 'the logits')}.", "return", "logits.sigmoid_()\n    return"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("log_likelihood_bernoulli", bce_with_logits, _EDITS)
