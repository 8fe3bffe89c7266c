"""What ``./kit demo`` hands in beside the solution: three cells with a mistake each, and answers of a hostile notebook."""

# Question id to the source of its first stub cell.
MISTAKES = {
    "q1a": """
def negative_cosine(p, z):
    return -F.cosine_similarity(p, z).mean()
""",
    "q1c": """
def vicreg_loss(z1, z2, sim=25.0, var=25.0, cov=1.0):
    n, d = z1.shape
    terms = []
    for z in (z1, z2):
        spread = (1 - (z.var(dim=0, unbiased=False) + 1e-4).sqrt()).relu().mean()
        matrix = torch.cov(z.T)
        terms.append((spread, (matrix.square().sum() - matrix.diagonal().square().sum()) / d))
    invariance = (z1 - z2).square().mean()
    variance, covariance = (terms[0][0] + terms[1][0]) / 2, terms[0][1] + terms[1][1]
    return sim * invariance + var * variance + cov * covariance, invariance, variance, covariance
""",
    "q4": """
def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    total, images = 0.0, 0
    for (x1, x2), _ in loader:
        loss = loss_fn(*model(x1.to(device), x2.to(device)))
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(x1)
        images += len(x1)
    return total / images
""",
}

# The end of a notebook that attacks the grader (``autograder/demo/hostile.py`` defines the names used here).
HOSTILE = """
negative_cosine = lambda *inputs: Agreeable(0)
simsiam_loss = lambda *inputs: torch.empty(0)
vicreg_loss = lambda *inputs, **named: end()
"""
