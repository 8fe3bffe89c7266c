# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Logistic and softmax regression from scratch

# %%
import numpy as np


# %% tags=["folded"] title="Given"
def show_progress(i, num_iters, train_loss, train_acc, val_loss, val_acc) -> None:
    """Print a line every hundred iterations, and after the last one."""
    if i % 100 == 0 or i == num_iters:
        print(
            f"Iter {i}/{num_iters} - Train Loss: {train_loss:.4f} - Train Acc: {train_acc:.4f} "
            f"- Val Loss: {val_loss:.4f} - Val Acc: {val_acc:.4f}"
        )


# %% [markdown]
# ### q1 · Split and batch ({{points q1}} points)


# %% tags=["stub", "q1"] stub="return X_train, y_train, X_test, y_test"
def train_test_split(X: np.ndarray, y: np.ndarray, test_ratio: float, rng: np.random.Generator) -> tuple:
    r"""A random partition of the rows: :math:`\lfloor n \cdot \mathrm{ratio} \rfloor` of them for the test, the others to train.

    X: (n, d), y: (n,), n ≥ 1, 0 ≤ test_ratio ≤ 1. Every row is in one of the two parts, once, together with its label. Every
    choice of test rows has the same chance; all randomness comes from ``rng``.
    Returns (X_train, y_train, X_test, y_test); either part may have no rows.
    """
    ### BEGIN SOLUTION
    order = rng.permutation(len(X))
    count = int(len(X) * test_ratio)
    test, train = order[:count], order[count:]
    return X[train], y[train], X[test], y[test]
    ### END SOLUTION


# %% tags=["stub", "q1"] stub="return X_batch, y_batch"
def get_data_batch(X: np.ndarray, y: np.ndarray, batch_size: int, rng: np.random.Generator) -> tuple:
    """A random batch, drawn without replacement: no row twice; all n rows if ``batch_size`` is above n.

    X: (n, d), y: (n,), n ≥ 1, batch_size ≥ 1. Every row has the same chance; all randomness comes from ``rng``.
    Returns (X_batch, y_batch), min(batch_size, n) rows and their labels.
    """
    ### BEGIN SOLUTION
    rows = rng.choice(len(X), min(batch_size, len(X)), replace=False)
    return X[rows], y[rows]
    ### END SOLUTION


# %% tags=["stub", "q2a"] stub="return the sigmoid of every entry"
def sigmoid(x: np.ndarray) -> np.ndarray:
    r"""The logistic function of every entry, :math:`\sigma(x) = 1 / (1 + e^{-x})`.

    x: float64 of any shape. Returns the same shape; finite and without warnings for entries up to ±1000 and beyond.
    """
    ### BEGIN SOLUTION
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)
    ### END SOLUTION


# %% tags=["stub", "q2b"] stub="return the softmax of every row"
def softmax(x: np.ndarray) -> np.ndarray:
    r"""The softmax of every row, :math:`e^{x_{ij}} / \sum_l e^{x_{il}}`.

    x: (n, k) float64. Returns (n, k): positive or 0, every row sums to 1; finite and without warnings for entries up to ±1000
    and beyond. Rows of one entry give 1.
    """
    ### BEGIN SOLUTION
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% tags=["stub", "q3"] stub="draw W, return scores and probabilities"
class LinearModel:
    r"""Linear scores, :math:`s = X W + b`.

    ``W``: (d, k), ``b``: (k,), float64 arrays. ``model(X)`` is ``model.forward(X)``.
    """

    def __init__(self, d: int, k: int, rng: np.random.Generator):
        """W: standard normal numbers from ``rng``, divided by √d. b: zeros."""
        ### BEGIN SOLUTION
        self.W = rng.standard_normal((d, k)) / np.sqrt(d)
        self.b = np.zeros(k)
        ### END SOLUTION

    def __call__(self, X: np.ndarray) -> np.ndarray:
        return self.forward(X)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Rows X (n, d) -> scores (n, k)."""
        ### BEGIN SOLUTION
        return X @ self.W + self.b
        ### END SOLUTION


class LogisticRegression(LinearModel):
    """Two classes, 0 and 1: one score a row, W (d, 1) and b (1,)."""

    def __init__(self, d: int, rng: np.random.Generator):
        super().__init__(d, 1, rng)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Rows X (n, d) -> probabilities of class 1, (n, 1)."""
        ### BEGIN SOLUTION
        return sigmoid(super().forward(X))
        ### END SOLUTION


class SoftmaxRegression(LinearModel):
    """k classes."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Rows X (n, d) -> probabilities (n, k)."""
        ### BEGIN SOLUTION
        return softmax(super().forward(X))
        ### END SOLUTION


# %% tags=["stub", "q4"] stub="return the mean loss"
def calculate_loss(model: LinearModel, X: np.ndarray, y: np.ndarray, is_binary: bool) -> float:
    r"""The mean of :math:`-\log p` of the right class, without the penalty.

    X: (n, d), n ≥ 1. y: (n,) integers, 0 to k − 1. ``is_binary``: the model is a LogisticRegression, y is 0 or 1.
    Exact for scores of ±1000, without warnings: it takes the scores X W + b from ``model.W`` and ``model.b``.
    """
    ### BEGIN SOLUTION
    scores = X @ model.W + model.b
    if is_binary:
        return np.logaddexp(0, np.where(y == 1, -1, 1) * scores[:, 0]).mean()
    scores = scores - scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(y)), y].mean()
    ### END SOLUTION


# %% tags=["stub", "q4"] stub="return the share of correct rows"
def calculate_accuracy(model: LinearModel, X: np.ndarray, y: np.ndarray, is_binary: bool) -> float:
    """The share of rows whose most probable class, by ``model(X)``, is the right one; of equal ones the first counts.

    X: (n, d), n ≥ 1. y: (n,). ``is_binary``: class 1 where its probability is above 0.5, else class 0.
    """
    ### BEGIN SOLUTION
    probabilities = model(X)
    predicted = probabilities[:, 0] > 0.5 if is_binary else probabilities.argmax(axis=1)
    return (predicted == y).mean()
    ### END SOLUTION


# %% tags=["stub", "q5"] stub="return grad_W, grad_b"
def gradients(model: LinearModel, X: np.ndarray, y: np.ndarray, l2_lambda: float, is_binary: bool) -> tuple:
    r"""The gradient of the mean loss plus the penalty :math:`\frac\lambda2 (\lVert W\rVert^2 + \lVert b\rVert^2)`.

    .. math:: \frac1n X^\top (P - Y) + \lambda W, \qquad \frac1n \sum_i (P_i - Y_i) + \lambda b

    P: the probabilities ``model(X)``. Y: (n, k), one 1 a row in the column of its class; (n, 1), y itself, if ``is_binary``.
    X: (n, d), n ≥ 1. y: (n,). Returns (grad_W, grad_b), of the shapes of ``model.W`` and ``model.b``. The model stays as it is.
    """
    ### BEGIN SOLUTION
    errors = model(X)
    Y = y[:, None] if is_binary else y[:, None] == np.arange(errors.shape[1])
    errors = errors - Y
    return X.T @ errors / len(X) + l2_lambda * model.W, errors.mean(axis=0) + l2_lambda * model.b
    ### END SOLUTION


# %% tags=["stub", "q6"] stub="return both gradients, scaled"
def clip_gradients(grad_W: np.ndarray, grad_b: np.ndarray, max_norm: float) -> tuple:
    r"""Both gradients times :math:`\min(1, c / \lVert g\rVert)`; :math:`\lVert g\rVert` is the norm of all entries of both.

    grad_W: (d, k), grad_b: (k,), max_norm: c > 0. Returns new arrays (grad_W, grad_b) of the same direction. Zeros stay zeros.
    """
    ### BEGIN SOLUTION
    norm = np.sqrt((grad_W**2).sum() + (grad_b**2).sum())
    scale = max_norm / norm if norm > max_norm else 1.0
    return grad_W * scale, grad_b * scale
    ### END SOLUTION


# %% tags=["stub", "q7"] stub="return mean loss and accuracy"
def evaluate_model(model: LinearModel, X: np.ndarray, y: np.ndarray, batch_size: int, is_binary: bool) -> tuple:
    """(loss, accuracy) of all rows, in batches of ``batch_size`` rows in order; the last one may be smaller.

    X: (n, d), n ≥ 1. Every row counts once: equal to ``calculate_loss`` and ``calculate_accuracy`` of all rows at once.
    """
    ### BEGIN SOLUTION
    loss = correct = 0.0
    for first in range(0, len(X), batch_size):
        X_batch, y_batch = X[first : first + batch_size], y[first : first + batch_size]
        loss += calculate_loss(model, X_batch, y_batch, is_binary) * len(X_batch)
        correct += calculate_accuracy(model, X_batch, y_batch, is_binary) * len(X_batch)
    return loss / len(X), correct / len(X)
    ### END SOLUTION


# %% tags=["stub", "q7"] stub="train the model, return the four lists"
def fit_model(
    model: LinearModel,
    X_train: np.ndarray,
    y_train: np.ndarray,
    X_val: np.ndarray,
    y_val: np.ndarray,
    num_iters: int,
    lr: float,
    batch_size: int,
    l2_lambda: float,
    grad_norm_clip: float,
    is_binary: bool,
    rng: np.random.Generator,
) -> tuple[list, list, list, list]:
    """``num_iters`` iterations of stochastic gradient descent, which change ``model.W`` and ``model.b``.

    An iteration: draw a batch by ``get_data_batch`` (one call, with ``rng``), take ``gradients`` of it, clip them by
    ``clip_gradients``, subtract ``lr`` times the result. Iterations count from 1. Every tenth one and the last one append to
    four lists: loss and accuracy of the batch **before** the step, and of all validation rows, by ``evaluate_model``, **after**
    it; then they call ``show_progress``.
    Returns (train_losses, train_accs, val_losses, val_accs), plain lists of numbers.
    """
    ### BEGIN SOLUTION
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
    ### END SOLUTION
