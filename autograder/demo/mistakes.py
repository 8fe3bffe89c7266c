"""Three cells with a mistake each, as students write them: assignment, then question id to source."""

SIMCLR = {
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

DDPM = {
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

CELLS = {"simclr": SIMCLR, "ddpm": DDPM}
