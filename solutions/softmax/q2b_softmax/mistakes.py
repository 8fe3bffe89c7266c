"""Wrong softmaxes, as edits of a correct one."""

from autograder.questions.edits import edit, misconceptions

from .correct import shifted

_SHIFT, _SUM = "x - x.max(axis=1, keepdims=True)", "e.sum(axis=1, keepdims=True)"
_EDITS = (
    edit("no maximum subtracted", "exp overflows at 1000; first subtract from each row something that does not change the quotient.",
         _SHIFT, "x"),
    edit("maximum of all rows", "You subtract the maximum of the whole matrix, so a row far below it becomes 0 / 0; take that "
         "of each row.", _SHIFT, "x - x.max()"),
    edit("maximum of columns", "You subtract the maxima of the columns, which changes the quotients in a row.",
         _SHIFT, "x - x.max(axis=0, keepdims=True)"),
    edit("mean subtracted", "Subtract the maximum of each row: beside its mean or its minimum a large score still overflows.",
         "x.max", "x.mean"),
    edit("columns", "Your columns sum to 1; each row has to.", _SUM, "e.sum(axis=0, keepdims=True)"),
    edit("whole matrix", "All your numbers together sum to 1; each row has to.", _SUM, "e.sum()"),
    edit("mean", "You divide by the mean of the exponentials; divide by their sum.", "e.sum(", "e.mean("),
    edit("not divided", "You return exponentials; divide them by their sum over the row.", f" / {_SUM}", ""),
    edit("sign", "The smallest score gets the largest probability; check the sign.", f"np.exp({_SHIFT})",
         "np.exp(x.min(axis=1, keepdims=True) - x)"),
    edit("logarithms", "You return logarithms of the probabilities.", f"e / {_SUM}", f"{_SHIFT} - np.log({_SUM})"),
    edit("epsilon", "You add a small number to the sum, so no row sums to 1; with the maximum subtracted it is not needed.",
         _SUM, f"({_SUM} + 1e-3)"),
    edit("one row squeezed", "You drop an axis of length 1; one row stays one row.", f"e / {_SUM}", f"np.squeeze(e / {_SUM})"),
    edit("in place", "You change the scores; compute in a new array.", f"e = np.exp({_SHIFT})",
         "x -= x.max(axis=1, keepdims=True)\n    e = np.exp(x)"),
    edit("warnings off", "You switch NumPy's warnings off for the whole notebook; use with np.errstate(...).",
         "    return ", "    np.seterr(all='ignore')\n    return "),
)  # fmt: skip
MISCONCEPTIONS = misconceptions("softmax", shifted, _EDITS)
