"""Mistakes seen in SimCLR pipelines, loaders and optimisers, each a small change of a right one."""

from __future__ import annotations

import math
import random

import torch
import torch.nn.functional as F
import torchvision.transforms.functional as TF
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR
from torch.utils.data import DataLoader, Dataset

from autograder.questions.model import Misconception
from .oracle import MEAN, STD
from .correct import (
    TupleViews,
    lambda_schedule,
    shuffled_loader,
)


def _crop(scale=(0.2, 1.0)):
    def crop(x, size):
        height, width = x.shape[1:]
        for _ in range(10):
            area, ratio = (
                height * width * random.uniform(*scale),
                math.exp(random.uniform(math.log(0.75), -math.log(0.75))),
            )
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if w <= width and h <= height:
                top, left = random.randint(0, height - h), random.randint(0, width - w)
                return _resize(x[:, top : top + h, left : left + w], size)
        return _resize(x, size)

    return crop


def _resize(x, size):
    return F.interpolate(x.unsqueeze(0), (size, size), mode="bilinear").squeeze(0)


def _shift(x, size):
    top, left = random.randint(0, 4), random.randint(0, 4)
    return _resize(x, size + 4)[:, top : top + size, left : left + size]


def _flip(axis, p=0.5):
    return lambda x: x.flip(axis) if random.random() < p else x


def _jitter(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8):
    def jitter(x, s):
        if random.random() >= p:
            return x
        factors = [1 + random.uniform(-part * s, part * s) for part in (brightness, contrast, saturation)]
        x = (x * factors[0]).clamp(0, 1)
        grey = TF.rgb_to_grayscale(x, 3)
        x = (x * factors[1] + grey.mean() * (1 - factors[1])).clamp(0, 1)
        x = (x * factors[2] + TF.rgb_to_grayscale(x, 3) * (1 - factors[2])).clamp(0, 1)
        return TF.adjust_hue(x, random.uniform(-hue * s, hue * s)) if hue * s else x

    return jitter


def _greyscale(p):
    return lambda x: TF.rgb_to_grayscale(x, 3) if random.random() < p else x


def _blur(x, wanted):
    return TF.gaussian_blur(x, 3, random.uniform(0.1, 2.0)) if wanted and random.random() < 0.5 else x


def _normalise(mean=MEAN, std=STD):
    mean, std = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
    return lambda x: (x - mean) / std


_RIGHT_STEPS = {
    "crop": _crop(),
    "flip": _flip(2),
    "jitter": _jitter(),
    "grey": _greyscale(0.2),
    "blur": _blur,
    "normalise": _normalise(),
    "strength_of": lambda strength: strength,
    "size_of": lambda size: size,
}


def _pipeline(seed=None, **replaced):
    """A right ``simclr_transform``, written for speed, in which each step can be replaced."""

    step = {**_RIGHT_STEPS, **replaced}

    def simclr_transform(size=32, strength=0.5, blur=False):
        def transform(image):
            if seed is not None:
                random.seed(seed)
            x = step["flip"](step["crop"](image / 255, step["size_of"](size)))
            x = step["grey"](step["jitter"](x, step["strength_of"](strength)))
            return step["normalise"](step["blur"](x, blur))

        return transform

    return simclr_transform


def _as_it_is(x, _=None):
    return x


def _twice(x):
    return _normalise()(_normalise()(x))


RIGHT = {
    "simclr_transform": _pipeline(),
    "TwoViews": TupleViews,
    "pretrain_loader": shuffled_loader,
    "make_optimizer": lambda_schedule,
}

_TRANSFORMS = (
    ("no flip", _pipeline(flip=_as_it_is), "The share of flipped views is not a half: look at the horizontal "
        "flip and its probability."),
    ("always flipped", _pipeline(flip=_flip(2, p=1)),
     "The share of flipped views is not a half: look at the horizontal flip and its probability."),
    ("vertical flip", _pipeline(flip=lambda x: _flip(1)(_flip(2)(x))),
     "Some views are upside down; only left and right may be exchanged."),
    ("no crop", _pipeline(crop=_resize),
     "The crops do not have the range of sizes asked for: a random resized crop, from a fifth of the area to "
     "all of it."),
    ("shifted instead of resized", _pipeline(crop=_shift),
     "The crops do not have the range of sizes asked for: a random resized crop, from a fifth of the area to "
     "all of it."),
    ("default crop scale", _pipeline(crop=_crop((0.08, 1.0))),
     "Some crops are smaller than a fifth of the image; look at the default of the crop's scale."),
    ("crops too large", _pipeline(crop=_crop((0.8, 1.0))),
     "The crops do not have the range of sizes asked for: a random resized crop, from a fifth of the area to "
     "all of it."),
    ("jitter always applied", _pipeline(jitter=_jitter(p=1.0)),
     "The colour jitter is not applied as often as asked: look at the probability around it."),
    ("jitter with p 0.5", _pipeline(jitter=_jitter(p=0.5)),
     "The colour jitter is not applied as often as asked: look at the probability around it."),
    ("no jitter", _pipeline(jitter=_as_it_is), "No view has its colours jittered."),
    ("no brightness", _pipeline(jitter=_jitter(brightness=0)), "The colour jitter never changes the brightness."),
    ("no contrast", _pipeline(jitter=_jitter(contrast=0)), "The colour jitter never changes the contrast."),
    ("no saturation", _pipeline(jitter=_jitter(saturation=0)), "The colour jitter never changes the saturation."),
    ("no hue", _pipeline(jitter=_jitter(hue=0)), "The colour jitter never changes the hue."),
    ("strength of jitter not scaled", _pipeline(jitter=_jitter(1, 1, 1, 0.25)),
     "The jitter is stronger than asked; the statement gives a factor for each part beside the strength."),
    ("strength ignored", _pipeline(strength_of=lambda _: 0.5),
     "The colour jitter does not follow the argument strength."),
    ("no grayscale", _pipeline(grey=_as_it_is), "Grey views are not as frequent as asked: look at the "
        "grayscale step and its probability."),
    ("grayscale with p 0.5", _pipeline(grey=_greyscale(0.5)),
     "Grey views are not as frequent as asked: look at the grayscale step and its probability."),
    ("blur ignored", _pipeline(blur=_as_it_is), "The argument blur changes nothing."),
    ("blur not asked for", _pipeline(blur=lambda x, _: TF.gaussian_blur(x, 3, 1.5)),
     "Views are blurred although blur is False."),
    ("not normalised", _pipeline(normalise=_as_it_is),
     "The views stay between 0 and 1; mean and standard deviation are not taken out."),
    ("not divided by 255", _pipeline(normalise=lambda x: _normalise()(255 * x)),
     "The normalisation is applied to bytes; it expects numbers between 0 and 1."),
    ("normalised twice", _pipeline(normalise=_twice),
     "Mean and standard deviation are taken out twice."),
    ("normalised to -1..1", _pipeline(normalise=_normalise((0.5,) * 3, (0.5,) * 3)),
     "The views are normalised with 0.5; use the given mean and standard deviation."),
    ("constants of ImageNet", _pipeline(normalise=_normalise((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))),
     "The views are normalised with ImageNet's mean and standard deviation; use the given ones."),
    ("other deviations", _pipeline(normalise=_normalise(MEAN, (0.2023, 0.1994, 0.2010))),
     "The views are normalised with another standard deviation than the given one."),
    ("bytes returned", _pipeline(normalise=lambda x: (255 * x).to(torch.uint8)),
     "The views are still bytes; they are asked for as float32."),
    ("size ignored", _pipeline(size_of=lambda _: 32), "The views do not have the shape that the argument "
        "size asks for."),
    ("same numbers every time", _pipeline(seed=0),
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
    ("no label", NoLabel, "An item of TwoViews is not ((view_i, view_j), label): the two views in a pair, "
        "and the label beside it."),
    ("item of three", FlatItem, "An item of TwoViews is not ((view_i, view_j), label): the two views in a "
        "pair, and the label beside it."),
    ("views stacked", StackedViews, "An item of TwoViews is not ((view_i, view_j), label): the two views in "
        "a pair, and the label beside it."),
    ("images as floats", FloatImages, "The transform is given something else than the image as stored, which "
        "is a uint8 tensor."),
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
    ("one view per image", _loader(_PlainItems), "A batch is not ((x_i, x_j), labels): it needs both views "
        "of each image, and the labels beside them."),
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
    ("scheduler first", _pair_exchanged, "The first of the two returned things is not the optimiser; the "
        "order asked for is optimizer, scheduler."),
)  # fmt: skip


def _misconceptions(function, table):
    return tuple(Misconception(name, hint, {**RIGHT, function: wrong}) for name, wrong, hint in table)


MISCONCEPTIONS = (
    *_misconceptions("simclr_transform", _TRANSFORMS),
    *_misconceptions("TwoViews", _DATASETS),
    *_misconceptions("pretrain_loader", _LOADERS),
    *_misconceptions("make_optimizer", _OPTIMIZERS),
)
