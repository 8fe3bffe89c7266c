"""Wrong gradients, as edits of correct ones."""

from autograder.questions.edits import edit, misconceptions

from .correct import one_product

_W, _B = "X.T @ errors / len(X)", "errors.sum(axis=0) / len(X)"
_HOT = "np.eye(P.shape[1])[y]"
_L2_W, _L2_B = " + l2_lambda * model.W", " + l2_lambda * model.b"
_EDITS = (
    edit("sum for W", "grad_W is a sum over the rows and grad_b a mean; both are means.", _W, "X.T @ errors"),
    edit("sum for b", "grad_b is a sum over the rows and grad_W a mean; both are means.", _B, "errors.sum(axis=0)"),
    edit("sums", "You sum over the rows; divide by their number.", _W, "X.T @ errors", _B, "errors.sum(axis=0)"),
    edit("divided by n and k", "You divide by the number of all entries of the errors; divide by the number of rows.",
         _W, f"{_W} / P.shape[1]", _B, f"{_B} / P.shape[1]"),
    edit("sign", "Your gradients point downhill; the error of a row is P - Y.", "P - Y", "Y - P"),
    edit("width from the labels", "Your one-hot matrix is as wide as the largest label of the batch; a class can be missing in it.",
         _HOT, "np.eye(y.max() + 1)[y]"),
    edit("all rows against all labels", "(n, 1) minus (n,) is a matrix (n, n); bring y to a column first.", "y[:, None] if", "y if"),
    edit("no penalty", "You forget the penalty: add lambda W and lambda b.", _L2_W, "", _L2_B, ""),
    edit("penalty twice", "Your penalty counts twice: the derivative of lambda/2 W^2 is lambda W.",
         _L2_W, " + 2 * l2_lambda * model.W", _L2_B, " + 2 * l2_lambda * model.b"),
    edit("penalty divided by n", "You divide the penalty by the number of rows; it does not depend on them.",
         _L2_W, " + l2_lambda * model.W / len(X)", _L2_B, " + l2_lambda * model.b / len(X)"),
    edit("penalty without b", "You leave b out of the penalty; here it has one, too.", _L2_B, ""),
    edit("penalty halved", "You halve the penalty: the derivative of lambda/2 W^2 is lambda W.",
         _L2_W, " + l2_lambda / 2 * model.W", _L2_B, " + l2_lambda / 2 * model.b"),
    edit("grad_b is a row", "grad_b has two axes; its shape is that of model.b.", "errors.sum(axis=0)", "errors.sum(axis=0, keepdims=True)"),
    edit("order", "You return grad_b first; return grad_W, grad_b.", "return grad_W, grad_b", "return grad_b, grad_W"),
    edit("weights changed", "You change the model in gradients; only fit_model does.", "    return", "    model.W *= 1 - l2_lambda\n    return"),
)  # fmt: skip
MISCONCEPTIONS = misconceptions("gradients", one_product, _EDITS)
