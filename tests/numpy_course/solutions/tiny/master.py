# %% [markdown]
# # Softmax regression in NumPy
#
# Fill in the stub ({{points}} points).

# %% tags=["skip-grading"]
# {{given colab.py}}

# %%

import os
from pathlib import Path

import numpy as np

# %% tags=["skip-grading"]
# {{given notebook_file.py}}


# {{given run_folder.py}}

# %% [markdown]
# ## q1 · Loss of softmax regression ({{points q1}} points)
#
# Return the mean over the rows of $-\log \mathrm{softmax}(x_i W)_{y_i}$ and its gradient with respect to $W$.


# %% tags=["stub", "q1"] stub="return (loss, gradient)"
def softmax_loss(W: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss, a number, and the gradient, (d, k). W: (d, k); x: (n, d); y: (n,) int64."""
    ### BEGIN SOLUTION
    scores = x @ W
    scores = scores - scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    error = np.exp(log_p)
    error[np.arange(len(y)), y] -= 1
    return -log_p[np.arange(len(y)), y].mean(), x.T @ error / len(x)
    ### END SOLUTION


# %% tags=["public-tests", "q1"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = None


@test_case(name="two classes, equal scores")
def test_equal_scores(softmax_loss):
    import numpy as np

    loss, gradient = softmax_loss(np.zeros((1, 2)), np.array([[2.0]]), np.array([0]))
    assert abs(float(loss) - 0.6931) < 1e-3, "With two equally likely classes the loss is log 2."
    assert np.abs(gradient - np.array([[-1.0, 1.0]])).max() < 1e-5, "The gradient is x times (1/2 - 1, 1/2)."
