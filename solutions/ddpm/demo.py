"""What ``./kit demo`` hands in beside the solution: three cells with a mistake each, and answers of a hostile notebook."""

# Question id to the source of its first stub cell.
MISTAKES = {
    "q1a": """
def noise_schedule(T, beta_start=1e-4, beta_end=0.02):
    beta = torch.linspace(beta_start, beta_end, T)
    alpha = 1 - beta
    alpha_bar = torch.cumprod(alpha, 0)
    before = torch.cat([alpha_bar[:1], alpha_bar[:-1]])
    return Schedule(beta, alpha, alpha_bar, beta * (1 - before) / (1 - alpha_bar))

def schedule_of(beta):
    alpha_bar = torch.cumprod(1 - beta, 0)
    before = torch.cat([torch.ones(1), alpha_bar[:-1]])
    return Schedule(beta, 1 - beta, alpha_bar, beta * (1 - before) / (1 - alpha_bar))
""",
    "q2": """
def q_sample(x0, t, noise, schedule):
    alpha_bar = schedule.alpha_bar[t].view(-1, *[1] * (x0.dim() - 1))
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar) * noise

def per_row(values, t, x):
    return values[t].reshape(-1, *[1] * (x.dim() - 1))
""",
    "q4": """
def ddpm_loss(eps_model, x0, t, noise, schedule):
    alpha_bar = schedule.alpha_bar[t].view(-1, *[1] * (x0.dim() - 1))
    x_t = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise
    return F.mse_loss(eps_model(x_t, t), x0)
""",
}

# The end of a notebook that attacks the grader (``autograder/demo/hostile.py`` defines the names used here).
HOSTILE = """
noise_schedule = lambda *inputs, **named: (Agreeable(0),) * 4
q_sample = lambda *inputs: torch.empty(0)
ddpm_loss = end
"""
