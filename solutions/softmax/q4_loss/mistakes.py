"""Wrong losses and accuracies, as edits of correct ones."""

from autograder.questions.edits import edit, misconceptions

from .correct import CORRECT, log_sum_exp, share

_MEAN, _PICKED = "np.mean(log_p[np.arange(len(y)), y])", "log_p[np.arange(len(y)), y]"
_BINARY = "np.mean(np.logaddexp(0, s[:, 0]) - y * s[:, 0])"
_LOG = "s - np.log(np.exp(s).sum(axis=1, keepdims=True))"
_OF_THE_LOSS = (
    edit("log of small probabilities", "At scores of 1000 an exponential overflows, or a probability is 0 and its logarithm infinite; "
         "take the loss from the scores, of which you first subtract the largest.",
         f"log_p = {_LOG}", "log_p = np.log(np.exp(s) / np.exp(s).sum(axis=1, keepdims=True))",
         _BINARY, "-np.mean(np.log(np.where(y == 1, model(X)[:, 0], 1 - model(X)[:, 0])))"),
    edit("small number in the logarithm", "You add a small number before you take the logarithm, so no loss is above about 23; "
         "take the loss from the scores.",
         f"log_p = {_LOG}", "log_p = np.log(model(X) + 1e-10)",
         _BINARY, "-np.mean(np.log(np.where(y == 1, model(X)[:, 0], 1 - model(X)[:, 0]) + 1e-10))"),
    edit("clipped probabilities", "You keep probabilities above 1e-15, so no loss is above 35; take the loss from the scores.",
         f"log_p = {_LOG}", "log_p = np.log(np.clip(model(X), 1e-15, 1))",
         f"return {_BINARY}", "p = np.clip(model(X)[:, 0], 1e-15, 1 - 1e-15)\n        "
         "return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))"),
    edit("sum", "You sum over the rows; take the mean.", f"-{_MEAN}", f"-np.sum({_PICKED})", _BINARY, _BINARY.replace("mean", "sum")),
    edit("divided by n and k", "You divide by the number of all entries; divide by the number of rows.",
         f"-{_MEAN}", f"-{_MEAN} / s.shape[1]"),
    edit("labels ignored", "You add up the losses of all classes; take only that of the correct class.", f"-{_MEAN}", "-np.mean(log_p.sum(axis=1))"),
    edit("logarithm of the mean", "You take the logarithm of the mean probability; take the mean of the logarithms.",
         f"-{_MEAN}", f"-np.log(np.mean(np.exp({_PICKED})))"),
    edit("sign", "Your loss is negative; it is minus the mean of the logarithms.", f"-{_MEAN}", _MEAN,
         f"return {_BINARY}", f"return -{_BINARY}"),
    edit("only class 1", "In the binary loss you count only the rows of class 1; for class 0 add -log(1 - p).",
         _BINARY, "np.mean(y * np.logaddexp(0, -s[:, 0]))"),
    edit("all rows against all labels", "A column (n, 1) and labels (n,) make a matrix (n, n) of pairs; bring both to one shape.",
         _BINARY, "np.mean(np.logaddexp(0, s) - y * s)"),
    edit("b forgotten", "You leave b out of the scores.", "X @ model.W + model.b", "X @ model.W"),
    edit("penalty", "You add a penalty; the loss of this course goes without it.", f"return -{_MEAN}",
         f"return (model.W**2).sum() / 2 - {_MEAN}", f"return {_BINARY}", f"return (model.W**2).sum() / 2 + {_BINARY}"),
)  # fmt: skip
_OF_THE_ACCURACY = (
    edit("per cent", "You return per cent; return a share between 0 and 1.", "np.mean(predicted == y)", "100 * np.mean(predicted == y)"),
    edit("binary argmax", "argmax over a single column is always 0; a row is of class 1 where its probability is above 0.5.",
         "p[:, 0] > 0.5 if is_binary else ", ""),
    edit("all rows against all labels (accuracy)", "You compare a column (n, 1) with labels (n,), which makes a matrix (n, n); bring both to one shape.",
         "p[:, 0] > 0.5", "p > 0.5"),
)  # fmt: skip
_PLAIN = CORRECT["as taught"]
MISCONCEPTIONS = (
    *misconceptions("calculate_loss", log_sum_exp, _OF_THE_LOSS, _PLAIN),
    *misconceptions("calculate_accuracy", share, _OF_THE_ACCURACY, _PLAIN),
)
