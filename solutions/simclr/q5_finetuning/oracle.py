"""Fine-tuning by hand: transforms by slicing, cross-entropy and accuracy counted in NumPy, image by image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ..q3_augmentation.oracle import normalised

PADDING = 4


def finetune_transforms(size: int = 32):
    def train_transform(image: Tensor) -> Tensor:
        padded = np.zeros((3, size + 2 * PADDING, size + 2 * PADDING))
        padded[:, PADDING:-PADDING, PADDING:-PADDING] = image.numpy() / 255
        top, left = torch.randint(2 * PADDING + 1, (2,)).tolist()
        pixels = padded[:, top : top + size, left : left + size]
        return normalised(pixels[:, :, ::-1] if torch.rand(()) < 0.5 else pixels)

    def test_transform(image: Tensor) -> Tensor:
        return normalised(image.numpy() / 255)

    return train_transform, test_transform


class _Transformed(Dataset):
    def __init__(self, images: Tensor, labels: Tensor, transform) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor]:
        return self.transform(self.images[k]), self.labels[k]


def finetune_loaders(train_images, train_labels, test_images, test_labels, batch_size):
    train_transform, test_transform = finetune_transforms(train_images.shape[-1])
    train = _Transformed(train_images, train_labels, train_transform)
    test = _Transformed(test_images, test_labels, test_transform)
    return DataLoader(train, batch_size, shuffle=True), DataLoader(test, batch_size)


class Classifier(nn.Module):
    """logits = W h + b."""

    def __init__(self, simclr: nn.Module, num_classes: int = 10) -> None:
        super().__init__()
        self.simclr = simclr
        self.weight = nn.Parameter(torch.zeros(num_classes, 512))
        self.bias = nn.Parameter(torch.zeros(num_classes))

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.simclr(x)
        return nn.functional.linear(h, self.weight, self.bias)


def _count(logits: Tensor, y: Tensor) -> tuple[float, int, int]:
    """Sum of -log softmax at the labels, and how many labels rank first and in the first five."""
    total, first, five = 0.0, 0, 0
    for scores, label in zip(logits.detach().double().numpy(), y.tolist(), strict=True):
        total += np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[label]
        rank = int((scores > scores[label]).sum())
        first += rank == 0
        five += rank < 5
    return total, first, five


def finetune_one_epoch(model, loader, optimizer, scheduler, device="cpu") -> tuple[float, float]:
    model.train()
    parameters = list(model.parameters())
    total, correct, images = 0.0, 0, 0
    for x, y in loader:
        logits = model(x)
        target = torch.zeros_like(logits)
        target[torch.arange(len(y)), y] = 1
        slope = (torch.softmax(logits, 1) - target).detach() / len(y)  # of the mean cross-entropy to the logits
        for parameter, gradient in zip(parameters, torch.autograd.grad(logits, parameters, slope), strict=True):
            parameter.grad = gradient
        optimizer.step()
        scheduler.step()
        loss, first, _ = _count(logits, y)
        total, correct, images = total + loss, correct + first, images + len(y)
    return total / images, correct / images


def evaluate(model, loader, device="cpu") -> tuple[float, float, float]:
    model.eval()
    with torch.no_grad():
        counts = np.array([_count(model(x), y) for x, y in loader])
    return tuple((counts.sum(0) / sum(len(y) for _, y in loader)).tolist())


ORACLE = {
    "finetune_transforms": finetune_transforms,
    "finetune_loaders": finetune_loaders,
    "Classifier": Classifier,
    "finetune_one_epoch": finetune_one_epoch,
    "evaluate": evaluate,
}
