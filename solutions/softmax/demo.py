"""What ``./kit demo`` hands in beside the solution: three cells with a mistake each, and answers of a hostile notebook."""

# Question id to the source of its first stub cell.
MISTAKES = {
    "q2b": """
def softmax(x):
    powers = np.exp(x - x.max())
    return powers / powers.sum(axis=1, keepdims=True)
""",
    "q4": """
def calculate_loss(model, X, y, is_binary):
    p = model(X)
    chosen = np.where(y == 1, p[:, 0], 1 - p[:, 0]) if is_binary else p[np.arange(len(y)), y]
    return -np.log(chosen + 1e-10).mean()
""",
    "q5": """
def gradients(model, X, y, l2_lambda, is_binary):
    P = model(X)
    Y = y[:, None] if is_binary else y[:, None] == np.arange(P.shape[1])
    return X.T @ (P - Y) + l2_lambda * model.W, (P - Y).mean(axis=0) + l2_lambda * model.b
""",
}

# The end of a notebook that attacks the grader (``autograder/demo/hostile.py`` defines the names used here).
HOSTILE = """
sigmoid = lambda x: Agreeable(0)
softmax = lambda x: np.empty(0)
calculate_loss = lambda *inputs: Agreeable(0)
clip_gradients = lambda *inputs: end()
"""
