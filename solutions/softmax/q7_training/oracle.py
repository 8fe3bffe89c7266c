"""Evaluation over all rows at once, and descent step by step, on the other questions' oracles."""

from ..q1_batches.oracle import get_data_batch
from ..q3_models.oracle import ORACLE as MODELS
from ..q4_loss.oracle import calculate_accuracy, calculate_loss
from ..q5_gradients.oracle import gradients
from ..q6_clipping.oracle import clip_gradients


def evaluate_model(model, X, y, batch_size, is_binary):
    return calculate_loss(model, X, y, is_binary), calculate_accuracy(model, X, y, is_binary)


def fit_model(
    model, X_train, y_train, X_val, y_val, num_iters, lr, batch_size, l2_lambda, grad_norm_clip, is_binary, rng
):
    lists = ([], [], [], [])
    for i in range(1, num_iters + 1):
        X, y = get_data_batch(X_train, y_train, batch_size, rng)
        measured = [calculate_loss(model, X, y, is_binary), calculate_accuracy(model, X, y, is_binary)]
        grad_W, grad_b = clip_gradients(*gradients(model, X, y, l2_lambda, is_binary), grad_norm_clip)
        model.W, model.b = model.W - lr * grad_W, model.b - lr * grad_b
        if i % 10 == 0 or i == num_iters:
            measured += evaluate_model(model, X_val, y_val, batch_size, is_binary)
            for values, value in zip(lists, measured, strict=True):
                values.append(value)
    return lists


ORACLE = {**MODELS, "evaluate_model": evaluate_model, "fit_model": fit_model}
