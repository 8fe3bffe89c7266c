"""Mistakes seen in SimCLR pipelines, loaders and optimisers, each an edit of a correct one."""

from __future__ import annotations

from collections.abc import Iterable

from autograder.questions.edits import Edit, edit, edited
from autograder.questions.model import Misconception
from .correct import CORRECT

PLAIN = CORRECT["by hand, LambdaLR"]

FLIP = "x = x.flip(2)"
HALF = "if random.random() < 0.5:"
JITTER = "if random.random() < 0.8:\n            x = jitter(x)"
GREY = "if random.random() < 0.2:\n            x = grayscale(x)"
BLUR = "if blur and random.random() < 0.5:\n            x = TF.gaussian_blur(x, 3, random.uniform(0.1, 2.0))"
CROP = "x = crop(image / 255)"
REACH = "reach, turn = 0.8 * strength, 0.2 * strength"
NORMALISED = "(x - mean) / std"
SHARE_FLIPPED = "The share of flipped views is not a half: check the horizontal flip and its probability."
CROP_SIZES = "Your crops do not have the sizes of a random resized crop from a fifth of the area to all of it."
SHARE_JITTERED = "You do not apply the colour jitter as often as you should: check the probability around it."
SHARE_GREY = "Grey views are not as frequent as they should be: check the grayscale step and its probability."

TRANSFORMS = (
    edit("no flip", SHARE_FLIPPED, f"{HALF}\n            {FLIP}", ""),
    edit("always flipped", SHARE_FLIPPED, HALF, "if random.random() < 1:"),
    edit("vertical flip", "Some views are upside down; exchange only left and right.",
         FLIP, f"{FLIP}\n        {HALF}\n            x = x.flip(1)"),
    edit("no crop", CROP_SIZES, CROP, "x = resized(image / 255, size)"),
    edit("shifted instead of resized", CROP_SIZES,
         CROP, "top, left = random.randint(0, 4), random.randint(0, 4)\n"
         "        x = resized(image / 255, size + 4)[:, top : top + size, left : left + size]"),
    edit("default crop scale",
         "Some crops are smaller than a fifth of the image; check the default scale of the crop.",
         "uniform(0.2, 1.0)", "uniform(0.08, 1.0)"),
    edit("crops too large", CROP_SIZES, "uniform(0.2, 1.0)", "uniform(0.8, 1.0)"),
    edit("jitter always applied", SHARE_JITTERED, "random.random() < 0.8", "random.random() < 1"),
    edit("jitter with p 0.5", SHARE_JITTERED, "random.random() < 0.8", "random.random() < 0.5"),
    edit("no jitter", "Your transform never jitters the colours.", JITTER, ""),
    edit("no brightness", "Your colour jitter never changes the brightness.", "brightness * x", "x"),
    edit("no contrast", "Your colour jitter never changes the contrast.",
         "contrast * x + (1 - contrast) * grayscale(x).mean()", "x"),
    edit("no saturation", "Your colour jitter never changes the saturation.",
         "saturation * x + (1 - saturation) * grayscale(x)", "x"),
    edit("no hue", "Your colour jitter never changes the hue.",
         "TF.adjust_hue(x, random.uniform(-turn, turn)) if turn else x", "x"),
    edit("half of the contrast", "Your contrast jitter has another range than the question gives.",
         "contrast * x + (1 - contrast) * grayscale(x).mean()",
         "(contrast + 1) / 2 * x + (1 - contrast) / 2 * grayscale(x).mean()"),
    edit("half of the saturation", "Your saturation jitter has another range than the question gives.",
         "saturation * x + (1 - saturation) * grayscale(x)",
         "(saturation + 1) / 2 * x + (1 - saturation) / 2 * grayscale(x)"),
    edit("hue as strong as the rest", "Your hue jitter has another range than the question gives; its factor is not that of "
         "the other three.",
         "0.2 * strength", "0.4 * strength"),
    edit("always blurred", "With blur=True you blur all views; blur half of them.",
         "if blur and random.random() < 0.5:", "if blur:"),
    edit("strength of jitter not scaled",
         "Your jitter is too strong; the question gives a factor for each part beside the strength.",
         REACH, "reach, turn = strength, 0.25 * strength"),
    edit("strength ignored", "Your colour jitter does not follow the argument strength.",
         REACH, "reach, turn = 0.4, 0.1"),
    edit("hue without strength", "Your hue jitter does not follow the argument strength.",
         REACH, "reach, turn = 0.8 * strength, 0.1"),
    edit("no grayscale", SHARE_GREY, GREY, ""),
    edit("grayscale with p 0.5", SHARE_GREY, "random.random() < 0.2", "random.random() < 0.5"),
    edit("blur ignored", "In your transform the argument blur changes nothing.", BLUR, ""),
    edit("blur not asked for", "Your transform blurs views although blur is False.",
         BLUR, "x = TF.gaussian_blur(x, 3, 1.5)"),
    edit("not normalised", "Your views stay between 0 and 1; normalise them with the mean and the standard deviation.",
         NORMALISED, "x"),
    edit("not divided by 255", "You normalise bytes; the normalisation expects numbers between 0 and 1.",
         NORMALISED, "(255 * x - mean) / std"),
    edit("normalised twice", "You normalise the views twice.", NORMALISED, "((x - mean) / std - mean) / std"),
    edit("normalised to -1..1", "You normalise the views with 0.5; use the given mean and standard deviation.",
         NORMALISED, "(x - 0.5) / 0.5"),
    edit("constants of ImageNet",
         "You normalise the views with ImageNet's mean and standard deviation; use the given ones.",
         "torch.tensor(MEAN)", "torch.tensor((0.485, 0.456, 0.406))",
         "torch.tensor(STD)", "torch.tensor((0.229, 0.224, 0.225))"),
    edit("other deviations", "You normalise the views with another standard deviation than the given one.",
         "torch.tensor(STD)", "torch.tensor((0.2023, 0.1994, 0.2010))"),
    edit("bytes returned", "Your views are still bytes; return float32.", NORMALISED, "(255 * x).to(torch.uint8)"),
    edit("size ignored", "Your views do not have the shape that the argument size asks for.",
         "mean, std = torch", "size = 32\n    mean, std = torch"),
    edit("same numbers every time",
         "Your transform gives the same view again and again; check whether it sets a seed.",
         CROP, f"random.seed(0)\n        {CROP}"),
)  # fmt: skip

VIEWS = "view_i, view_j = self.transform(image), self.transform(image)"
ITEM = "An item of TwoViews should be ((view_i, view_j), label): the two views in a pair, and the label beside it."

DATASETS = (
    edit("same view twice", "Both views of an item come from one draw; draw each on its own.",
         VIEWS, "view_i = view_j = self.transform(image)"),
    edit("views drawn once",
         "You draw the views when the data set is built, so every epoch sees the same ones.",
         "self.images, self.labels, self.transform = images, labels, transform",
         "self.images, self.labels = images, labels\n"
         "        self.pairs = [(transform(image), transform(image)) for image in images]",
         VIEWS, "view_i, view_j = self.pairs[k]"),
    edit("one view not transformed", "One of your two views is the image itself; both should be random views.",
         VIEWS, "view_i, view_j = image.float(), self.transform(image)"),
    edit("partner is the next image", "The two views of an item show different images.",
         VIEWS, "view_i, view_j = (self.transform(self.images[i % len(self.images)]) for i in (k, k + 1))"),
    edit("index as label", "You return the index of an item as its label; return the given label.",
         "self.labels[k]", "k"),
    edit("no label", ITEM, ", self.labels[k]", ""),
    edit("item of three", ITEM, "(view_i, view_j), self.labels[k]", "view_i, view_j, self.labels[k]"),
    edit("views stacked", ITEM, "(view_i, view_j),", "torch.stack([view_i, view_j]),"),
    edit("images as floats",
         "You give the transform something else than the image as stored, which is a uint8 tensor.",
         "self.images[k]", "self.images[k] / 255"),
    edit("length doubled", "The length of your TwoViews counts views; count images.",
         "return len(self.images)", "return 2 * len(self.images)"),
)  # fmt: skip

DATASET = "TupleViews(images, labels, transform)"

LOADERS = (
    edit("not shuffled", "Every pass goes through the images in their stored order; shuffle them.",
         "shuffle=True", "shuffle=False"),
    edit("last batch dropped", "You drop the last, smaller batch; keep it.", "shuffle=True", "shuffle=True, drop_last=True"),
    edit("batch size ignored", "The size of your batches does not follow the argument batch_size.",
         "pairs, batch_size", "pairs, 4"),
    edit("shuffled once", "Two passes go through the images in the same order; each pass needs a new one.",
         DATASET, "TupleViews(images[order], labels[order], transform)",
         "pairs =", "order = torch.randperm(len(images))\n    pairs =", "shuffle=True", "shuffle=False"),
    edit("labels left behind", "You shuffle images and labels apart, so the labels belong to other images.",
         DATASET, "TupleViews(images[torch.randperm(len(images))], labels, transform)"),
    edit("with replacement", "Some images come twice in a pass and some never.",
         "shuffle=True", "sampler=RandomSampler(pairs, replacement=True)"),
    edit("one view per image",
         "A batch should be ((x_i, x_j), labels): both views of each image in a pair, and the labels beside it.",
         DATASET, "[(transform(image), label) for image, label in zip(images, labels, strict=True)]"),
)  # fmt: skip

PARAMETERS, MOMENTUM, DECAY = "model.parameters()", "momentum=0.9", "weight_decay=weight_decay"
SGD = f"torch.optim.SGD({PARAMETERS}, lr=lr, {MOMENTUM}"
COSINE = "0.5 * (1 + math.cos(math.pi * (s - warmup_steps) / (total_steps - warmup_steps)))"
BOTH = "return optimizer, LambdaLR(optimizer, factor)"

OPTIMIZERS = (
    edit("no momentum", "Your optimiser has no momentum.", MOMENTUM, "momentum=0.0"),
    edit("Nesterov momentum", "Your optimiser uses Nesterov momentum; the question asks for the plain one.",
         MOMENTUM, f"{MOMENTUM}, nesterov=True"),
    edit("dampened momentum", "Your optimiser dampens the gradients that enter its momentum.",
         MOMENTUM, f"{MOMENTUM}, dampening=0.9"),
    edit("no weight decay", "The argument weight_decay does not reach your optimiser.", DECAY, "weight_decay=0.0"),
    edit("weight decay on matrices only",
         "Your weight decay leaves out biases and batch-norm weights; here it applies to all parameters.",
         "optimizer = torch.optim.SGD(model.parameters()",
         "matrices = [p for p in model.parameters() if p.ndim > 1]\n"
         "    rest = {'params': [p for p in model.parameters() if p.ndim <= 1], 'weight_decay': 0.0}\n"
         "    optimizer = torch.optim.SGD([{'params': matrices}, rest]"),
    edit("Adam", "Your optimiser is Adam; the question asks for SGD with momentum.",
         SGD, "torch.optim.Adam(model.parameters(), lr=lr"),
    edit("AdamW", "Your optimiser is AdamW; the question asks for SGD with momentum.",
         SGD, "torch.optim.AdamW(model.parameters(), lr=lr"),
    edit("encoder only", "Your optimiser leaves out a part of the model's parameters.",
         PARAMETERS, "model.encoder.parameters()"),
    edit("parts named one by one",
         "Your optimiser leaves out a parameter outside the encoder and the head; ask the model for all its parameters.",
         PARAMETERS, "[*model.encoder.parameters(), *model.head.parameters()]"),
    edit("warm-up from zero", "Your first step has learning rate 0; count the steps of the warm-up from one.",
         "(s + 1)", "s"),
    edit("cosine from the start", "You count the cosine from the first step; it begins where the warm-up ends.",
         "(s - warmup_steps) / (total_steps - warmup_steps)", "s / total_steps"),
    edit("steps counted one off",
         "Your warm-up or your cosine is a step too long or too short; compare the learning rates of the first and the "
         "last step with the formula.",
         BOTH, "warmup = LinearLR(optimizer, 1 / warmup_steps, total_iters=warmup_steps)\n"
         "    cosine = CosineAnnealingLR(optimizer, total_steps - warmup_steps - 1)\n"
         "    return optimizer, SequentialLR(optimizer, [warmup, cosine], [warmup_steps])"),
    edit("a warm-up of no steps divides by zero",
         "With warmup_steps = 0 you divide by zero; without a warm-up the cosine starts at once.",
         "    def factor(s):\n", "    def factor(s):\n        first = 1 / warmup_steps\n",
         "(s + 1) / warmup_steps", "(s + 1) * first"),
    edit("no warm-up", "Your learning rate has no warm-up.",
         BOTH, "return optimizer, CosineAnnealingLR(optimizer, total_steps)"),
    edit("no decay", "Your learning rate stays constant after the warm-up; a cosine should follow.", COSINE, "1.0"),
    edit("linear decay", "After the warm-up your learning rate falls in a straight line, not as a cosine.",
         COSINE, "1 - (s - warmup_steps) / (total_steps - warmup_steps)"),
    edit("lr not passed on", "Your learning rate does not follow the argument lr.", "lr=lr", "lr=0.1"),
    edit("scheduler first", "You return the scheduler first; return the optimizer first, then the scheduler.",
         BOTH, "return LambdaLR(optimizer, factor), optimizer"),
)  # fmt: skip


def _in_place_of(name: str, edits: Iterable[Edit]) -> tuple[Misconception, ...]:
    """Misconceptions of one function, beside the other three as they should be."""
    return tuple(Misconception(e.id, e.hint, {**PLAIN, name: edited(PLAIN[name], e)}) for e in edits)


MISCONCEPTIONS = (
    *_in_place_of("simclr_transform", TRANSFORMS),
    *_in_place_of("TwoViews", DATASETS),
    *_in_place_of("pretrain_loader", LOADERS),
    *_in_place_of("make_optimizer", OPTIMIZERS),
)
