"""Correct training loops in the styles that people write; mistakes are edits of the first."""

import itertools

import numpy as np
import torch
from tqdm import tqdm


def as_taught(model, batches, loss_fn, optimizer, scheduler, num_iters, device="cpu"):
    model.train()
    losses = []
    for _ in range(num_iters):
        images, labels = next(batches)
        images, labels = images.to(device), labels.to(device)
        z = model(images)
        loss = loss_fn(z, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


def sliced(encoder, batches, loss_fn, optimizer, scheduler, num_iters, device="cpu"):
    encoder = encoder.to(device).train(True)
    found = torch.zeros(num_iters)
    for k, (x, y) in enumerate(tqdm(itertools.islice(batches, num_iters), total=num_iters, disable=True)):
        optimizer.zero_grad(set_to_none=False)
        loss = loss_fn(encoder(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        scheduler.step()
        found[k] = loss.detach().cpu()
    return found


def with_break(encoder, batches, loss_fn, optimizer, scheduler, num_iters, device="cpu"):
    """It takes one batch more than it uses, and looks at the embeddings in eval mode beside the training."""
    losses = ()
    for iteration, batch in enumerate(batches):
        if iteration == num_iters:
            break
        encoder.eval()
        with torch.no_grad():
            encoder(batch[0].to(device)).norm(dim=1).mean().item()
        encoder.train()
        loss = loss_fn(encoder(batch[0].to(device)), batch[1].to(device))
        for parameter in encoder.parameters():
            parameter.grad = None
        torch.autograd.backward(loss)
        optimizer.step()
        scheduler.step()
        losses += (loss.detach().numpy(),)
    return losses


class Trainer:
    def __init__(self, encoder, optimizer, scheduler, device):
        self.encoder, self.optimizer, self.scheduler, self.device = encoder, optimizer, scheduler, device

    def step(self, batch, loss_fn):
        def closure():
            self.optimizer.zero_grad()
            self.loss = loss_fn(z=self.encoder(batch[0].to(self.device)), labels=batch[1].to(self.device))
            self.loss.backward()
            return self.loss

        self.optimizer.step(closure)
        self.scheduler.step()
        return float(self.loss)


def of_a_class(encoder, batches, loss_fn, optimizer, scheduler, num_iters, device="cpu"):
    trainer = Trainer(encoder.train(), optimizer, scheduler, device)
    return np.array([trainer.step(batch, loss_fn) for batch, _ in zip(batches, range(num_iters))])


CORRECT = {f.__name__: {"fit_contrastive_model": f} for f in (as_taught, sliced, with_break, of_a_class)}
