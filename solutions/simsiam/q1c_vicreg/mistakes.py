"""Wrong VICReg losses, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions

from .correct import term_by_term

_STD, _HINGE = "torch.sqrt(x.var(dim=0) + 1e-4)", "F.relu(1 - std).mean() / 2"
_COV, _OFF = "x.T @ x / (n - 1)", "(c.pow(2).sum() - c.diagonal().pow(2).sum()) / d"
_LOSS = "sim * invariance + var * variance + cov * covariance"

_EDITS = (
    edit("variance biased", "You divide the variance by n; divide it by n - 1.", "x.var(dim=0)", "x.var(dim=0, unbiased=False)"),
    edit("no epsilon", "Nothing is added under the square root, so a constant column gives no gradient, or one that is not finite.",
         _STD, "x.var(dim=0).sqrt()"),
    edit("variance for deviation", "The hinge takes the standard deviation; you hand it the variance.", _STD, "x.var(dim=0) + 1e-4"),
    edit("deviation of the rows", "You take the deviation within rows; take it within columns, over the batch.",
         "x.var(dim=0)", "x.var(dim=1, unbiased=n > 1 and d > 1)"),
    edit("no hinge", "A deviation above 1 costs nothing: the hinge is missing.", "F.relu(1 - std)", "(1 - std)"),
    edit("variance summed over the views", "You add the variance terms of the two views; average them.",
         _HINGE, "F.relu(1 - std).mean()"),
    edit("variance summed over the columns", "You sum the variance term over the columns; average it.",
         _HINGE, "F.relu(1 - std).sum() / 2"),
    edit("diagonal left in", "You count the diagonal of the covariance matrix; only the entries beside it are pushed to 0.",
         _OFF, "c.pow(2).sum() / d"),
    edit("covariance over n", "You divide the covariance matrix by n; divide it by n - 1.", _COV, "x.T @ x / n"),
    edit("covariance between the views", "You multiply the two views with each other; each view has a covariance matrix of its own.",
         _COV, "(z1 - z1.mean(dim=0)).T @ (z2 - z2.mean(dim=0)) / (n - 1)"),
    edit("not centred", "You forget to subtract the means of the columns before the covariance.",
         "x = z - z.mean(dim=0)", "x = z"),
    edit("covariance averaged over the views", "You average the covariance terms of the two views; add them.",
         _OFF, f"{_OFF} / 2"),
    edit("invariance summed", "You sum the squares of the invariance over the columns; average over all n·d entries.",
         "F.mse_loss(z1, z2)", "(z1 - z2).pow(2).sum(dim=1).mean()"),
    edit("as the paper prints it", "You sum where the paper sums: here the invariance is a mean over all n·d entries, and the variance "
         "is averaged over the views.", "F.mse_loss(z1, z2)", "(z1 - z2).pow(2).sum(dim=1).mean()", _HINGE, "F.relu(1 - std).mean()"),
    edit("parts weighted", "The parts that you return hold the weights; return them without.",
         f"return {_LOSS}, invariance, variance, covariance",
         "return sim * invariance + var * variance + cov * covariance, sim * invariance, var * variance, cov * covariance"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("vicreg_loss", term_by_term, _EDITS)
