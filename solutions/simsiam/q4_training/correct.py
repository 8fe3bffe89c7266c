"""Correct training loops and deviations in the styles that people write; mistakes are edits of the first of each."""

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm


def loop_as_taught(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    total_loss, total_num = 0.0, 0
    for (x1, x2), _ in loader:
        x1, x2 = x1.to(device), x2.to(device)
        p1, p2, z1, z2 = model(x1, x2)
        loss = loss_fn(p1, p2, z1, z2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        n = x1.size(0)
        total_loss += loss.item() * n
        total_num += n
    return total_loss / total_num


def progress_bar_and_lists(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model = model.to(device).train(True)
    bar, losses, sizes = tqdm(loader, disable=True), [], []
    for views, labels in bar:
        optimizer.zero_grad(set_to_none=False)
        loss = loss_fn(*model(*(view.to(device, non_blocking=True) for view in views)))
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.detach().cpu().numpy())
        sizes.append(len(labels))
        bar.set_postfix(loss=losses[-1])
    return np.average(losses, weights=sizes)


def metric_beside_the_training(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    mean, seen, deviations = torch.zeros(()), 0, []
    for batch in loader:
        x1, x2 = batch[0]
        model.eval()
        with torch.no_grad():
            deviations.append(F.normalize(model(x1, x2)[2]).std(0).mean().item())
        model.train()
        outputs = model(x1, x2)
        loss = loss_fn(*outputs)
        for parameter in model.parameters():
            parameter.grad = None
        torch.autograd.backward(loss)
        optimizer.step()
        scheduler.step()
        seen += len(x1)
        mean = mean + (loss.detach() - mean) * len(x1) / seen
    return mean


def closure_and_views_exchanged(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    sums = []
    for (x1, x2), _ in loader:

        def closure(x1=x1, x2=x2):
            optimizer.zero_grad()
            loss = loss_fn(*model(x2.to(device), x1.to(device)))
            loss.backward()
            sums.append((loss.item() * len(x1), len(x1)))
            return loss

        optimizer.step(closure)
        scheduler.step()
    return float(np.sum([loss for loss, _ in sums]) / np.sum([n for _, n in sums]))


def by_normalize(z):
    return F.normalize(z, dim=1).std(dim=0).mean().item()


def a_tensor(z):
    with torch.no_grad():
        rows = z / z.norm(dim=1, keepdim=True).clamp(min=1e-12)
        return torch.sqrt((rows - rows.mean(0)).pow(2).sum(0) / (z.size(0) - 1)).mean()


def of_numpy(z):
    rows = z.detach().double().numpy()
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return rows.std(axis=0, ddof=1).mean()


def column_by_column(z):
    rows = F.normalize(z.clone(), p=2, dim=-1, eps=1e-8)
    return sum(torch.var(rows[:, j]).sqrt() for j in range(rows.shape[1])) / rows.shape[1]


CORRECT = {
    "as taught": {"train_one_epoch": loop_as_taught, "feature_std": by_normalize},
    "lists": {"train_one_epoch": progress_bar_and_lists, "feature_std": a_tensor},
    "metric": {"train_one_epoch": metric_beside_the_training, "feature_std": of_numpy},
    "closure": {"train_one_epoch": closure_and_views_exchanged, "feature_std": column_by_column},
}
