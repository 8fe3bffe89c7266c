"""Correct fine-tuning code in the styles that people write; mistakes are edits of the first of each kind."""

from __future__ import annotations

import copy
import random

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.transforms as T
import torchvision.transforms.functional as TF
from torch import nn
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset
from torchvision.transforms import v2
from tqdm import tqdm

from ..q3_augmentation.oracle import MEAN, STD

# --- transforms ---


def v2_transforms(size=32):
    to_tensor = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    train = v2.Compose([v2.RandomCrop(size, padding=4), v2.RandomHorizontalFlip(), *to_tensor])
    return train, v2.Compose(to_tensor)


def images_of_torchvision(size=32):
    """Views stay ``tv_tensors.Image``, a subclass of Tensor."""
    return tuple(v2.Compose([v2.ToImage(), *made.transforms]) for made in v2_transforms(size))


def pil_transforms(size=32):
    normalize = T.Normalize(MEAN, STD)
    train = T.Compose(
        [
            T.ToPILImage(),
            T.RandomHorizontalFlip(),
            T.RandomCrop((size, size), padding=4),
            T.ToTensor(),
            normalize,
        ]
    )
    return [train, T.Compose([T.ToPILImage(), T.ToTensor(), normalize])]


def functional_transforms(size=32):
    def test(image):
        return TF.normalize(image.to(torch.float32).div(255), MEAN, STD)

    def train(image):
        padded = F.pad(test(image), (4, 4, 4, 4))
        top, left = random.randint(0, 8), random.randint(0, 8)
        crop = padded[:, top : top + size, left : left + size]
        return torch.flip(crop, dims=[2]) if random.random() > 0.5 else crop

    return train, test


def module_transforms(size=32):
    test = nn.Sequential(T.ConvertImageDtype(torch.float32), T.Normalize(MEAN, STD))
    return nn.Sequential(T.RandomCrop(size, 4), T.RandomHorizontalFlip(0.5), test), test


def normalise_first(size=32):
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)

    def test(image):
        return (image / 255.0 - mean) / std

    augment = v2.Compose([v2.Pad(4), v2.RandomCrop(size), v2.RandomHorizontalFlip()])
    return (lambda image: augment(test(image))), test


# --- loaders ---


class LabelledImages(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, k):
        return self.transform(self.images[k]), self.labels[k]


def plain_loaders(train_images, train_labels, test_images, test_labels, batch_size):
    train_transform, test_transform = v2_transforms()
    train_set = LabelledImages(train_images, train_labels, train_transform)
    test_set = LabelledImages(test_images, test_labels, test_transform)
    train = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    test = DataLoader(test_set, batch_size=batch_size)
    return train, test


class ListedImages(Dataset):
    def __init__(self, images, labels, transform):
        self.items = [(image, int(label)) for image, label in zip(images, labels, strict=True)]
        self.transform = transform

    def __len__(self):
        return len(self.items)

    def __getitem__(self, k):
        image, label = self.items[k]
        return self.transform(image), label


def listed_loaders(train_images, train_labels, test_images, test_labels, batch_size):
    train_transform, test_transform = pil_transforms(train_images.shape[-1])
    train = ListedImages(train_images, train_labels, train_transform)
    test = ListedImages(test_images, test_labels, test_transform)
    return (
        DataLoader(train, batch_size, sampler=RandomSampler(train), drop_last=False),
        DataLoader(test, batch_size, shuffle=False, drop_last=False),
    )


def prepared_test_set(train_images, train_labels, test_images, test_labels, batch_size):
    train_transform, test_transform = normalise_first()
    ready = torch.stack([test_transform(image) for image in test_images])
    train = LabelledImages(train_images, train_labels, train_transform)
    return (
        DataLoader(train, batch_size=batch_size, shuffle=True, generator=torch.Generator().manual_seed(3)),
        DataLoader(TensorDataset(ready, test_labels), batch_size=batch_size),
    )


def collating_loaders(train_images, train_labels, test_images, test_labels, batch_size):
    def loader(images, labels, transform, shuffle):
        def collate(rows):
            return torch.stack([transform(images[k]) for k in rows]), labels[torch.tensor(rows)]

        return DataLoader(range(len(images)), batch_size, shuffle=shuffle, collate_fn=collate)

    train_transform, test_transform = functional_transforms()
    return loader(train_images, train_labels, train_transform, True), loader(
        test_images, test_labels, test_transform, False
    )


# --- classifiers ---


class OnForward(nn.Module):
    def __init__(self, simclr, num_classes=10):
        super().__init__()
        self.simclr = simclr
        self.fc = nn.Linear(512, num_classes)

    def forward(self, x):
        return self.fc(self.simclr(x)[0])


class OnEncoder(nn.Module):
    def __init__(self, simclr, num_classes=10):
        super().__init__()
        self.encoder = simclr.encoder
        self.linear = nn.Linear(in_features=512, out_features=num_classes)
        self.encoder.requires_grad_(True)

    def forward(self, x):
        return self.linear(torch.flatten(self.encoder(x), 1))


class OnCopy(nn.Module):
    def __init__(self, simclr, num_classes=10):
        super().__init__()
        self.body = copy.deepcopy(simclr)
        self.weight = nn.Parameter(torch.zeros(num_classes, 512))
        self.bias = nn.Parameter(torch.zeros(num_classes))

    def forward(self, x):
        h, _z = self.body(x)
        return F.linear(h, self.weight, self.bias)


class InSequence(nn.Sequential):
    def __init__(self, simclr, num_classes=10):
        super().__init__(simclr.encoder, nn.Flatten(), nn.Linear(512, num_classes))


class AsProduct(nn.Module):
    def __init__(self, simclr, num_classes=10):
        super().__init__()
        self.encoder = simclr.encoder
        self.W = nn.Parameter(0.01 * torch.randn(512, num_classes))
        self.b = nn.Parameter(torch.zeros(num_classes))

    def forward(self, x):
        return torch.einsum("nd,dk->nk", self.encoder(x), self.W) + self.b


class LazyHead(nn.Module):
    def __init__(self, simclr, num_classes=10):
        super().__init__()
        self.backbone, self.head = simclr, nn.LazyLinear(num_classes)

    def forward(self, x):
        features, *_ = self.backbone(x)
        return self.head(features)


# --- one epoch ---


def epoch_with_criterion(model, loader, optimizer, scheduler, device="cpu"):
    criterion = nn.CrossEntropyLoss()
    model.train()
    total_loss, total_correct, total_num = 0.0, 0, 0
    for x, y in tqdm(loader, disable=True):
        x, y = x.to(device), y.to(device)
        logits = model(x)
        loss = criterion(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        n = y.size(0)
        total_loss += loss.item() * n
        total_correct += (logits.argmax(1) == y).sum().item()
        total_num += n
    return total_loss / total_num, total_correct / total_num


def epoch_with_sums(model, loader, optimizer, scheduler, device="cpu"):
    model = model.to(device).train()
    loss_sum = torch.zeros(())
    correct = torch.zeros(())
    images = 0
    for batch in loader:
        x, y = (part.to(device) for part in batch)
        out = model(x)
        losses = F.cross_entropy(out, y, reduction="none")
        losses.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        loss_sum += losses.detach().sum().cpu()
        correct += out.detach().topk(1).indices.squeeze(1).eq(y).float().sum().cpu()
        images += len(y)
    return loss_sum / images, correct / images


def epoch_in_numpy(model, loader, optimizer, scheduler, device="cpu"):
    model.train()
    losses, hits = [], []
    for x, y in loader:
        logits = model(x.to(device))
        log_p = F.log_softmax(logits, dim=-1)
        loss = F.nll_loss(log_p, y.to(device))
        model.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses += [-log_p[k, label].item() for k, label in enumerate(y)]
        hits += (logits.detach().cpu().numpy().argmax(axis=1) == y.numpy()).tolist()
    return [np.mean(losses), np.mean(hits)]


def epoch_with_metric(model, loader, optimizer, scheduler, device="cpu"):
    """Looks at each batch in eval mode before it trains on it, in half precision."""
    total, hits, images = 0.0, 0, 0
    for x, y in loader:
        model.eval()
        with torch.no_grad():
            model(x).softmax(1).max()
        model.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(x)
            loss = F.cross_entropy(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total, images = total + float(loss.detach()) * len(y), images + len(y)
        hits += int((logits.argmax(1) == y).sum())
    return total / images, hits / images


def epoch_with_running_means(model, loader, optimizer, scheduler, device="cpu"):
    model.train()
    seen, mean_loss, accuracy = 0, 0.0, 0.0
    for x, y in loader:
        optimizer.zero_grad()
        logits = model(x)
        loss = (torch.logsumexp(logits, 1) - logits.gather(1, y[:, None]).squeeze(1)).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
        n = len(y)
        seen += n
        mean_loss += (float(loss.detach()) - mean_loss) * n / seen
        accuracy += (float((logits.max(1)[1] == y).float().mean()) - accuracy) * n / seen
    return mean_loss, accuracy


# --- evaluation ---


@torch.no_grad()
def evaluate_with_topk(model, loader, device="cpu"):
    model.eval()
    loss, top1, top5, n = 0.0, 0.0, 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        loss += F.cross_entropy(logits, y).item() * len(y)
        hits = logits.topk(5, dim=1).indices == y.unsqueeze(1)
        top1 += (logits.argmax(1) == y).sum().item()
        top5 += hits.any(1).sum().item()
        n += len(y)
    return loss / n, top1 / n, top5 / n


def evaluate_at_once(model, loader, device="cpu"):
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        logits = torch.cat([model(x.to(device)) for x, _ in loader])
        y = torch.cat([y for _, y in loader]).to(device)
        loss = nn.CrossEntropyLoss()(logits, y)
        order = logits.argsort(dim=1, descending=True)
        top1 = (order[:, 0] == y).float().mean()
        top5 = (order[:, :5] == y[:, None]).any(dim=1).float().mean()
    model.train(was_training)
    return loss, top1, top5


def evaluate_by_rank(model, loader, device="cpu"):
    model = model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    sums, images = np.zeros(3), 0
    for x, y in tqdm(loader, disable=True):
        with torch.set_grad_enabled(False):
            logits = model(x)
        better = (logits > logits.gather(1, y[:, None])).sum(1)
        sums += [criterion(logits, y), (better == 0).sum(), (better < 5).sum()]
        images += len(y)
    return tuple(sums / images)


def evaluate_copy(model, loader, device="cpu"):
    return evaluate_with_topk(copy.deepcopy(model), loader, device)


def _accuracy(output, target, topk=(1,)):
    _, pred = output.topk(max(topk), 1, True, True)
    correct = pred.t().eq(target.view(1, -1).expand_as(pred.t()))
    return [correct[:k].reshape(-1).float().sum(0) / target.size(0) for k in topk]


def evaluate_with_accuracy(model, loader, device="cpu"):
    model.train(mode=False)
    rows = []
    with torch.no_grad():
        for x, y in loader:
            output = model(x.to(device))
            acc1, acc5 = _accuracy(output, y.to(device), topk=(1, 5))
            rows.append((F.cross_entropy(output, y).item(), acc1.item(), acc5.item(), len(y)))
    weights = [row[3] for row in rows]
    return [float(np.average([row[k] for row in rows], weights=weights)) for k in range(3)]


def _variant(transforms, loaders, classifier, epoch, evaluate):
    return {
        "finetune_transforms": transforms,
        "finetune_loaders": loaders,
        "Classifier": classifier,
        "finetune_one_epoch": epoch,
        "evaluate": evaluate,
    }


CORRECT = {
    "v2, criterion, topk": _variant(v2_transforms, plain_loaders, OnForward, epoch_with_criterion, evaluate_with_topk),
    "PIL, sums, all logits at once": _variant(
        pil_transforms, listed_loaders, OnEncoder, epoch_with_sums, evaluate_at_once
    ),
    "functional, NumPy, ranks": _variant(
        functional_transforms, collating_loaders, OnCopy, epoch_in_numpy, evaluate_by_rank
    ),
    "modules, running means, accuracy function": _variant(
        module_transforms, plain_loaders, InSequence, epoch_with_running_means, evaluate_with_accuracy
    ),
    "normalise first, prepared test set, lazy head": _variant(
        normalise_first, prepared_test_set, LazyHead, epoch_with_criterion, evaluate_with_topk
    ),
    "image of torchvision, product, metric beside, copy evaluated": _variant(
        images_of_torchvision, plain_loaders, AsProduct, epoch_with_metric, evaluate_copy
    ),
}
