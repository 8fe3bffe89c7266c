"""Wrong sigmoids, as edits of a correct one."""

from autograder.questions.edits import edit, misconceptions

from .correct import by_sign

_QUOTIENT = "np.where(x >= 0, 1.0, small) / (1.0 + small)"
_EDITS = (
    edit("overflow below", "exp overflows at -1000, and NumPy warns; take exp only of numbers that are not positive.",
         _QUOTIENT, "1 / (1 + np.exp(-x))"),
    edit("overflow above", "exp overflows at 1000, and inf / inf is nan; take exp only of numbers that are not positive.",
         _QUOTIENT, "np.exp(x) / (1 + np.exp(x))"),
    edit("negative side forgotten", "You treat negative x as if it were positive; the sigmoid of a negative number is below 0.5.",
         "np.where(x >= 0, 1.0, small)", "1.0"),
    edit("mirrored", "Your sigmoid falls where x grows; check the sign in front of x.", "x >= 0", "x < 0"),
    edit("tanh without halves", "The sigmoid of x has the slope of tanh(x / 2), not of tanh(x).", _QUOTIENT,
         "(1 + np.tanh(x)) / 2"),
    edit("tanh", "You return tanh, which lies between -1 and 1; a probability lies between 0 and 1.", _QUOTIENT, "np.tanh(x / 2)"),
    edit("clipped early", "You clip x so near to 0 that ordinary scores change; clip further out, or take another way.",
         _QUOTIENT, "1 / (1 + np.exp(-np.clip(x, -2, 2)))"),
    edit("exponential alone", "You forget to divide by 1 + exp(...).", " / (1.0 + small)", ""),
    edit("softmax", "You divide by a sum over all numbers; the sigmoid of a number depends on no other number.", _QUOTIENT,
         "np.exp(x - x.max()) / np.exp(x - x.max()).sum()"),
    edit("rounded", "You return 0 or 1; return the probability.", "return ", "return np.round", _QUOTIENT, f"({_QUOTIENT})"),
    edit("squeezed", "You drop an axis of length 1; return the shape of x.", _QUOTIENT, f"np.squeeze({_QUOTIENT})"),
    edit("in place", "You write the result into x; compute in a new array.", "    return ", "    x[...] = ", _QUOTIENT,
         f"{_QUOTIENT}\n    return x"),
    edit("warnings off", "You switch NumPy's warnings off for the whole notebook; use with np.errstate(...).",
         "    return ", "    np.seterr(all='ignore')\n    return "),
    edit("warnings filtered", "You hide all warnings for the whole notebook; use with np.errstate(...), or exponentials that do not overflow.",
         "    return ", "    __import__('warnings').filterwarnings('ignore')\n    return ", _QUOTIENT, "1 / (1 + np.exp(-x))"),
    edit("float32", "You return float32; keep float64.", _QUOTIENT, f"({_QUOTIENT}).astype(np.float32)"),
)  # fmt: skip
MISCONCEPTIONS = misconceptions("sigmoid", by_sign, _EDITS)
