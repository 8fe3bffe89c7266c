"""Correct training loops in the styles that people write; mistakes are edits of the first."""

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm


def _vae_loss(logits, x, mu, logvar, beta=1.0):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    kl = 0.5 * (logvar.exp() + mu**2 - 1 - logvar).sum() / len(x)
    return reconstruction + beta * kl, reconstruction, kl


def loop_as_taught(model, loader, optimizer, generator, beta=1.0, device="cpu"):
    model.train()
    total_loss, total_rec, total_kl, total_num = 0.0, 0.0, 0.0, 0
    for x, _ in loader:
        x = x.to(device)
        n = x.size(0)
        eps = torch.randn(n, model.latent, generator=generator).to(device)
        logits, mu, logvar = model(x, eps)
        loss, rec, kl = _vae_loss(logits, x, mu, logvar, beta)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * n
        total_rec += rec.item() * n
        total_kl += kl.item() * n
        total_num += n
    return total_loss / total_num, total_rec / total_num, total_kl / total_num


def loop_with_progress_bar(model, loader, optimizer, generator, beta=1.0, device="cpu"):
    model = model.to(device).train()
    rows, sizes = [], []
    for batch in tqdm(loader, disable=True):
        x = batch[0].to(device, non_blocking=True)
        logits, mu, logvar = model(x=x, eps=torch.empty((len(x), model.latent)).normal_(generator=generator))
        parts = _vae_loss(logits, x, mu, logvar, beta=beta)
        for parameter in model.parameters():
            parameter.grad = None
        torch.autograd.backward(parts[0])
        optimizer.step()
        rows.append([part.detach().cpu().numpy() for part in parts])
        sizes.append(len(x))
    return tuple(np.average(rows, axis=0, weights=sizes))


def loop_of_encode_and_decode(model, loader, optimizer, generator, beta=1.0, device="cpu"):
    for module in model.modules():
        module.training = True
    running, seen = torch.zeros(3), 0
    optimizer.zero_grad()
    for x, y in loader:
        mu, logvar = model.encode(x)
        z = mu + torch.exp(0.5 * logvar) * torch.randn(*mu.shape, generator=generator)
        parts = torch.stack(_vae_loss(model.decode(z), x, mu, logvar, beta))
        parts[0].backward()
        optimizer.step()
        optimizer.zero_grad()
        running, seen = running + parts.detach() * len(y), seen + len(y)
    return list(running / seen)


def loop_with_all_noise_before(model, loader, optimizer, generator, beta=1.0, device="cpu"):
    model.train(True)
    count = len(loader.dataset)
    noise, sums = torch.randn(count, model.latent, generator=generator), np.zeros(3)
    for (x, _), eps in zip(loader, noise.split(loader.batch_size)):

        def closure(x=x, eps=eps):
            optimizer.zero_grad()
            logits, mu, logvar = model(x, eps)
            parts = _vae_loss(logits, x, mu, logvar, beta)
            parts[0].backward()
            sums[:] += [part.item() * len(x) for part in parts]
            return parts[0]

        optimizer.step(closure)
    return tuple(sums / count)


_ALL = (loop_as_taught, loop_with_progress_bar, loop_of_encode_and_decode, loop_with_all_noise_before)
CORRECT = {loop.__name__: {"train_one_epoch": loop} for loop in _ALL}
