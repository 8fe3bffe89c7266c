"""Correct k-NN accuracies in the styles that people write: each must earn all points."""

import math

import numpy as np
import torch
import torch.nn.functional as F


def in_chunks(train_h, train_y, test_h, test_y, k, temperature):
    """The plain form: ``mistakes`` are changes of it."""
    bank, classes = F.normalize(train_h, dim=1), int(max(train_y.max(), test_y.max())) + 1
    correct = 0
    for start in range(0, math.ceil(len(test_y) / 256) * 256, 256):
        queries = F.normalize(test_h[start : start + 256], dim=1)
        y = test_y[start : start + 256]
        s = queries @ bank.T
        s, nearest = s.topk(min(k, len(train_h)))
        weights = torch.exp(s / temperature)
        votes = torch.zeros(len(y), classes)
        for j in range(s.shape[1]):
            votes[torch.arange(len(y)), train_y[nearest[:, j]]] += weights[:, j]
        correct += (votes.argmax(dim=1) == y).sum().item()
    return correct / len(test_y)


@torch.no_grad()
def one_hot(train_h, train_y, test_h, test_y, k, temperature):
    s = F.cosine_similarity(test_h[:, None], train_h[None], dim=2)
    s, nearest = torch.sort(s, dim=1, descending=True)
    s, nearest = s[:, :k], nearest[:, :k]
    weights = (s / temperature).exp().unsqueeze(-1)
    votes = (F.one_hot(train_y, 10)[nearest] * weights).sum(dim=1)
    return (votes.argmax(dim=-1) == test_y).float().mean()


def of_numpy(train_h, train_y, test_h, test_y, k, temperature):
    a, b = train_h.numpy().astype(np.float64), test_h.numpy().astype(np.float64)
    a, b = a / np.linalg.norm(a, axis=1, keepdims=True), b / np.linalg.norm(b, axis=1, keepdims=True)
    hits = []
    for query, label in zip(b, test_y.numpy()):
        s = a @ query
        nearest = np.argsort(-s)[:k]
        votes = np.bincount(train_y.numpy()[nearest], weights=np.exp((s[nearest] - s.max()) / temperature))
        hits.append(votes.argmax() == label)
    return np.mean(hits)


def softmax_of_the_neighbours(train_h, train_y, test_h, test_y, k, temperature):
    """A softmax divides all votes of a query by one number."""
    classes = train_y.unique()
    s, nearest = torch.topk(F.normalize(test_h) @ F.normalize(train_h).t(), k=min(k, train_h.shape[0]), dim=-1)
    weights, labels = torch.softmax(s / temperature, dim=-1), train_y[nearest]
    votes = torch.stack([(weights * (labels == c)).sum(-1) for c in classes], dim=-1)
    return torch.as_tensor(classes[votes.argmax(-1)] == test_y).double().mean().item()


CORRECT = {f.__name__: {"knn_accuracy": f} for f in (in_chunks, one_hot, of_numpy, softmax_of_the_neighbours)}
