"""Correct encoders and classifiers in the styles that people write; mistakes are edits of the first of each."""

import torch
import torch.nn.functional as F
from torch import nn


class PlainEncoder(nn.Module):
    def __init__(self, z_dim=32, body=None):
        super().__init__()
        self.body = body
        self.head = nn.Linear(body.width, z_dim)

    def forward(self, x):
        h = self.body(x)
        return self.head(h)


class PlainClassifier(nn.Module):
    def __init__(self, z_dim=32, classes=10):
        super().__init__()
        self.hidden = nn.Linear(z_dim, 64)
        self.out = nn.Linear(64, classes)

    def forward(self, z):
        h = F.relu(self.hidden(z))
        return F.log_softmax(self.out(h), dim=1)


class SequentialEncoder(nn.Sequential):
    def __init__(self, z_dim=32, body=None):
        super().__init__()
        self.add_module("body", body)
        self.add_module("head", nn.Linear(in_features=self.body.width, out_features=z_dim, bias=True))


class ClassifierOfModules(nn.Module):
    def __init__(self, z_dim: int = 32, classes: int = 10):
        super().__init__()
        self.hidden, self.relu = nn.Linear(z_dim, 64), nn.ReLU(inplace=True)
        self.out, self.log_softmax = nn.Linear(64, classes), nn.LogSoftmax(dim=-1)
        nn.init.zeros_(self.out.bias)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.log_softmax(self.out(self.relu(self.hidden(z))))


class ByLogsumexp(PlainClassifier):
    def forward(self, z):
        scores = self.out(torch.clamp(self.hidden(z), min=0))
        return scores - scores.logsumexp(dim=1, keepdim=True)


class FlattenedEncoder(PlainEncoder):
    def forward(self, x):
        return F.linear(torch.flatten(self.body(x), 1), self.head.weight, self.head.bias)


CORRECT = {
    "plain": {"Encoder": PlainEncoder, "Classifier": PlainClassifier},
    "modules": {"Encoder": SequentialEncoder, "Classifier": ClassifierOfModules},
    "functions": {"Encoder": FlattenedEncoder, "Classifier": ByLogsumexp},
}
