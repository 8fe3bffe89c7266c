"""Mistakes seen in SimCLR models, each an edit of a correct one."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions
from .correct import IdentityLayers

CONVOLUTION = "self.encoder.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)"
MAX_POOL = "self.encoder.maxpool = nn.Identity()"
FC = "self.encoder.fc = nn.Identity()"
FIRST, LAST = "nn.Linear(512, 512)", "nn.Linear(512, projection_dim)"
RELU = "nn.ReLU(inplace=True)"
H, Z = "h = self.encoder(x)", "self.projector(h)"
PAIR = f"return h, {Z}"
NO_GRADIENT = (
    "No gradient flows from z back into the encoder, so the loss never trains it: look for a cut in the graph."
)

_START = "Weights of your model start with equal numbers, such as zero, and nothing moves them apart; leave that to the layers."

EDITS = (
    edit("projection returned twice",
         "Your first output is the projection; return the encoder's output h first and the projection second.",
         H, "z = self.projector(self.encoder(x))", PAIR, "return z, z"),
    edit("h returned twice",
         "Your second output is the encoder's output; put it through the projection head first.",
         PAIR, "return h, h"),
    edit("h and z exchanged", "You return the projection first; return h first, then z.",
         PAIR, f"return {Z}, h"),
    edit("only z returned",
         "You return a single tensor; return the encoder's output and the projection as a pair.",
         PAIR, f"return {Z}"),
    edit("h after fc",
         "You take h after ResNet's classification layer fc; take what that layer is given.",
         FC, "", FIRST, "nn.Linear(1000, 512)"),
    edit("ImageNet stem",
         "Your encoder still has the stem for images of 224 pixels; check the first convolution and the max-pool.",
         CONVOLUTION, "", MAX_POOL, ""),
    edit("ImageNet convolution",
         "You took the max-pool out, but your first convolution is still the 7 x 7 one with stride 2.",
         "kernel_size=3, stride=1, padding=1", "kernel_size=7, stride=2, padding=3"),
    edit("max-pool left in", "Your first convolution is correct, but the max-pool after it is still there.",
         MAX_POOL, ""),
    edit("stem with stride 2", "Your first convolution halves the image; check its stride.",
         "stride=1", "stride=2"),
    edit("stem without padding", "Your first convolution makes the image two pixels smaller; check its padding.",
         "padding=1", "padding=0"),
    edit("deeper ResNet", "Your encoder is deeper than a ResNet-18.",
         "resnet18", "resnet34"),
    edit("h not flattened",
         "Your h still has the two axes of size 1 that the average pooling leaves; flatten it to (n, 512).",
         FC, "self.encoder = nn.Sequential(*list(self.encoder.children())[:-1])", Z, "self.projector(h.flatten(1))"),
    edit("h squeezed",
         "Your squeeze() also removes the batch axis when the batch has one image; flatten only the axes after it.",
         FC, "self.encoder = nn.Sequential(*list(self.encoder.children())[:-1])", H, f"{H}.squeeze()"),
    edit("head without ReLU",
         "Your head has no non-linearity between its two linear layers, so they amount to a single one.",
         f"{RELU}, ", ""),
    edit("head of one layer", "Your projection head has one linear layer; it needs a hidden one.",
         f"{FIRST}, {RELU}, ", ""),
    edit("head of three layers", "Your projection head has more than two linear layers.",
         RELU, f"nn.ReLU(), {FIRST}, nn.ReLU()"),
    edit("narrow hidden layer", "The hidden layer of your head is as wide as z; make it as wide as h.",
         LAST, "nn.Linear(projection_dim, projection_dim)", FIRST, LAST),
    edit("wide hidden layer", "The hidden layer of your head is wider than h; make it as wide as h.",
         FIRST, "nn.Linear(512, 2048)", LAST, "nn.Linear(2048, projection_dim)"),
    edit("batch norm in the head",
         "Your head has batch norm, and the head of this assignment has none: compare it with the question.",
         RELU, "nn.BatchNorm1d(512), nn.ReLU()"),
    edit("batch statistics in the head", "Your head normalises over the batch, and the head of this assignment has no batch "
         "norm: compare it with the question.",
         RELU, "nn.BatchNorm1d(512, affine=False), nn.ReLU()"),
    edit("head in a list", "You keep layers of the head in a plain list, so the model does not register them and an optimiser "
         "never sees them.",
         "self.projector = nn.Sequential(", "self.layers = (", Z,
         "self.layers[2](self.layers[1](self.layers[0](h)))"),
    edit("all weights zero", _START, LAST + ")", LAST + ")\n        for weight in self.parameters():\n"
         "            nn.init.zeros_(weight)"),
    edit("head starts at zero", _START, LAST + ")", LAST + ")\n        nn.init.zeros_(self.projector[2].weight)"),
    edit("two passes", "Your forward puts the images through the encoder twice; compute h once, and z from this h.",
         Z, "self.projector(self.encoder(x))"),
    edit("h returned without gradient", "The h that you return carries no gradient, so fine-tuning cannot train with it.",
         PAIR, f"return h.detach(), {Z}"),
    edit("encoder frozen", "You freeze the encoder; pre-training trains all parameters.",
         FC, f"{FC}\n        self.encoder.requires_grad_(False)"),
    edit("features centred over the batch", "Your h depends on the other images of the batch: you subtract their mean.",
         H, f"{H}\n        h = h - h.mean(0)"),
    edit("batch norm without running statistics", "Your batch norms use the statistics of the batch in eval mode, too.",
         FC, f"{FC}\n        for layer in self.encoder.modules():\n            if isinstance(layer, nn.BatchNorm2d):\n"
         "                layer.running_mean = layer.running_var = None"),
    edit("head without biases", "The linear layers of your head have no biases; the question asks for them.",
         FIRST, "nn.Linear(512, 512, bias=False)", LAST, "nn.Linear(512, projection_dim, bias=False)"),
    edit("ReLU on z",
         "Your z passes through a ReLU, so no entry is negative; the last layer of the head is linear.",
         LAST, f"{LAST}, nn.ReLU()"),
    edit("projection_dim ignored", "The width of your z does not follow the argument projection_dim.",
         LAST, "nn.Linear(512, 128)"),
    edit("head on normalised h", "You give the head something else than the h that forward returns, such as a rescaled h or one with dropout.",
         Z, "self.projector(F.normalize(h, dim=1))"),
    edit("h detached", NO_GRADIENT, Z, "self.projector(h.detach())"),
    edit("encoder without gradients", NO_GRADIENT, H, f"with torch.no_grad():\n            {H}"),
    edit("forward sets eval mode", "Your forward switches the model to eval mode; leave the mode to the caller.",
         H, f"self.eval()\n        {H}"),
    edit("forward sets train mode", "Your forward switches the model to train mode; leave the mode to the caller.",
         H, f"self.train()\n        {H}"),
    edit("z normalised",
         "Your forward already normalises z, and NT-Xent normalises it again. That is harmless here, but return z as "
         "the head gives it.",
         Z, "F.normalize(self.projector(h), dim=1)", harmless=True),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("SimCLR", IdentityLayers, EDITS)
