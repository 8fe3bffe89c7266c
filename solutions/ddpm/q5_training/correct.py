"""Correct training and sampling loops in the styles that people write; mistakes are edits of the first of each."""

from __future__ import annotations

import numpy as np
import torch
from tqdm import tqdm


def loop_as_taught(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    total_loss, total_num = 0.0, 0
    for x0, labels in loader:
        x0, labels = x0.to(device), labels.to(device)
        loss = loss_fn(model, x0, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        n = x0.size(0)
        total_loss += loss.item() * n
        total_num += n
    return total_loss / total_num


def loop_with_progress_bar(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model = model.to(device).train()
    bar = tqdm(loader, disable=True)
    losses, sizes = [], []
    for batch in bar:
        optimizer.zero_grad(set_to_none=False)
        loss = loss_fn(model, *(part.to(device, non_blocking=True) for part in batch))
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.detach().cpu().numpy())
        sizes.append(len(batch[0]))
        bar.set_postfix(loss=losses[-1])
    return float(np.average(losses, weights=sizes))


def loop_zero_grad_last(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    mean, seen = 0.0, 0
    model.train(True)
    optimizer.zero_grad()
    for _step, (x0, y) in enumerate(loader):
        loss = loss_fn(model, x0=x0.to(device), labels=y.to(device))
        torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        seen += len(y)
        mean += (loss.item() - mean) * len(y) / seen
    return mean


def loop_over_the_data_set(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    for module in model.modules():
        module.training = True
    running = torch.zeros((), device=device)
    iterator = iter(loader)
    for _ in range(len(loader)):
        x0, labels = next(iterator)
        with torch.set_grad_enabled(True):
            loss = loss_fn(model, x0, labels)
        model.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.detach() * x0.shape[0]
    return (running / len(loader.dataset)).item()


def loop_with_scaler(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    use_amp = torch.cuda.is_available()
    scaler = torch.amp.GradScaler(enabled=use_amp)
    model.train()
    history = []
    for x0, labels in loader:
        for p in model.parameters():
            p.grad = None
        with torch.autocast("cuda", enabled=use_amp):
            loss = loss_fn(model, x0.to(device), labels.to(device))
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        history.append((loss.item(), len(x0)))
    return sum(value * n for value, n in history) / sum(n for _, n in history)


def loop_with_closure(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    summed, count = 0.0, 0
    for x0, labels in loader:

        def closure(x0=x0, labels=labels):
            optimizer.zero_grad()
            loss = loss_fn(model, x0, labels)
            loss.backward()
            return loss

        summed += optimizer.step(closure).item() * len(labels)
        count += len(labels)
        scheduler.step()
    return summed / count


@torch.no_grad()
def chain_as_taught(eps_model, shape, schedule, generator):
    x = torch.randn(shape, generator=generator)
    for step in reversed(range(len(schedule.beta))):
        t = torch.full((shape[0],), step)
        noise = torch.randn(shape, generator=generator)
        beta, alpha, alpha_bar = (values[step] for values in schedule[:3])
        x = (x - beta / (1 - alpha_bar).sqrt() * eps_model(x, t)) / alpha.sqrt()
        if step > 0:
            x = x + beta.sqrt() * noise
    return x


def _step_back(eps_model, x, t, schedule, noise):
    """A correct ``p_sample``."""
    beta, alpha, alpha_bar = (values[t].view(-1, *(1,) * (x.ndim - 1)) for values in schedule[:3])
    mean = (x - beta / (1 - alpha_bar).sqrt() * eps_model(x, t)) / alpha.sqrt()
    return mean + (t > 0).view(beta.shape) * beta.sqrt() * noise


def chain_without_last_noise(eps_model, shape, schedule, generator):
    device, dtype = schedule.beta.device, schedule.beta.dtype
    with torch.inference_mode():
        x = torch.randn(*shape, generator=generator, device=device, dtype=dtype)
        for step in range(schedule.beta.shape[0] - 1, -1, -1):
            t = schedule.beta.new_full((x.shape[0],), step).long()
            noise = torch.randn(x.size(), generator=generator) if step > 0 else torch.zeros_like(x)
            x = _step_back(eps_model, x, t, schedule, noise)
        return x


def chain_counting_down(eps_model, shape, schedule, generator):
    was_training = eps_model.training
    eps_model.eval()
    x = torch.empty(shape).normal_(generator=generator)
    t = torch.full(shape[:1], len(schedule.alpha) - 1)
    with torch.no_grad():
        while t[0] >= 0:
            z = torch.empty_like(x).normal_(generator=generator)
            x = _step_back(eps_model, x, t, schedule, z)
            t = t - 1
    eps_model.train(was_training)
    return x


def chain_of_noise_drawn_before(eps_model, shape, schedule, generator):
    """All noise at once, in float64; gradients cut at every step."""
    steps = len(schedule.beta)
    noise = torch.randn((steps, *shape), generator=generator, dtype=torch.float64).float()
    x = noise[0]
    for step in torch.arange(steps).flip(0):
        z = noise[steps - step] if step > 0 else torch.zeros(shape)
        x = _step_back(eps_model, x, step.repeat(shape[0]), schedule, z).detach()
    return x


def chain_of_images_of_its_own(eps_model, shape, schedule, generator):
    """Draws noise image by image, and asks the model twice a step."""
    n, *rest = shape

    def draw():
        return torch.stack([torch.normal(0.0, 1.0, rest, generator=generator) for _ in range(n)])

    with torch.no_grad():
        x = draw()
        for step in range(len(schedule.beta))[::-1]:
            t = torch.tensor([step] * n)
            mean = _step_back(eps_model, x, t, schedule, torch.zeros_like(x))
            noisy = _step_back(eps_model, x, t, schedule, draw())
            x = noisy if step else mean
    return x


@torch.no_grad()
def chain_with_history(eps_model, shape, schedule, generator):
    history = [torch.randn(size=shape, generator=generator).requires_grad_(False)]
    for step in tqdm(sorted(range(len(schedule.beta)), reverse=True), disable=True):
        x = history[-1].clone()
        t = torch.ones(len(x), dtype=torch.int64).mul_(step)
        history.append(_step_back(eps_model, x, t, schedule, torch.randn(x.shape, generator=generator)))
    return torch.stack(history)[-1]


CORRECT = {
    f"{loop.__name__} and {chain.__name__}".replace("_", " "): {"train_one_epoch": loop, "sample": chain}
    for loop, chain in (
        (loop_as_taught, chain_as_taught),
        (loop_with_progress_bar, chain_without_last_noise),
        (loop_zero_grad_last, chain_counting_down),
        (loop_over_the_data_set, chain_of_noise_drawn_before),
        (loop_with_scaler, chain_of_images_of_its_own),
        (loop_with_closure, chain_with_history),
    )
}
