"""Correct evaluations and fine-tunings in the styles that people write; mistakes are edits of the first of each."""

import itertools

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def evaluate_as_taught(encoder, classifier, X, y, batch_size=250, device="cpu"):
    encoder.eval()
    classifier.eval()
    loss, correct = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(X), batch_size):
            images, labels = X[start : start + batch_size].to(device), y[start : start + batch_size].to(device)
            log_p = classifier(encoder(images))
            loss += F.nll_loss(log_p, labels).item() * len(labels)
            correct += (log_p.argmax(dim=1) == labels).sum().item()
    return loss / len(X), correct / len(X)


@torch.inference_mode()
def evaluate_at_once(encoder, classifier, X, y, batch_size=250, device="cpu"):
    modes = encoder.training, classifier.training
    encoder.train(False), classifier.train(False)
    log_p = torch.cat([classifier(encoder(x.to(device))) for x in torch.split(X, batch_size)])
    encoder.train(modes[0]), classifier.train(modes[1])
    return torch.nn.NLLLoss()(log_p, y.to(device)), (log_p.max(1)[1] == y).double().mean()


def evaluate_with_a_loader(encoder, classifier, X, y, batch_size=250, device="cpu"):
    model = torch.nn.Sequential(encoder, classifier).to(device).eval()
    losses, hits = [], []
    with torch.no_grad():
        for x, t in DataLoader(TensorDataset(X, y), batch_size=batch_size, generator=torch.Generator()):
            log_p = model(x)
            losses.extend(-log_p.gather(1, t[:, None])[:, 0])
            hits += (log_p.argmax(-1) == t).tolist()
    return [torch.stack(losses).mean().item(), sum(hits) / len(hits)]


def fit_as_taught(encoder, classifier, batches, optimizer, scheduler, num_iters, train_encoder, device="cpu"):
    encoder.train(train_encoder)
    classifier.train()
    losses = []
    for _ in range(num_iters):
        images, labels = next(batches)
        images, labels = images.to(device), labels.to(device)
        with torch.set_grad_enabled(train_encoder):
            z = encoder(images)
        loss = F.nll_loss(classifier(z), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


def fit_in_two_branches(encoder, classifier, batches, optimizer, scheduler, num_iters, train_encoder, device="cpu"):
    """Cross-entropy of log-probabilities is their negative log-likelihood. It freezes and restores ``requires_grad``."""
    learnt = [parameter.requires_grad for parameter in encoder.parameters()]
    if train_encoder:
        encoder.train()
    else:
        encoder.eval()
        encoder.requires_grad_(False)
    classifier.train()
    history = []
    for images, labels in itertools.islice(batches, num_iters):
        optimizer.zero_grad(set_to_none=True)
        if train_encoder:
            z = encoder(images.to(device))
        else:
            with torch.no_grad():
                z = encoder(images.to(device)).detach()
        loss = torch.nn.CrossEntropyLoss()(classifier(z), labels.to(device))
        loss.backward()
        optimizer.step()
        scheduler.step()
        history.append(loss.detach())
    for parameter, learns in zip(encoder.parameters(), learnt, strict=True):
        parameter.requires_grad_(learns)
    return torch.stack(history).numpy()


def fit_with_break(encoder, classifier, batches, optimizer, scheduler, num_iters, train_encoder, device="cpu"):
    classifier.train(), encoder.train(mode=train_encoder)
    losses = []
    for k, (x, y) in enumerate(batches):
        if k >= num_iters:
            break
        with torch.no_grad() if not train_encoder else torch.enable_grad():
            z = encoder(x)
        log_p = classifier(z)
        loss = -(log_p[torch.arange(len(y)), y]).mean()
        for model in (encoder, classifier):
            model.zero_grad()
        torch.autograd.backward([loss])
        optimizer.step()
        scheduler.step()
        losses.append(float(loss.detach()))
    return tuple(losses)


CORRECT = {
    "as taught": {"evaluate_model": evaluate_as_taught, "fit_model": fit_as_taught},
    "two branches": {"evaluate_model": evaluate_at_once, "fit_model": fit_in_two_branches},
    "loader": {"evaluate_model": evaluate_with_a_loader, "fit_model": fit_with_break},
}
