"""What ``./kit demo`` hands in beside the solution: three cells with a mistake each, and answers of a hostile notebook."""

# Question id to the source of its first stub cell.
MISTAKES = {
    "q1a": """
def contrastive_loss(z1, z2, same, margin):
    distance = (z1 - z2).square().sum(dim=1).sqrt()
    return torch.where(same, distance, (margin - distance).relu()).square().mean() / 2
""",
    "q1b": """
def triplet_loss(anchor, positive, negative, margin):
    gap = (anchor - positive).norm(dim=1) - (anchor - negative).norm(dim=1) + margin
    return gap.relu().sum() / (gap > 0).sum().clamp(min=1)
""",
    "q4": """
def fit_contrastive_model(encoder, batches, loss_fn, optimizer, scheduler, num_iters, device="cpu"):
    encoder.train()
    losses = []
    for _, (images, labels) in zip(range(num_iters), batches):
        loss = loss_fn(encoder(images.to(device)), labels.to(device))
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses
""",
}

# The end of a notebook that attacks the grader (``autograder/demo/hostile.py`` defines the names used here).
HOSTILE = """
contrastive_loss = lambda *inputs: Agreeable(0)
triplet_loss = lambda *inputs: torch.empty(0)
batch_hard = lambda *inputs, **named: end()
"""
