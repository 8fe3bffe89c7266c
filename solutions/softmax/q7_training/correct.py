"""Correct evaluations and training loops in the styles that people write: each pair must earn all points."""

import numpy as np

from ..q1_batches.correct import chosen as get_data_batch
from ..q3_models.correct import LinearModel, LogisticRegression, SoftmaxRegression
from ..q4_loss.correct import log_sum_exp as calculate_loss
from ..q4_loss.correct import share as calculate_accuracy
from ..q5_gradients.correct import one_product as gradients
from ..q6_clipping.correct import joint as clip_gradients


def show_progress(*given):
    """The notebook has a function of this name that prints."""


def evaluate_model(model, X, y, batch_size, is_binary):
    """The plain form: ``mistakes`` are changes of it."""
    loss, right = 0.0, 0.0
    for start in range(0, len(X), batch_size):
        X_batch, y_batch = X[start : start + batch_size], y[start : start + batch_size]
        loss += calculate_loss(model, X_batch, y_batch, is_binary) * len(X_batch)
        right += calculate_accuracy(model, X_batch, y_batch, is_binary) * len(X_batch)
    return loss / len(X), right / len(X)


def fit_model(
    model, X_train, y_train, X_val, y_val, num_iters, lr, batch_size, l2_lambda, grad_norm_clip, is_binary, rng
):
    """The plain form: ``mistakes`` are changes of it."""
    train_losses, train_accs, val_losses, val_accs = [], [], [], []
    for i in range(1, num_iters + 1):
        X_batch, y_batch = get_data_batch(X_train, y_train, batch_size, rng)
        noted = i % 10 == 0 or i == num_iters
        if noted:
            train_losses.append(calculate_loss(model, X_batch, y_batch, is_binary))
            train_accs.append(calculate_accuracy(model, X_batch, y_batch, is_binary))
        grad_W, grad_b = gradients(model, X_batch, y_batch, l2_lambda, is_binary)
        grad_W, grad_b = clip_gradients(grad_W, grad_b, grad_norm_clip)
        model.W = model.W - lr * grad_W
        model.b = model.b - lr * grad_b
        if noted:
            loss, accuracy = evaluate_model(model, X_val, y_val, batch_size, is_binary)
            val_losses.append(loss)
            val_accs.append(accuracy)
            show_progress(i, num_iters, train_losses[-1], train_accs[-1], loss, accuracy)
    return train_losses, train_accs, val_losses, val_accs


def all_at_once(model, X, y, batch_size, is_binary):
    return [f(model, X, y, is_binary) for f in (calculate_loss, calculate_accuracy)]


def in_place(
    model, X_train, y_train, X_val, y_val, num_iters, lr, batch_size, l2_lambda, grad_norm_clip, is_binary, rng
):
    history = []
    for i in range(num_iters):
        batch = get_data_batch(y=y_train, X=X_train, rng=rng, batch_size=batch_size)
        before = all_at_once(model, *batch, batch_size, is_binary)
        step = clip_gradients(
            *gradients(model, *batch, is_binary=is_binary, l2_lambda=l2_lambda), max_norm=grad_norm_clip
        )
        for parameter, gradient in zip((model.W, model.b), step):
            parameter -= lr * gradient
        if not (i + 1) % 10 or i + 1 == num_iters:
            history.append([*before, *evaluate_model(model, X_val, y_val, batch_size, is_binary)])
    return np.array(history).T.tolist()


def while_loop(
    model, X_train, y_train, X_val, y_val, num_iters, lr, batch_size, l2_lambda, grad_norm_clip, is_binary, rng
):
    lists, i = {name: [] for name in ("train_loss", "train_acc", "val_loss", "val_acc")}, 0
    while i < num_iters:
        i += 1
        X, y = get_data_batch(X_train, y_train, batch_size, rng)
        if i % 10 == 0 or i == num_iters:
            lists["train_loss"].append(float(calculate_loss(model, X, y, is_binary)))
            lists["train_acc"].append(float(calculate_accuracy(model, X, y, is_binary)))
        dW, db = clip_gradients(*gradients(model, X, y, l2_lambda, is_binary), grad_norm_clip)
        model.W, model.b = model.W + -lr * dW, model.b + -lr * db
        if i % 10 == 0 or i == num_iters:
            for name, value in zip(("val_loss", "val_acc"), evaluate_model(model, X_val, y_val, len(X_val), is_binary)):
                lists[name].append(value)
    return tuple(lists.values())


def in_equal_parts(model, X, y, batch_size, is_binary):
    parts = -(-len(X) // batch_size)
    pairs = list(zip(np.array_split(X, parts), np.array_split(y, parts)))
    measured = [[f(model, *pair, is_binary) for f in (calculate_loss, calculate_accuracy)] for pair in pairs]
    return tuple(np.average(measured, axis=0, weights=[len(labels) for _, labels in pairs]))


_GIVEN = {
    **{"get_data_batch": get_data_batch, "gradients": gradients, "clip_gradients": clip_gradients},
    **{"calculate_loss": calculate_loss, "calculate_accuracy": calculate_accuracy, "LinearModel": LinearModel},
    **{"LogisticRegression": LogisticRegression, "SoftmaxRegression": SoftmaxRegression},
}
_PAIRS = {
    "as taught": (evaluate_model, fit_model),
    "in place": (all_at_once, in_place),
    "while": (in_equal_parts, while_loop),
}
CORRECT = {name: {**_GIVEN, "evaluate_model": evaluate, "fit_model": fit} for name, (evaluate, fit) in _PAIRS.items()}
