"""Wrong pairs, triplets and hardest triplets, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions

from .correct import CORRECT, hard_by_masks, pairs_by_masks, triplets_by_masks

_PAIR_DIAGONAL = "    alike[torch.arange(n), torch.arange(n)] = False\n"
_COIN, _FORCED = (
    "torch.rand(n, generator=rng) < 0.5",
    "torch.where(alike.any(dim=1) & apart.any(dim=1), coin, alike.any(dim=1))",
)
_N, _ANCHORS = (
    "torch.multinomial(apart[a].double(), 1, generator=rng).squeeze(1)",
    "torch.where(positive.any(dim=1) & negative.any(dim=1))[0]",
)
_BY_CLASS = "(apart[a].double() / alike.sum(1).add(1))"
_REFUSED = '    if len(anchors) == 0:\n        raise ValueError("there is no triplet")\n'

_OF_PAIRS = (
    edit("own partner", "An image may be its own partner; leave it out of the images of its class.", _PAIR_DIAGONAL, ""),
    edit("random partners", "You draw partners among all images, so few pairs are same pairs: toss a coin for each image first.",
         _FORCED, "coin", "    j = torch", "    weights = (~torch.eye(n, dtype=torch.bool)).double()\n    j = torch",
         "return torch.arange(n), j, same", "return torch.arange(n), j, y[j] == y"),
    edit("partner uniform over classes", "You draw the class of the partner first; draw uniformly over all images of other classes.",
         ".double()", " / (y[:, None] == y).sum(dim=1)"),
    edit("pairs from the global generator", "You draw from torch's global generator; draw from rng alone.", _COIN, "torch.rand(n) < 0.5"),
)  # fmt: skip
_OF_TRIPLETS = (
    edit("positive may be the anchor", "A positive may be the anchor itself; take another image of the class.",
         "alike[a].double()", "(y[a][:, None] == y).double()"),
    edit("negatives uniform over classes", "You draw the class of the negative first, or one negative for several anchors; draw for each anchor uniformly over all "
         "images of other classes.",
         _N, f"torch.multinomial({_BY_CLASS}, 1, generator=rng).squeeze(1)"),
    edit("negatives from all images", "A negative may be of the anchor's class; draw it among the images of other classes.",
         _N, "torch.randint(len(y), (batch_size,), generator=rng)"),
    edit("one batch for ever", "You yield the same batch for ever, or tensors that you overwrite later; draw a new batch inside the loop.",
         "    while True:\n        a =", "    state = rng.get_state()\n    while True:\n        rng.set_state(state)\n        a ="),
    edit("seed set in the function", "Every stream has the same batches: you set a seed in triplet_batches, or draw from a copy of rng.",
         "    while True:", "    rng = torch.Generator().manual_seed(0)\n    while True:"),
    edit("one pass", "Your generator ends; it yields batches for ever.", "while True:", "for _ in range(2):"),
    edit("impossible triplets", "With no possible triplet the first next() raises a ValueError; yours does not.", _REFUSED, ""),
)  # fmt: skip
_OF_HARD = (
    edit("nearest positive", "You take the nearest image of the class; the hardest positive is the farthest.",
         'd.masked_fill(~positive, float("-inf")).argmax(dim=1)', 'd.masked_fill(~positive, float("inf")).argmin(dim=1)'),
    edit("farthest negative", "You take the farthest image of another class; the hardest negative is the nearest.",
         'd.masked_fill(~negative, float("inf")).argmin(dim=1)', 'd.masked_fill(~negative, float("-inf")).argmax(dim=1)'),
    edit("all anchors kept", "You keep anchors that have no positive or no negative; leave them out.", _ANCHORS, "torch.arange(len(y))"),
    edit("own positive", "An anchor without another image of its class is its own positive; leave it out.",
         "alike & ~itself", "alike"),
)  # fmt: skip

_PLAIN = CORRECT["masks"]
MISCONCEPTIONS = (
    *misconceptions("pairs_from_labels", pairs_by_masks, _OF_PAIRS, _PLAIN),
    *misconceptions("triplet_batches", triplets_by_masks, _OF_TRIPLETS, _PLAIN),
    *misconceptions("batch_hard", hard_by_masks, _OF_HARD, _PLAIN),
)
