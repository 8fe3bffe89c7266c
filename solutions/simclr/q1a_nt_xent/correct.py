"""Correct implementations of NT-Xent in the styles that people write: each must earn all points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def log_sum_of_each_row(z_i, z_j, temperature):
    """The plain form: ``mistakes`` are changes of it."""
    n = len(z_i)
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    logits = z @ z.T / temperature
    itself = torch.eye(2 * n, dtype=torch.bool)
    partner = torch.arange(2 * n).roll(n)
    positive = logits.gather(1, partner[:, None]).squeeze(1)
    denominator = logits.masked_fill(itself, -torch.inf).logsumexp(1)
    return (denominator - positive).mean()


def cross_entropy_infinite_diagonal(z_i, z_j, temperature):
    n = z_i.shape[0]
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    logits = z @ z.T / temperature
    logits.fill_diagonal_(float("-inf"))
    targets = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(logits, targets)


def minus_9e15_masked_fill(z_i, z_j, temperature):
    feats = torch.cat([z_i, z_j], dim=0)
    cos_sim = F.cosine_similarity(feats[:, None, :], feats[None, :, :], dim=-1)
    self_mask = torch.eye(cos_sim.shape[0], dtype=torch.bool, device=cos_sim.device)
    cos_sim.masked_fill_(self_mask, -9e15)
    pos_mask = self_mask.roll(shifts=cos_sim.shape[0] // 2, dims=0)
    cos_sim = cos_sim / temperature
    return (-cos_sim[pos_mask] + torch.logsumexp(cos_sim, dim=-1)).mean()


def masked_select_reshape(z_i, z_j, temperature):
    n = z_i.size(0)
    features = F.normalize(torch.cat([z_i, z_j], dim=0), dim=1)
    labels = torch.cat([torch.arange(n) for _ in range(2)])
    labels = labels.unsqueeze(0) == labels.unsqueeze(1)
    similarity_matrix = torch.matmul(features, features.T)
    mask = torch.eye(2 * n, dtype=torch.bool)
    labels = labels[~mask].view(2 * n, -1)
    similarity_matrix = similarity_matrix[~mask].view(2 * n, -1)
    positives = similarity_matrix[labels].view(2 * n, -1)
    negatives = similarity_matrix[~labels].view(2 * n, -1)
    logits = torch.cat([positives, negatives], dim=1) / temperature
    return nn.CrossEntropyLoss()(logits, torch.zeros(2 * n, dtype=torch.long))


def two_blocks(z_i, z_j, temperature):
    out0, out1 = F.normalize(z_i, dim=1), F.normalize(z_j, dim=1)
    n = len(out0)
    off_diagonal = ~torch.eye(n, dtype=torch.bool)
    logits_00 = (out0 @ out0.T / temperature)[off_diagonal].view(n, -1)
    logits_01 = out0 @ out1.T / temperature
    logits_11 = (out1 @ out1.T / temperature)[off_diagonal].view(n, -1)
    labels = torch.arange(n)
    loss_i = F.cross_entropy(torch.cat([logits_01, logits_00], dim=1), labels)
    loss_j = F.cross_entropy(torch.cat([logits_01.T, logits_11], dim=1), labels)
    return (loss_i + loss_j) / 2


def _sim(u, v):
    return torch.dot(u, v) / (torch.linalg.norm(u) * torch.linalg.norm(v))


def double_loop(z_i, z_j, temperature):
    n = z_i.shape[0]
    out = torch.cat([z_i, z_j], dim=0)
    total_loss = 0
    for k in range(2 * n):
        partner = (k + n) % (2 * n)
        others = torch.stack([_sim(out[k], out[m]) / temperature for m in range(2 * n) if m != k])
        total_loss = total_loss + torch.logsumexp(others, dim=0) - _sim(out[k], out[partner]) / temperature
    return total_loss / (2 * n)


def both_directions_loop(z_i, z_j, temperature):
    """ℓ(i, j) + ℓ(j, i) as helper calls, with one logsumexp over a growing list."""

    def term(anchor, positive, others):
        candidates = torch.stack([positive, *others])
        logits = candidates @ anchor / temperature
        return -F.log_softmax(logits, dim=0)[0]

    a, b = F.normalize(z_i), F.normalize(z_j)
    n = len(a)
    losses = []
    for k in range(n):
        rest = [v[m] for m in range(n) if m != k for v in (a, b)]
        losses += [term(a[k], b[k], rest), term(b[k], a[k], rest)]
    return torch.stack(losses).mean()


def log_softmax_gather(z_i, z_j, temperature):
    z = torch.cat((F.normalize(z_i, p=2, dim=-1), F.normalize(z_j, p=2, dim=-1)))
    size = z.size(0)
    logits = torch.mm(z, z.t()).div(temperature)
    logits = logits - torch.eye(size, device=z.device, dtype=z.dtype) * 1e9
    positives = torch.arange(size, device=z.device).roll(size // 2)
    return -logits.log_softmax(dim=1).gather(1, positives[:, None]).mean()


def interleaved_einsum(z_i, z_j, temperature):
    n, d = z_i.shape
    z = torch.stack([z_i, z_j], dim=1).reshape(2 * n, d)
    z = z / z.pow(2).sum(dim=1, keepdim=True).sqrt()
    logits = torch.einsum("ic,jc->ij", z, z) / temperature
    logits = logits.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(logits, torch.arange(2 * n) ^ 1)


def manual_norm_with_epsilon(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    norms = z.norm(dim=1)
    cosine = (z @ z.t()) / (norms[:, None] * norms[None, :]).clamp(min=1e-8)
    scaled = cosine / temperature
    size = len(z)
    positive = torch.cat([torch.diag(scaled, size // 2), torch.diag(scaled, -(size // 2))])
    scaled = scaled + torch.diag(torch.full((size,), float("-inf")).to(scaled))
    return torch.mean(torch.logsumexp(scaled, dim=1) - positive)


def float64_inside(z_i, z_j, temperature):
    z = F.normalize(torch.cat([z_i, z_j]).double(), dim=1)
    weights = torch.exp(z @ z.T / temperature)
    n = len(z_i)
    keep = ~torch.eye(2 * n, dtype=torch.bool)
    denominator = weights[keep].reshape(2 * n, 2 * n - 1).sum(dim=1)
    numerator = torch.cat([weights.diagonal(n), weights.diagonal(-n)])
    return -torch.log(numerator / denominator).mean().to(z_i.dtype)


class NTXentLoss(nn.Module):
    def __init__(self, temperature):
        super().__init__()
        self.temperature = temperature
        self.criterion = nn.CrossEntropyLoss(reduction="sum")
        self.similarity_f = nn.CosineSimilarity(dim=2)

    def mask_correlated_samples(self, batch_size):
        size = 2 * batch_size
        mask = torch.ones((size, size), dtype=torch.bool).fill_diagonal_(0)
        for k in range(batch_size):
            mask[k, batch_size + k] = mask[batch_size + k, k] = 0
        return mask

    def forward(self, z_i, z_j):
        batch_size = z_i.shape[0]
        size = 2 * batch_size
        z = torch.cat((z_i, z_j), dim=0)
        sim = self.similarity_f(z.unsqueeze(1), z.unsqueeze(0)) / self.temperature
        positive = torch.cat((torch.diag(sim, batch_size), torch.diag(sim, -batch_size))).reshape(size, 1)
        negative = sim[self.mask_correlated_samples(batch_size)].reshape(size, -1)
        logits = torch.cat((positive, negative), dim=1)
        return self.criterion(logits, torch.zeros(size).long()) / size


def module_with_criterion(z_i, z_j, temperature):
    return NTXentLoss(temperature)(z_i, z_j)


def row_maximum_subtracted(z_i, z_j, temperature):
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    size = z.shape[0]
    itself = torch.eye(size, dtype=torch.bool)
    sim = (torch.matmul(z, z.T) / temperature).masked_fill(itself, -1e6)
    highest = sim.max(dim=1, keepdim=True).values.detach()
    exp_sum = torch.exp(sim - highest).sum(dim=1)
    positive = (F.normalize(z_i) * F.normalize(z_j)).sum(dim=1).repeat(2) / temperature
    return (torch.log(exp_sum) + highest.squeeze(1) - positive).mean()


def differences_to_the_positive(z_i, z_j, temperature):
    """−log(e^p / Σ e^s) = log Σ e^(s − p)."""
    a, b = (v / torch.linalg.vector_norm(v, dim=1, keepdim=True) for v in (z_i, z_j))
    positive = (a * b).sum(1)
    same = torch.full_like(positive, torch.inf).diag()
    rows_a = torch.hstack([a @ a.T - same, a @ b.T])
    rows_b = torch.hstack([b @ b.T - same, b @ a.T])
    return torch.vstack([rows_a, rows_b]).sub(positive.repeat(2)[:, None]).div(temperature).logsumexp(1).mean()


def rolled_batches(z_i, z_j, temperature=0.5, dim=1):
    """The other 2n − 1 views as cyclic shifts of the batch: no mask anywhere."""
    z = F.normalize(torch.cat([z_i, z_j]), dim=dim)
    size = len(z)
    similarities = torch.stack([(z * z.roll(shift, 0)).sum(dim) for shift in range(1, size)])
    return (similarities / temperature).logsumexp(0).mean() - similarities[size // 2 - 1].mean() / temperature


def shifted_by_the_other_rows(z_i, z_j, temperature):
    """The maximum is taken over the other views: their sum is at least 1, so that the epsilon changes nothing."""
    z = F.normalize(torch.cat([z_i, z_j]))
    n = len(z_i)
    others = (z @ z.T / temperature)[~torch.eye(2 * n, dtype=torch.bool)].view(2 * n, -1)
    highest = others.amax(dim=1, keepdim=True)
    positive = (z[:n] * z[n:]).sum(1).repeat(2) / temperature
    return (torch.log((others - highest).exp().sum(1) + 1e-8) + highest.squeeze(1) - positive).mean()


def mask_of_the_default_dtype(z_i, z_j, temperature):
    """A one-hot product with a matrix that is float32 whatever the embeddings are."""
    z = F.normalize(torch.cat([z_i, z_j]))
    size = len(z)
    logits = z @ z.T / temperature - 1e9 * torch.eye(size)
    partners = torch.eye(size).roll(size // 2, 0)
    positive = (partners @ z * z).sum(1) / temperature
    return (logits.logsumexp(1) - positive).mean()


class _Gradient(torch.autograd.Function):
    """−log softmax at each target, with its gradient by hand."""

    @staticmethod
    def forward(ctx, logits, targets):
        weights = logits.softmax(1)
        ctx.save_for_backward(weights, targets)
        return (logits.logsumexp(1) - logits.gather(1, targets[:, None]).squeeze(1)).mean()

    @staticmethod
    def backward(ctx, incoming):
        weights, targets = ctx.saved_tensors
        return incoming * (weights - F.one_hot(targets, len(targets))) / len(targets), None


def gradient_by_hand(z_i, z_j, temperature):
    z = F.normalize(torch.cat([z_i, z_j]))
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    return _Gradient.apply(logits, torch.arange(len(z)).roll(len(z_i)))


CORRECT = {
    function.__name__: {"nt_xent": function}
    for function in (
        log_sum_of_each_row,
        cross_entropy_infinite_diagonal,
        minus_9e15_masked_fill,
        masked_select_reshape,
        two_blocks,
        double_loop,
        both_directions_loop,
        log_softmax_gather,
        interleaved_einsum,
        manual_norm_with_epsilon,
        float64_inside,
        module_with_criterion,
        row_maximum_subtracted,
        differences_to_the_positive,
        rolled_batches,
        shifted_by_the_other_rows,
        mask_of_the_default_dtype,
        gradient_by_hand,
    )
}
