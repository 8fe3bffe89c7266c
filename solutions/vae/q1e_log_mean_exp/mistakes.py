"""Wrong logarithms of means of exponentials, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects.question import changed

from .correct import maximum_subtracted

_LARGEST, _KEPT = "y.max(dim=1, keepdim=True).values", ".exp().mean(dim=1).log() + largest.squeeze(1)"

_EDITS = (
    edit("sum for mean", "You take the logarithm of the sum; the mean has log k less.", "mean(dim=1)", "sum(dim=1)"),
    edit("log k added", "The sign of log k is wrong.", "mean(dim=1).log()", "sum(dim=1).mul(y.shape[1]).log()"),
    edit("k subtracted", "You subtract k; the logarithm of a quotient is a difference of logarithms.",
         "mean(dim=1).log()", "sum(dim=1).log() - y.shape[1]"),
    edit("mean of y", "Your result is the mean of y: take the logarithm after the mean of the exponentials, not before.",
         "(y - largest)" + _KEPT, "y.mean(dim=1)"),
    edit("maximum alone", "You return the maximum of each row; the other numbers count as well.",
         "(y - largest)" + _KEPT, "largest.squeeze(1)"),
    edit("maximum not added", "You subtract the maximum before exp and do not add it afterwards.", " + largest.squeeze(1)", ""),
    edit("maximum without keepdim",
         "Your result has shape (n, n): you add tensors of shapes (n, 1) and (n,). Give both the same shape.",
         "largest.squeeze(1)", "largest"),
    edit("mean over the rows", "You average over the first axis; average over the k numbers of each row.",
         _LARGEST, "y.max(dim=0, keepdim=True).values", "mean(dim=1)", "mean(dim=0)", "squeeze(1)", "squeeze(0)"),
    edit("mean of all", "You average over all rows; return one number for each row.", "mean(dim=1)", "mean()"),
    edit("shape with an axis of one", "Your result keeps an axis of length 1; return shape (n,).",
         "mean(dim=1)", "mean(dim=1, keepdim=True)", "largest.squeeze(1)", "largest"),
    edit("no maximum", "exp overflows or underflows far from 0: bring the numbers near 0 first, row by row.",
         _LARGEST, "torch.zeros_like(y[:, :1])"),
    edit("one maximum for all", "You subtract the maximum of the whole tensor, so rows far below it underflow; each row has "
         "its own.",
         _LARGEST, "y.max().expand(len(y), 1)"),
    edit("mean of the row", "You subtract the mean of the row, so exp overflows where a number lies far above it; subtract the "
         "largest one.",
         _LARGEST, "y.mean(dim=1, keepdim=True)"),
    edit("first number of the row", "You subtract the first number of the row, so exp overflows where another lies far above "
         "it; subtract the largest one.",
         _LARGEST, "y[:, :1]"),
    edit("constant inside the logarithm", "You add a constant inside the logarithm, which hides small numbers.",
         _LARGEST, "torch.zeros_like(y[:, :1])", ".exp().mean(dim=1).log()", ".exp().mean(dim=1).add(1e-8).log()"),
    edit("y overwritten", f"{changed('log_mean_exp', 'y')}.", "(y - largest)", "y.sub_(largest)"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("log_mean_exp", maximum_subtracted, _EDITS)
