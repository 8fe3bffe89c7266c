"""Correct gradients in the styles that people write: each must earn all points."""

import numpy as np


def one_product(model, X, y, l2_lambda, is_binary):
    """The plain form: ``mistakes`` are changes of it."""
    P = model(X)
    Y = y[:, None] if is_binary else np.eye(P.shape[1])[y]
    errors = P - Y
    grad_W = X.T @ errors / len(X) + l2_lambda * model.W
    grad_b = errors.sum(axis=0) / len(X) + l2_lambda * model.b
    return grad_W, grad_b


def one_subtracted(model, X, y, l2_lambda, is_binary):
    n, errors = X.shape[0], model.forward(X)
    if is_binary:
        errors -= y.reshape(-1, 1)
    else:
        errors[range(n), y] -= 1
    errors /= n
    return np.dot(X.T, errors) + l2_lambda * model.W, np.sum(errors, axis=0) + l2_lambda * model.b


def row_by_row(model, X, y, l2_lambda, is_binary):
    grad_W, grad_b = np.zeros_like(model.W), np.zeros_like(model.b)
    for x, p, label in zip(X, model(X), y):
        target = np.array([label]) if is_binary else (np.arange(len(p)) == label) * 1.0
        grad_W += np.outer(x, p - target)
        grad_b += p - target
    return grad_W / len(X) + l2_lambda * model.W, grad_b / len(X) + l2_lambda * model.b


def complex_step(model, X, y, l2_lambda, is_binary):
    """The imaginary part of the loss, after an imaginary step that is too small to change its real part."""
    W, b = model.W.astype(complex), model.b.astype(complex)

    def loss():
        s = X @ W + b
        s = np.hstack([0 * s, s]) if is_binary else s
        top = s.real.max(axis=1, keepdims=True)
        log_p = s - top - np.log(np.exp(s - top).sum(axis=1, keepdims=True))
        return l2_lambda / 2 * ((W**2).sum() + (b**2).sum()) - log_p[np.arange(len(y)), y].mean()

    found = np.zeros_like(model.W), np.zeros_like(model.b)
    for array, grad in zip((W, b), found):
        for place in np.ndindex(array.shape):
            array[place] += 1e-30j
            grad[place] = loss().imag / 1e-30
            array[place] -= 1e-30j
    return found


CORRECT = {f.__name__: {"gradients": f} for f in (one_product, one_subtracted, row_by_row, complex_step)}
