"""Correct pipelines, data sets, loaders and optimisers in the styles that people write: each must earn all points."""

from __future__ import annotations

import math
import random

import torch
import torch.nn.functional as F
import torchvision.transforms as T
import torchvision.transforms.functional as TF
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, SequentialLR
from torch.utils.data import DataLoader, Dataset, RandomSampler, default_collate
from torchvision.transforms import v2

from .oracle import MEAN, STD


class CollectedViews(Dataset):
    def __init__(self, images, labels, transform):
        self.items = list(zip(images, labels, strict=True))
        self.transform = transform

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        image, label = self.items[index]
        view_i, view_j = [self.transform(image) for _ in range(2)]
        return [view_i, view_j], label


# --- v2 in one Compose; LambdaLR ---


def v2_compose(size=32, strength=0.5, blur=False):
    s = strength
    steps = [
        v2.RandomResizedCrop(size, scale=(0.2, 1.0), antialias=True),
        v2.RandomHorizontalFlip(p=0.5),
        v2.RandomApply([v2.ColorJitter(0.8 * s, 0.8 * s, 0.8 * s, 0.2 * s)], p=0.8),
        v2.RandomGrayscale(p=0.2),
    ]
    if blur:
        steps.append(v2.RandomApply([v2.GaussianBlur(kernel_size=3, sigma=(0.1, 2.0))], p=0.5))
    return v2.Compose([*steps, v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])


def image_of_torchvision(size=32, strength=0.5, blur=False):
    """Views stay ``tv_tensors.Image``, a subclass of Tensor."""
    return v2.Compose([v2.ToImage(), *v2_compose(size, strength, blur).transforms])


class TupleViews(Dataset):
    def __init__(self, images, labels, transform):
        super().__init__()
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, k):
        image = self.images[k]
        view_i, view_j = self.transform(image), self.transform(image)
        return (view_i, view_j), self.labels[k]


def shuffled_loader(images, labels, transform, batch_size, num_workers=0):
    pairs = TupleViews(images, labels, transform)
    return DataLoader(pairs, batch_size, shuffle=True, num_workers=num_workers)


def lambda_schedule(model, lr, weight_decay, warmup_steps, total_steps):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=weight_decay)

    def factor(s):
        if s < warmup_steps:
            return (s + 1) / warmup_steps
        return 0.5 * (1 + math.cos(math.pi * (s - warmup_steps) / (total_steps - warmup_steps)))

    return optimizer, LambdaLR(optimizer, factor)


# --- v1 transforms through PIL; SequentialLR ---


def through_pil(size=32, strength=0.5, blur=False):
    jitter = T.ColorJitter(
        brightness=0.8 * strength, contrast=0.8 * strength, saturation=0.8 * strength, hue=0.2 * strength
    )
    return T.Compose(
        [
            T.ToPILImage(),
            T.RandomResizedCrop(size=(size, size), scale=(0.2, 1.0)),
            T.RandomHorizontalFlip(),
            T.RandomApply([jitter], p=0.8),
            T.RandomGrayscale(p=0.2),
            *([T.RandomApply([T.GaussianBlur(5)], p=0.5)] if blur else []),
            T.ToTensor(),
            T.Normalize(mean=MEAN, std=STD),
        ]
    )


def two_phases(model, lr, weight_decay, warmup_steps, total_steps):
    optimizer = torch.optim.SGD(model.parameters(), lr, 0.9, weight_decay=weight_decay)
    if warmup_steps == 0:
        return optimizer, CosineAnnealingLR(optimizer, T_max=total_steps)
    warmup = LinearLR(optimizer, start_factor=1 / warmup_steps, end_factor=1.0, total_iters=warmup_steps - 1)
    cosine = CosineAnnealingLR(optimizer, T_max=total_steps - warmup_steps)
    return optimizer, SequentialLR(optimizer, [warmup, cosine], milestones=[warmup_steps])


def sampler_loader(images, labels, transform, batch_size, num_workers=0):
    pairs = CollectedViews(images, labels, transform)
    return DataLoader(pairs, batch_size=batch_size, sampler=RandomSampler(pairs), num_workers=num_workers)


# --- float first, other order of steps, a class with __call__; a scheduler of one's own ---


class FloatFirst:
    def __init__(self, size=32, strength=0.5, blur=False):
        s = strength
        self.crop = T.RandomResizedCrop(size, (0.2, 1.0))
        self.jitter = T.ColorJitter(0.8 * s, 0.8 * s, 0.8 * s, 0.2 * s)
        self.blur = T.GaussianBlur((3, 3), (0.1, 2.0)) if blur else None
        self.mean, self.std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]

    def __call__(self, image):
        x = image.float() / 255
        if torch.rand(1).item() < 0.5:
            x = x.flip(-1)
        x = self.crop(x)
        if torch.rand(1).item() < 0.8:
            x = self.jitter(x)
        if torch.rand(1).item() < 0.2:
            x = TF.rgb_to_grayscale(x, num_output_channels=3)
        if self.blur is not None and torch.rand(1).item() < 0.5:
            x = self.blur(x)
        return (x - self.mean) / self.std


class ManualSchedule:
    def __init__(self, optimizer, lr, warmup_steps, total_steps):
        self.optimizer, self.lr, self.warmup, self.total, self.s = optimizer, lr, warmup_steps, total_steps, -1
        self.step()

    def step(self):
        self.s += 1
        if self.s < self.warmup:
            rate = self.lr * (self.s + 1) / self.warmup
        else:
            progress = (self.s - self.warmup) / max(1, self.total - self.warmup)
            rate = self.lr * math.cos(math.pi * progress / 2) ** 2
        for group in self.optimizer.param_groups:
            group["lr"] = rate


def manual_schedule(model, lr, weight_decay, warmup_steps, total_steps):
    parameters = [p for _, p in model.named_parameters()]
    optimizer = torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=weight_decay, foreach=False)
    return optimizer, ManualSchedule(optimizer, lr, warmup_steps, total_steps)


def collating_loader(images, labels, transform, batch_size, num_workers=0):
    def collate(items):
        (x_i, x_j), y = default_collate(items)
        return (x_i, x_j), y

    pairs = TupleViews(images, labels, transform)
    return DataLoader(pairs, batch_size, True, num_workers=num_workers, collate_fn=collate, drop_last=False)


# --- functional, random from Python's module; parameter groups of one's own ---


def functional(size=32, strength=0.5, blur=False):
    def jitter(image):
        low, high = 1 - 0.8 * strength, 1 + 0.8 * strength
        for part in random.sample(range(4), 4):
            if part == 0:
                image = TF.adjust_brightness(image, random.uniform(low, high))
            elif part == 1:
                image = TF.adjust_contrast(image, random.uniform(low, high))
            elif part == 2:
                image = TF.adjust_saturation(image, random.uniform(low, high))
            else:
                image = TF.adjust_hue(image, random.uniform(-0.2 * strength, 0.2 * strength))
        return image

    def transform(image):
        box = T.RandomResizedCrop.get_params(image, scale=[0.2, 1.0], ratio=[3 / 4, 4 / 3])
        image = TF.resized_crop(image, *box, [size, size], TF.InterpolationMode.BICUBIC)
        if random.random() < 0.5:
            image = TF.hflip(image)
        if random.random() < 0.8:
            image = jitter(image)
        if random.random() < 0.2:
            image = TF.rgb_to_grayscale(image, 3)
        if blur and random.random() < 0.5:
            image = TF.gaussian_blur(image, 3, random.uniform(0.1, 2.0))
        return TF.normalize(TF.convert_image_dtype(image, torch.float32), MEAN, STD)

    return transform


def groups_by_part(model, lr, weight_decay, warmup_steps, total_steps):
    groups = [{"params": [p]} for p in model.parameters()]
    optimizer = torch.optim.SGD(groups, lr=lr, momentum=0.9, weight_decay=weight_decay)
    factors = [(s + 1) / warmup_steps for s in range(warmup_steps)]
    rest = total_steps - warmup_steps
    factors += [(1 + math.cos(math.pi * k / rest)) / 2 for k in range(rest + 1)]
    return optimizer, LambdaLR(optimizer, factors.__getitem__)


def views_from_list(images, labels, transform, batch_size, num_workers=0):
    return DataLoader(
        dataset=CollectedViews(images, labels, transform), batch_size=batch_size, shuffle=True, num_workers=num_workers
    )


# --- a scripted Sequential; cosine closed form by LambdaLR with a table ---


def nested_sequential(size=32, strength=0.5, blur=False):
    colour = torch.nn.Sequential(
        T.RandomApply(torch.nn.ModuleList([T.ColorJitter(*[0.8 * strength] * 3, 0.2 * strength)]), p=0.8),
        T.RandomGrayscale(0.2),
    )
    blurring = T.RandomApply([T.GaussianBlur(3)], p=0.5) if blur else torch.nn.Identity()
    geometry = torch.nn.Sequential(T.RandomHorizontalFlip(0.5), T.RandomResizedCrop(size, scale=(0.2, 1)))
    return torch.nn.Sequential(geometry, colour, blurring, T.ConvertImageDtype(torch.float), T.Normalize(MEAN, STD))


class ViewsOfCopies(Dataset):
    def __init__(self, images, labels, transform):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return self.labels.numel()

    def __getitem__(self, index):
        image = self.images[index].clone()
        view_i = self.transform(image)
        view_j = self.transform(image)
        return (view_i, view_j), int(self.labels[index])


def generator_loader(images, labels, transform, batch_size, num_workers=0):
    generator = torch.Generator().manual_seed(7)
    pairs = ViewsOfCopies(images, labels, transform)
    return DataLoader(pairs, batch_size, shuffle=True, num_workers=num_workers, generator=generator, pin_memory=False)


# --- plain tensor code, written for speed: the mistakes are edits of it ---


def resized(x, size):
    return F.interpolate(x.unsqueeze(0), (size, size), mode="bilinear").squeeze(0)


def grayscale(x):
    return TF.rgb_to_grayscale(x, 3)


def by_hand(size=32, strength=0.5, blur=False):
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)

    def crop(x):
        height, width = x.shape[1:]
        for _ in range(10):
            area = height * width * random.uniform(0.2, 1.0)
            ratio = math.exp(random.uniform(math.log(0.75), -math.log(0.75)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if w <= width and h <= height:
                top, left = random.randint(0, height - h), random.randint(0, width - w)
                return resized(x[:, top : top + h, left : left + w], size)
        return resized(x, size)

    def jitter(x):
        reach, turn = 0.8 * strength, 0.2 * strength
        brightness, contrast, saturation = (1 + random.uniform(-reach, reach) for _ in range(3))
        x = (brightness * x).clamp(0, 1)
        x = (contrast * x + (1 - contrast) * grayscale(x).mean()).clamp(0, 1)
        x = (saturation * x + (1 - saturation) * grayscale(x)).clamp(0, 1)
        return TF.adjust_hue(x, random.uniform(-turn, turn)) if turn else x

    def transform(image):
        x = crop(image / 255)
        if random.random() < 0.5:
            x = x.flip(2)
        if random.random() < 0.8:
            x = jitter(x)
        if random.random() < 0.2:
            x = grayscale(x)
        if blur and random.random() < 0.5:
            x = TF.gaussian_blur(x, 3, random.uniform(0.1, 2.0))
        return (x - mean) / std

    return transform


CORRECT = {
    "v2 compose, LambdaLR": {
        "simclr_transform": v2_compose,
        "TwoViews": TupleViews,
        "pretrain_loader": shuffled_loader,
        "make_optimizer": lambda_schedule,
    },
    "v1 through PIL, SequentialLR": {
        "simclr_transform": through_pil,
        "TwoViews": CollectedViews,
        "pretrain_loader": sampler_loader,
        "make_optimizer": two_phases,
    },
    "float first, own schedule": {
        "simclr_transform": FloatFirst,
        "TwoViews": TupleViews,
        "pretrain_loader": collating_loader,
        "make_optimizer": manual_schedule,
    },
    "functional, groups by part": {
        "simclr_transform": functional,
        "TwoViews": CollectedViews,
        "pretrain_loader": views_from_list,
        "make_optimizer": groups_by_part,
    },
    "nested sequential, own generator": {
        "simclr_transform": nested_sequential,
        "TwoViews": ViewsOfCopies,
        "pretrain_loader": generator_loader,
        "make_optimizer": lambda_schedule,
    },
    "image of torchvision, LambdaLR": {
        "simclr_transform": image_of_torchvision,
        "TwoViews": TupleViews,
        "pretrain_loader": shuffled_loader,
        "make_optimizer": lambda_schedule,
    },
    "by hand, LambdaLR": {
        "simclr_transform": by_hand,
        "TwoViews": TupleViews,
        "pretrain_loader": shuffled_loader,
        "make_optimizer": lambda_schedule,
    },
}
