"""Correct pairs, triplets and hardest triplets in the styles that people write; mistakes are edits of the first of each."""

import numpy as np
import torch
import torch.nn.functional as F


def pairs_by_masks(y, rng):
    n = len(y)
    alike = y[:, None] == y[None, :]
    apart = ~alike
    alike[torch.arange(n), torch.arange(n)] = False
    coin = torch.rand(n, generator=rng) < 0.5
    same = torch.where(alike.any(dim=1) & apart.any(dim=1), coin, alike.any(dim=1))
    weights = torch.where(same[:, None], alike, apart).double()
    j = torch.multinomial(weights, 1, generator=rng).squeeze(1)
    return torch.arange(n), j, same


def pairs_by_lists(y, rng):
    """Redraws until the partner is of the kind that the coin says."""
    labels, partners = y.tolist(), []
    for k, label in enumerate(labels):
        together = torch.rand(1, generator=rng).item() >= 0.5
        if labels.count(label) == 1 or labels.count(label) == len(labels):
            together = labels.count(label) > 1
        j = k
        while j == k or (labels[j] == label) is not together:
            j = torch.randint(len(labels), (1,), generator=rng).item()
        partners.append(j)
    j = torch.tensor(partners)
    return [torch.arange(len(y)), j, y[j] == y]


def triplets_by_masks(X, y, batch_size, rng):
    alike = y[:, None] == y[None, :]
    apart = ~alike
    alike.fill_diagonal_(False)
    anchors = torch.where(alike.any(dim=1) & apart.any(dim=1))[0]
    if len(anchors) == 0:
        raise ValueError("there is no triplet")
    while True:
        a = anchors[torch.randint(len(anchors), (batch_size,), generator=rng)]
        p = torch.multinomial(alike[a].double(), 1, generator=rng).squeeze(1)
        n = torch.multinomial(apart[a].double(), 1, generator=rng).squeeze(1)
        yield X[a], X[p], X[n]


class TripletsByLists:
    """An iterator that is no generator function, with NumPy's generator seeded by the given one."""

    def __init__(self, X, y, batch_size, rng):
        self.X, self.y, self.size = X, y.numpy(), batch_size
        self.rng = np.random.default_rng(int(torch.randint(2**62, (), generator=rng)))
        classes, counts = np.unique(self.y, return_counts=True)
        self.anchors = np.flatnonzero(np.isin(self.y, classes[counts > 1])) if len(classes) > 1 else []
        if len(self.anchors) == 0:
            raise ValueError("there is no triplet")

    def __iter__(self):
        return self

    def __next__(self):
        triplets = []
        for a in self.rng.choice(self.anchors, self.size):
            others = np.flatnonzero(self.y == self.y[a])
            positive = self.rng.choice(others[others != a])
            triplets.append((a, positive, self.rng.choice(np.flatnonzero(self.y != self.y[a]))))
        return [self.X[torch.as_tensor(np.array(k))] for k in zip(*triplets)]


def triplets_shuffled(X, y, batch_size, rng):
    """Positives and negatives by sorting random numbers."""
    n = len(y)
    same = y.unsqueeze(0) == y.unsqueeze(1)
    able = [k for k in range(n) if same[k].sum() > 1 and not same[k].all()]
    if not able:
        raise ValueError
    able = torch.tensor(able)
    while 1:
        a = able[(torch.rand(batch_size, generator=rng) * len(able)).long()]
        keys = torch.rand(2, batch_size, n, generator=rng)
        keys[0][~same[a]] = -1
        keys[0][torch.arange(batch_size), a] = -1
        keys[1][same[a]] = -1
        yield (X[a], *(X[keys[k].argmax(1)] for k in (0, 1)))


def hard_by_masks(z, y):
    d = torch.cdist(z, z)
    alike = y[:, None] == y[None, :]
    itself = torch.eye(len(y), dtype=torch.bool)
    positive = alike & ~itself
    negative = ~alike
    anchors = torch.where(positive.any(dim=1) & negative.any(dim=1))[0]
    hardest_positive = d.masked_fill(~positive, float("-inf")).argmax(dim=1)
    hardest_negative = d.masked_fill(~negative, float("inf")).argmin(dim=1)
    return anchors, hardest_positive[anchors], hardest_negative[anchors]


@torch.no_grad()
def hard_by_loops(z, y):
    a, p, n = [], [], []
    for k in range(len(z)):
        square = (z - z[k]).pow(2).sum(1)
        same = [j for j in range(len(z)) if y[j] == y[k] and j != k]
        other = [j for j in range(len(z)) if y[j] != y[k]]
        if same and other:
            a.append(k)
            p.append(max(same, key=lambda j: square[j]))
            n.append(min(other, key=lambda j: square[j]))
    return [torch.LongTensor(index) for index in (a, p, n)]


def hard_by_dot_products(z, y):
    z = z.detach().double()
    square = z.pow(2).sum(1)
    d = square[:, None] + square - 2 * z @ z.T
    same = F.one_hot(y.unique(return_inverse=True)[1]).float()
    same = same @ same.T > 0
    positive = torch.where(same, d, -1e6).fill_diagonal_(-1e6)
    negative = torch.where(same, torch.inf, d)
    keep = ((positive > -1e3).any(1) & torch.isfinite(negative).any(1)).nonzero().flatten()
    return keep, positive.max(1).indices[keep], negative.min(1).indices[keep]


CORRECT = {
    "masks": {"pairs_from_labels": pairs_by_masks, "triplet_batches": triplets_by_masks, "batch_hard": hard_by_masks},
    "loops": {"pairs_from_labels": pairs_by_lists, "triplet_batches": TripletsByLists, "batch_hard": hard_by_loops},
    "others": {
        "pairs_from_labels": pairs_by_masks,
        "triplet_batches": triplets_shuffled,
        "batch_hard": hard_by_dot_products,
    },
}
