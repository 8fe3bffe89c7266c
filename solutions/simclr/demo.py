"""What ``./kit demo`` hands in beside the solution: three cells with a mistake each, and answers of a hostile notebook."""

# Question id to the source of its first stub cell.
MISTAKES = {
    "q1a": """
def nt_xent(z_i, z_j, temperature):
    n = z_i.shape[0]
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    scores = torch.exp(z @ z.T / temperature)
    positive = torch.cat([scores.diagonal(n), scores.diagonal(-n)])
    return -torch.log(positive / scores.sum(dim=1)).mean()
""",
    "q1b": """
def barlow_twins(z_a, z_b, lambd):
    z_a = (z_a - z_a.mean(0)) / (z_a - z_a.mean(0)).norm(dim=0)
    z_b = (z_b - z_b.mean(0)) / (z_b - z_b.mean(0)).norm(dim=0)
    c = z_a.T @ z_b
    on = (1 - c.diagonal()).pow(2).sum()
    off = c.pow(2).sum() - c.diagonal().pow(2).sum()
    return on + lambd * off
""",
    "q4": """
def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    total, images = 0.0, 0
    for (x_i, x_j), _ in loader:
        _, z_i = model(x_i.to(device))
        _, z_j = model(x_j.to(device))
        loss = loss_fn(z_i, z_j)
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(x_i)
        images += len(x_i)
    return total / images
""",
}

# The end of a notebook that attacks the grader (``autograder/demo/hostile.py`` defines the names used here).
HOSTILE = """
nt_xent = lambda *inputs: Agreeable(0)
barlow_twins = lambda *inputs: torch.empty(0)
nt_xent_euclidean = end
"""
