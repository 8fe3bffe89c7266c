"""What ``./kit demo`` hands in beside the solution: three cells with a mistake each, and answers of a hostile notebook."""

# Question id to the source of its first stub cell.
MISTAKES = {
    "q1a": """
def reparameterize(mu, logvar, eps):
    return mu + logvar.exp() * eps
""",
    "q1c": """
def log_likelihood_bernoulli(logits, x):
    p = torch.sigmoid(logits)
    return (x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(dim=1)
""",
    "q3": """
def vae_loss(logits, x, mu, logvar, beta=1.0):
    reconstruction = -log_likelihood_bernoulli(logits, x).mean()
    kl = kl_divergence(mu, logvar).mean()
    return reconstruction - beta * kl, reconstruction, kl
""",
}

# The end of a notebook that attacks the grader (``autograder/demo/hostile.py`` defines the names used here).
HOSTILE = """
reparameterize = lambda *inputs: Agreeable(0)
kl_divergence = lambda *inputs: torch.empty(0)
vae_loss = lambda *inputs, **named: end()
"""
