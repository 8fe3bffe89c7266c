"""Mistakes seen in SimCLR pipelines, loaders and optimisers, each a small change of a right one."""

from __future__ import annotations

import math

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from autograder.questions.model import Misconception
from autograder.questions.simclr.augmentation.oracle import MEAN, STD
from autograder.questions.simclr.augmentation.variants import (
    TupleViews,
    lambda_schedule,
    shuffled_loader,
    v2_compose,
)

RIGHT = {
    "simclr_transform": v2_compose,
    "TwoViews": TupleViews,
    "pretrain_loader": shuffled_loader,
    "make_optimizer": lambda_schedule,
}


def _pipeline(
    crop=lambda size: v2.RandomResizedCrop(size, scale=(0.2, 1.0)),
    flip=lambda: v2.RandomHorizontalFlip(),
    jitter=lambda s: v2.RandomApply([v2.ColorJitter(0.8 * s, 0.8 * s, 0.8 * s, 0.2 * s)], p=0.8),
    grey=lambda: v2.RandomGrayscale(0.2),
    blur=lambda wanted: [v2.RandomApply([v2.GaussianBlur(3, (0.1, 2.0))], p=0.5)] if wanted else [],
    convert=lambda: [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)],
    strength_of=lambda strength: strength,
):
    """A ``simclr_transform`` in which each step can be replaced."""

    def simclr_transform(size=32, strength=0.5, blur=False):
        colour = [jitter(strength_of(strength)), grey()]
        return v2.Compose([crop(size), flip(), *colour, *make_blur(blur), *convert()])

    make_blur = blur
    return simclr_transform


def _jitter(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8):
    def make(s):
        return v2.RandomApply([v2.ColorJitter(brightness * s, contrast * s, saturation * s, hue * s)], p=p)

    return make


def _nothing():
    return v2.Identity()


def _frozen_size(size=32, strength=0.5, blur=False):
    return v2_compose(32, strength, blur)


def _same_numbers_every_time(size=32, strength=0.5, blur=False):
    transform = v2_compose(size, strength, blur)

    def fixed(image):
        torch.manual_seed(0)
        return transform(image)

    return fixed


_SCALED = v2.ToDtype(torch.float32, scale=True)
_IMAGENET = v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_OFTEN_COPIED = v2.Normalize((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))

_TRANSFORMS = (
    ("no flip", _pipeline(flip=_nothing), "No view is flipped; the views need a random horizontal flip."),
    ("always flipped", _pipeline(flip=lambda: v2.RandomHorizontalFlip(1.0)),
     "Every view is flipped; half of them should be."),
    ("vertical flip", _pipeline(flip=lambda: v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()])),
     "Some views are upside down; only left and right may be exchanged."),
    ("no crop", _pipeline(crop=lambda size: v2.Resize((size, size))),
     "Every view shows the whole image; the views need a random resized crop."),
    ("shifted instead of resized", _pipeline(crop=lambda size: v2.Compose([v2.Resize(36), v2.RandomCrop(size)])),
     "All crops have the same size; their area should vary and be resized."),
    ("default crop scale", _pipeline(crop=lambda size: v2.RandomResizedCrop(size)),
     "Some crops are smaller than a fifth of the image; look at the default of the crop's scale."),
    ("crops too large", _pipeline(crop=lambda size: v2.RandomResizedCrop(size, scale=(0.8, 1.0))),
     "The crops keep most of the image; look at the smallest part of the area that the statement allows."),
    ("jitter always applied", _pipeline(jitter=_jitter(p=1.0)),
     "The colour jitter is applied to every view; it should be left out now and then."),
    ("jitter with p 0.5", _pipeline(jitter=_jitter(p=0.5)),
     "The colour jitter is applied to half of the views; compare its probability with the statement."),
    ("no jitter", _pipeline(jitter=lambda s: v2.Identity()), "No view has its colours jittered."),
    ("no brightness", _pipeline(jitter=_jitter(brightness=0)), "The colour jitter never changes the brightness."),
    ("no contrast", _pipeline(jitter=_jitter(contrast=0)), "The colour jitter never changes the contrast."),
    ("no saturation", _pipeline(jitter=_jitter(saturation=0)), "The colour jitter never changes the saturation."),
    ("no hue", _pipeline(jitter=_jitter(hue=0)), "The colour jitter never changes the hue."),
    ("strength of jitter not scaled", _pipeline(jitter=_jitter(1, 1, 1, 0.25)),
     "The jitter is stronger than asked; the statement gives a factor for each part beside the strength."),
    ("strength ignored", _pipeline(strength_of=lambda _: 0.5),
     "The colour jitter does not follow the argument strength."),
    ("no grayscale", _pipeline(grey=_nothing), "No view is turned to grey levels."),
    ("grayscale with p 0.5", _pipeline(grey=lambda: v2.RandomGrayscale(0.5)),
     "Too many views are turned to grey levels; compare the probability with the statement."),
    ("blur ignored", _pipeline(blur=lambda _: []), "The argument blur changes nothing."),
    ("blur not asked for", _pipeline(blur=lambda _: [v2.GaussianBlur(3, (1.0, 2.0))]),
     "Views are blurred although blur is False."),
    ("not normalised", _pipeline(convert=lambda: [_SCALED]),
     "The views stay between 0 and 1; mean and standard deviation are not taken out."),
    ("not divided by 255", _pipeline(convert=lambda: [v2.ToDtype(torch.float32), v2.Normalize(MEAN, STD)]),
     "The normalisation is applied to bytes; it expects numbers between 0 and 1."),
    ("normalised twice", _pipeline(convert=lambda: [_SCALED, v2.Normalize(MEAN, STD), v2.Normalize(MEAN, STD)]),
     "Mean and standard deviation are taken out twice."),
    ("normalised to -1..1", _pipeline(convert=lambda: [_SCALED, v2.Normalize((0.5,) * 3, (0.5,) * 3)]),
     "The views are normalised with 0.5; use the given mean and standard deviation."),
    ("constants of ImageNet", _pipeline(convert=lambda: [_SCALED, _IMAGENET]),
     "The views are normalised with ImageNet's mean and standard deviation; use the given ones."),
    ("other deviations", _pipeline(convert=lambda: [_SCALED, _OFTEN_COPIED]),
     "The views are normalised with another standard deviation than the given one."),
    ("bytes returned", _pipeline(convert=lambda: []), "The views are still bytes; they are asked for as float32."),
    ("size ignored", _frozen_size, "The size of the views does not follow the argument size."),
    ("same numbers every time", _same_numbers_every_time,
     "The transform gives the same view again and again; look for a seed that is set inside it."),
)  # fmt: skip


class SameViewTwice(TupleViews):
    def __getitem__(self, k):
        view = self.transform(self.images[k])
        return (view, view), self.labels[k]


class ViewsDrawnOnce(TupleViews):
    def __init__(self, images, labels, transform):
        super().__init__(images, labels, transform)
        self.pairs = [(transform(image), transform(image)) for image in images]

    def __getitem__(self, k):
        return self.pairs[k], self.labels[k]


class OneViewPlain(TupleViews):
    def __getitem__(self, k):
        return (self.images[k].float(), self.transform(self.images[k])), self.labels[k]


class NextImage(TupleViews):
    def __getitem__(self, k):
        partner = (k + 1) % len(self.images)
        return (self.transform(self.images[k]), self.transform(self.images[partner])), self.labels[k]


class IndexAsLabel(TupleViews):
    def __getitem__(self, k):
        return super().__getitem__(k)[0], k


class NoLabel(TupleViews):
    def __getitem__(self, k):
        return super().__getitem__(k)[0]


class FlatItem(TupleViews):
    def __getitem__(self, k):
        (view_i, view_j), label = super().__getitem__(k)
        return view_i, view_j, label


class StackedViews(TupleViews):
    def __getitem__(self, k):
        views, label = super().__getitem__(k)
        return torch.stack(views), label


class FloatImages(TupleViews):
    def __getitem__(self, k):
        image = self.images[k] / 255
        return (self.transform(image), self.transform(image)), self.labels[k]


class TwiceAsLong(TupleViews):
    def __len__(self):
        return 2 * len(self.images)


_DATASETS = (
    ("same view twice", SameViewTwice, "Both views of an item come from one draw; each needs its own."),
    ("views drawn once", ViewsDrawnOnce,
     "The views are drawn when the data set is built, so every epoch sees the same ones."),
    ("one view not transformed", OneViewPlain, "One of the two views is the image itself; both are random views."),
    ("partner is the next image", NextImage, "The two views of an item show different images."),
    ("index as label", IndexAsLabel, "The label of an item is its index; return the given label."),
    ("no label", NoLabel, "An item holds only its two views; its label is missing."),
    ("item of three", FlatItem, "An item is a flat triple; the two views belong together in a pair of their own."),
    ("views stacked", StackedViews, "The two views are stacked in one tensor; return them as a pair."),
    ("images as floats", FloatImages, "The transform is given a float image; it expects the bytes."),
    ("length doubled", TwiceAsLong, "The length counts views; it should count images."),
)  # fmt: skip


def _loader(dataset=TupleViews, **options):
    def pretrain_loader(images, labels, transform, batch_size, num_workers=0):
        return DataLoader(dataset(images, labels, transform), **{"batch_size": batch_size, "shuffle": True, **options})

    return pretrain_loader


class _PlainItems(Dataset):
    def __init__(self, images, labels, transform):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, k):
        return self.transform(self.images[k]), self.labels[k]


def _once_shuffled(images, labels, transform, batch_size, num_workers=0):
    order = torch.randperm(len(images))
    return DataLoader(TupleViews(images[order], labels[order], transform), batch_size)


def _images_shuffled_alone(images, labels, transform, batch_size, num_workers=0):
    return shuffled_loader(images[torch.randperm(len(images))], labels, transform, batch_size)


def _with_replacement(images, labels, transform, batch_size, num_workers=0):
    pairs = TupleViews(images, labels, transform)
    return DataLoader(pairs, batch_size, sampler=torch.utils.data.RandomSampler(pairs, replacement=True))


_LOADERS = (
    ("not shuffled", _loader(shuffle=False), "Every pass goes through the images in their stored order; shuffle them."),
    ("last batch dropped", _loader(drop_last=True), "The last, smaller batch is dropped; it should be kept."),
    ("batch size ignored", _loader(batch_size=4), "The size of the batches does not follow the argument batch_size."),
    ("shuffled once", _once_shuffled,
     "Two passes go through the images in one and the same order; each pass needs a new one."),
    ("labels left behind", _images_shuffled_alone,
     "Images and labels are shuffled apart, so the labels belong to other images."),
    ("with replacement", _with_replacement, "Some images come twice in a pass and some never."),
    ("one view per image", _loader(_PlainItems), "A batch holds one view of each image; it needs both."),
)  # fmt: skip


def _sgd(model, lr, weight_decay, momentum=0.9, **options):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay, **options)


def _factors(warmup_steps, total_steps, offset=1, cosine_from=None):
    start = warmup_steps if cosine_from is None else cosine_from

    def factor(s):
        if s < warmup_steps:
            return (s + offset) / warmup_steps
        return (1 + math.cos(math.pi * (s - start) / (total_steps - start))) / 2

    return factor


def _scheduled(optimizer_of=_sgd, **schedule):
    def make_optimizer(model, lr, weight_decay, warmup_steps, total_steps):
        optimizer = optimizer_of(model, lr, weight_decay)
        return optimizer, LambdaLR(optimizer, _factors(warmup_steps, total_steps, **schedule))

    return make_optimizer


def _no_warmup(model, lr, weight_decay, warmup_steps, total_steps):
    optimizer = _sgd(model, lr, weight_decay)
    return optimizer, CosineAnnealingLR(optimizer, total_steps)


def _constant(model, lr, weight_decay, warmup_steps, total_steps):
    optimizer = _sgd(model, lr, weight_decay)
    return optimizer, LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / warmup_steps))


def _linear_decay(model, lr, weight_decay, warmup_steps, total_steps):
    optimizer = _sgd(model, lr, weight_decay)
    rest = total_steps - warmup_steps
    return optimizer, LambdaLR(
        optimizer, lambda s: (s + 1) / warmup_steps if s < warmup_steps else 1 - (s - warmup_steps) / rest
    )


def _late_cosine(model, lr, weight_decay, warmup_steps, total_steps):
    optimizer = _sgd(model, lr, weight_decay)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warmup_steps, total_iters=warmup_steps)
    cosine = CosineAnnealingLR(optimizer, total_steps - warmup_steps - 1)
    return optimizer, torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], [warmup_steps])


def _pair_exchanged(*arguments):
    return lambda_schedule(*arguments)[::-1]


def _encoder_only(model, lr, weight_decay):
    return torch.optim.SGD(model.encoder.parameters(), lr=lr, momentum=0.9, weight_decay=weight_decay)


def _named_parts(model, lr, weight_decay):
    parameters = [*model.encoder.parameters(), *model.head.parameters()]
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=weight_decay)


def _decay_on_matrices(model, lr, weight_decay):
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=lr, momentum=0.9)


_OPTIMIZERS = (
    ("no momentum", _scheduled(lambda m, lr, decay: _sgd(m, lr, decay, momentum=0.0)),
     "The optimiser has no momentum."),
    ("Nesterov momentum", _scheduled(lambda m, lr, decay: _sgd(m, lr, decay, nesterov=True)),
     "The optimiser uses Nesterov momentum; the statement asks for the plain one."),
    ("dampened momentum", _scheduled(lambda m, lr, decay: _sgd(m, lr, decay, dampening=0.9)),
     "The optimiser dampens the gradients that enter its momentum."),
    ("no weight decay", _scheduled(lambda m, lr, decay: _sgd(m, lr, 0.0)),
     "The argument weight_decay does not reach the optimiser."),
    ("weight decay on matrices only", _scheduled(_decay_on_matrices),
     "Biases and batch-norm weights escape the weight decay; here it applies to all parameters."),
    ("Adam", _scheduled(lambda m, lr, decay: torch.optim.Adam(m.parameters(), lr, weight_decay=decay)),
     "The optimiser is Adam; the statement asks for SGD with momentum."),
    ("AdamW", _scheduled(lambda m, lr, decay: torch.optim.AdamW(m.parameters(), lr, weight_decay=decay)),
     "The optimiser is AdamW; the statement asks for SGD with momentum."),
    ("encoder only", _scheduled(_encoder_only), "The optimiser leaves a part of the model's parameters alone."),
    ("parts named one by one", _scheduled(_named_parts),
     "A parameter outside the encoder and the head is not trained; ask the model for all its parameters."),
    ("warm-up from zero", _scheduled(offset=0),
     "The first step has learning rate 0; the warm-up counts its steps from one."),
    ("cosine from the start", _scheduled(cosine_from=0),
     "The cosine is counted from the first step; it begins where the warm-up ends."),
    ("steps counted one off", _late_cosine,
     "Warm-up or cosine is stretched by a step; compare the rates of the first and the last step with the formula."),
    ("no warm-up", _no_warmup, "The learning rate has no warm-up."),
    ("no decay", _constant, "The learning rate stays constant after the warm-up; a cosine should follow."),
    ("linear decay", _linear_decay, "The learning rate falls in a straight line after the warm-up, not as a cosine."),
    ("lr not passed on", _scheduled(lambda m, lr, decay: _sgd(m, 0.1, decay)),
     "The learning rate does not follow the argument lr."),
    ("scheduler first", _pair_exchanged, "The scheduler is returned first; the order asked for is optimizer, scheduler."),
)  # fmt: skip


def _misconceptions(function, table):
    return tuple(Misconception(name, hint, {**RIGHT, function: wrong}) for name, wrong, hint in table)


MISCONCEPTIONS = (
    *_misconceptions("simclr_transform", _TRANSFORMS),
    *_misconceptions("TwoViews", _DATASETS),
    *_misconceptions("pretrain_loader", _LOADERS),
    *_misconceptions("make_optimizer", _OPTIMIZERS),
)
