"""Correct training loops in the styles that people write; the first is the one that mistakes are edits of."""

from __future__ import annotations

import numpy as np
import torch
from tqdm import tqdm


def separate_forwards(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    total_loss, total_num = 0.0, 0
    for (x_i, x_j), _ in loader:
        x_i, x_j = x_i.to(device), x_j.to(device)
        _, z_i = model(x_i)
        _, z_j = model(x_j)
        loss = loss_fn(z_i, z_j)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        n = x_i.size(0)
        total_loss += loss.item() * n
        total_num += n
    return total_loss / total_num


def concatenated_with_progress_bar(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model = model.to(device).train()
    bar = tqdm(loader, disable=True)
    losses, sizes = [], []
    for views, _labels in bar:
        n = views[0].shape[0]
        optimizer.zero_grad(set_to_none=False)
        z_i, z_j = model(torch.cat(views, dim=0).to(device, non_blocking=True))[1].split(n)
        loss = loss_fn(z_i, z_j)
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.detach().cpu().numpy())
        sizes.append(n)
        bar.set_postfix(loss=losses[-1])
    return np.average(losses, weights=sizes)


class AverageMeter:
    def __init__(self):
        self.sum, self.count = 0, 0

    def update(self, value, n):
        self.sum += value * n
        self.count += n

    @property
    def avg(self):
        return self.sum / self.count


def meter_and_zero_grad_last(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    meter = AverageMeter()
    model.train(True)
    for _step, batch in enumerate(loader):
        (x1, x2), y = batch
        z = [model(x.to(device))[1] for x in (x1, x2)]
        loss = loss_fn(*z)
        loss.backward()
        meter.update(loss.detach(), len(y))
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
    return meter.avg


def batches_asked_for_one_by_one(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.to(device)
    for module in model.modules():
        module.training = True
    running = torch.zeros((), device=device)
    iterator, images = iter(loader), 0
    while (batch := next(iterator, None)) is not None:
        (x_i, x_j), _ = batch
        images += len(x_i)
        with torch.set_grad_enabled(True):
            h, z = model(torch.cat([x_i, x_j]).to(device))
            z_i, z_j = z.chunk(2)
            loss = loss_fn(z_i=z_i, z_j=z_j)
        model.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        running = running + loss.detach() * x_i.shape[0]
    return (running / images).item()


def metric_beside_the_training(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    total, images, similarities = 0.0, 0, []
    for (x_i, x_j), _ in loader:
        model.eval()
        with torch.no_grad():
            h_i, h_j = model(x_i.to(device))[0], model(x_j.to(device))[0]
            similarities.append(torch.cosine_similarity(h_i, h_j).mean().item())
        model.train()
        loss = loss_fn(model(x_i.to(device))[1], model(x_j.to(device))[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total, images = total + loss.item() * len(x_i), images + len(x_i)
    return total / images


def cached_gradients(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    """GradCache: the loss of a large batch, and its gradient in chunks that fit into memory."""
    model.train()
    total, images = 0.0, 0
    for views, labels in loader:
        with torch.no_grad():
            cached = [model(x.to(device))[1] for x in views]
        cached = [z.requires_grad_() for z in cached]
        loss = loss_fn(*cached)
        optimizer.zero_grad()
        loss.backward()
        for x, z in zip(views, cached, strict=True):
            for chunk, gradient in zip(x.split(2), z.grad.split(2), strict=True):
                model(chunk.to(device))[1].backward(gradient)
        optimizer.step()
        scheduler.step()
        total, images = total + loss.item() * len(labels), images + len(labels)
    return total / images


def autocast_on_a_cpu(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    losses, sizes = [], []
    for (x_i, x_j), _ in loader:
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
            _, z_i = model(x_i.to(device))
            _, z_j = model(x_j.to(device))
            loss = loss_fn(z_i, z_j)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        sizes.append(len(x_i))
    return float(np.average(losses, weights=sizes))


def scaler_and_autocast(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    use_amp = torch.cuda.is_available()
    scaler = torch.amp.GradScaler(enabled=use_amp)
    model.train()
    history = []
    for (x_i, x_j), _ in loader:
        for p in model.parameters():
            p.grad = None
        with torch.autocast("cuda", enabled=use_amp):
            out_i, out_j = model(x_i.to(device)), model(x_j.to(device))
            loss = loss_fn(out_i[1], out_j[1])
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        history.append((loss.detach().float(), len(x_i)))
    return sum(value * n for value, n in history) / sum(n for _, n in history)


def _one_step(model, x_i, x_j, optimizer, scheduler, loss_fn):
    optimizer.zero_grad()
    loss = loss_fn(model(x_j)[-1], model(x_i)[-1])  # exchanged: NT-Xent does not care
    torch.autograd.backward(loss)
    optimizer.step()
    scheduler.step()
    return loss.item()


def helper_per_step(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    mean, seen = 0.0, 0
    for pair, _ in loader:
        x_i, x_j = (x.to(device) for x in pair)
        seen += len(x_i)
        mean += (_one_step(model, x_i, x_j, optimizer, scheduler, loss_fn) - mean) * len(x_i) / seen
    return mean


CORRECT = {
    function.__name__.replace("_", " "): {"train_one_epoch": function}
    for function in (
        separate_forwards,
        concatenated_with_progress_bar,
        meter_and_zero_grad_last,
        batches_asked_for_one_by_one,
        metric_beside_the_training,
        cached_gradients,
        autocast_on_a_cpu,
        scaler_and_autocast,
        helper_per_step,
    )
}
