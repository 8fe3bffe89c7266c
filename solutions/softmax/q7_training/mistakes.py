"""Wrong evaluations and training loops, as edits of correct ones."""

from autograder.questions.edits import edit, misconceptions

from .correct import CORRECT, evaluate_model, fit_model

_RIGHT = "right += calculate_accuracy(model, X_batch, y_batch, is_binary)"
_OF_THE_EVALUATION = (
    edit("mean of batch means", "You take the mean over batches, so a small last batch counts as much as a full one; weight each batch "
         "by its rows.",
         "y_batch, is_binary) * len(X_batch)\n        right", "y_batch, is_binary)\n        right", f"{_RIGHT} * len(X_batch)", _RIGHT,
         "return loss / len(X), right / len(X)", "batches = -(-len(X) // batch_size)\n    return loss / batches, right / batches"),
    edit("last batch left out", "You leave out the last, smaller batch.", "range(0, len(X), batch_size)",
         "range(0, max(len(X) - batch_size, 0) + 1, batch_size)"),
    edit("not divided", "You return sums; divide them by the number of rows.", "return loss / len(X), right / len(X)", "return loss, right"),
)  # fmt: skip
_TRAIN = """        if noted:
            train_losses.append(calculate_loss(model, X_batch, y_batch, is_binary))
            train_accs.append(calculate_accuracy(model, X_batch, y_batch, is_binary))
"""
_STEP = "        model.W = model.W - lr * grad_W\n        model.b = model.b - lr * grad_b\n"
_EVALUATE = "            loss, accuracy = evaluate_model(model, X_val, y_val, batch_size, is_binary)\n"
_DRAW = "        X_batch, y_batch = get_data_batch(X_train, y_train, batch_size, rng)\n"
_LOOP = "    for i in range(1, num_iters + 1):\n"
_OF_THE_LOOP = (
    edit("not clipped", "Your steps are as long as without clipping; subtract lr times what clip_gradients returns for the gradients.", "grad_W, grad_b = clip_gradients(", "_ = clip_gradients("),
    edit("uphill", "You add the gradients; subtract them.", "model.W - lr", "model.W + lr", "model.b - lr", "model.b + lr"),
    edit("b stays", "You never change b.", "model.b = model.b - lr * grad_b", "pass"),
    edit("penalty left out", "You do not hand l2_lambda to gradients.", "y_batch, l2_lambda, is_binary", "y_batch, 0.0, is_binary"),
    edit("one iteration more", "You make one iteration more than num_iters.", "range(1, num_iters + 1)", "range(num_iters + 1)"),
    edit("batch after the step", "You measure the batch after the step; measure it before.", _TRAIN, "", _STEP, _STEP + _TRAIN),
    edit("validation before the step", "You evaluate the validation rows before the step; evaluate them after it.", _EVALUATE, "",
         "        grad_W, grad_b = gradients(", f"        if noted:\n{_EVALUATE}        grad_W, grad_b = gradients("),
    edit("last iteration not noted", "You do not note the last iteration, unless it is a tenth one.", " or i == num_iters", ""),
    edit("all iterations noted", "You note every iteration; note every tenth one and the last.", "i % 10 == 0 or i == num_iters", "True"),
    edit("order of the lists", "You return both losses first; return train_losses, train_accs, val_losses, val_accs.",
         "return train_losses, train_accs, val_losses, val_accs", "return train_losses, val_losses, train_accs, val_accs"),
    edit("one batch for ever", "You draw one batch before the loop; draw one in each iteration.", _LOOP + _DRAW, _DRAW[4:] + _LOOP),
    edit("seeded", "You make a generator of your own in fit_model, so every training draws the same batches; use rng.",
         "batch_size, rng)", "batch_size, __import__('numpy').random.default_rng(i))"),
)  # fmt: skip
_PLAIN = CORRECT["as taught"]
MISCONCEPTIONS = (
    *misconceptions("evaluate_model", evaluate_model, _OF_THE_EVALUATION, _PLAIN),
    *misconceptions("fit_model", fit_model, _OF_THE_LOOP, _PLAIN),
)
