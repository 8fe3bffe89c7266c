"""Wrong k-NN accuracies, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions

from .correct import in_chunks

_S, _K, _WEIGHTS = "queries @ bank.T", "min(k, len(train_h))", "torch.exp(s / temperature)"
_BANK, _QUERIES = "F.normalize(train_h, dim=1)", "F.normalize(test_h[start : start + 256], dim=1)"

_EDITS = (
    edit("majority", "Each neighbour has one vote; weigh the votes by exp(s / temperature).", _WEIGHTS, "torch.ones_like(s)"),
    edit("temperature ignored", "The temperature has no effect.", _WEIGHTS, "torch.exp(s)"),
    edit("temperature multiplied", "You multiply by the temperature; divide by it.", "s / temperature", "s * temperature"),
    edit("cosines as weights", "You weigh the votes by the cosine itself; the weight is its exponential, after the division.",
         _WEIGHTS, "s"),
    edit("nearest alone", "You return the label of the nearest row; the k nearest vote.", _K, "1"),
    edit("all rows vote", "All rows of the bank vote; only the k nearest do.", _K, "len(train_h)"),
    edit("one neighbour too many", "One row too many votes: look for a query that you take for its own neighbour.",
         _K, "min(k + 1, len(train_h))"),
    edit("nearest left out", "You leave out the nearest row; the queries are not in the bank.",
         "nearest[:, j]]] += weights[:, j]", "nearest[:, j]]] += weights[:, j] * (j > 0 or k == 1)"),
    edit("k above the bank", "Your function needs at least k rows in the bank; with fewer, all of them vote.", _K, "k"),
    edit("nothing normalised", "You compare features as they are; the cosine is that of rows of length 1.",
         _BANK, "train_h", _QUERIES, "test_h[start : start + 256]"),
    edit("bank not normalised", "You normalise the queries alone; normalise the bank as well.", _BANK, "train_h"),
    edit("smallest cosines", "You take the rows with the smallest cosines.",
         "s.topk(", "s.topk(largest=False, k="),
    edit("counted", "You return the number of hits; return their share of all queries.", "correct / len(test_y)", "correct"),
    edit("per cent", "You return per cent; return a number between 0 and 1.", "correct / len(test_y)", "100 * correct / len(test_y)"),
    edit("mean over chunks", "You average over chunks, or leave out the last one: every query counts as much as any other.",
         "correct += (votes.argmax(dim=1) == y).sum().item()", "correct += (votes.argmax(dim=1) == y).float().mean().item()",
         "correct / len(test_y)", "correct / math.ceil(len(test_y) / 256)"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("knn_accuracy", in_chunks, _EDITS)
