"""Wrong splits and batches, as edits of correct ones."""

from autograder.questions.edits import edit, misconceptions

from .correct import CORRECT, chosen, permuted

_ORDER, _COUNT = "rng.permutation(len(X))", "int(len(X) * test_ratio)"
_CHOICE = "rng.choice(len(X), size, replace=False)"
_OF_THE_SPLIT = (
    edit("not shuffled", "You split the rows in their order; the rows of the test part have to be random.",
         _ORDER, "np.arange(len(X))"),
    edit("ratio of the training part", "test_ratio is the share of the test part; you use it for the training part.",
         _COUNT, f"len(X) - {_COUNT}"),
    edit("rounded up", "You round the number of test rows up; round it down.", _COUNT, "int(np.ceil(len(X) * test_ratio))"),
    edit("labels shuffled apart", "You shuffle X and y by two different orders, so rows lose their labels.",
         "y[train], X[test], y[test]", "y[rng.permutation(y.size)[count:]], X[test], y[test]"),
    edit("one row in both parts", "One row is in both parts; a test row must not be in the training part.",
         "order[count:]", "order[max(count - 1, 0) :]"),
    edit("other order", "You return X_train, X_test, y_train, y_test; return X_train, y_train, X_test, y_test.",
         "X[train], y[train], X[test], y[test]", "X[train], X[test], y[train], y[test]"),
    edit("split seeded", "You seed a generator in train_test_split, so every split is the same; use rng.",
         "order = rng.", "order = np.random.default_rng(0)."),
    edit("split from np.random", "You draw from np.random in train_test_split; draw from rng.", "order = rng.", "order = np.random."),
)  # fmt: skip
_OF_THE_BATCH = (
    edit("with replacement", "You draw with replacement, so a row can be in a batch twice.", "replace=False", "replace=True"),
    edit("larger than n", "get_data_batch fails if batch_size is above the number of rows; take all rows then.",
         "min(batch_size, len(X))", "batch_size"),
    edit("neighbours", "You take rows that follow each other; every set of rows has to have the same chance.",
         _CHOICE, "(rng.integers(len(X)) + np.arange(size)) % len(X)"),
    edit("first labels", "You return the labels of the first rows; return those of the drawn rows.", "y[rows]", "y[: len(rows)]"),
    edit("batch seeded", "You seed a generator in get_data_batch, so every batch is the same; use rng.",
         "rows = rng.", "rows = np.random.default_rng(0)."),
    edit("batch from np.random", "You draw from np.random in get_data_batch; draw from rng.", "rows = rng.", "rows = np.random."),
    edit("shuffled in place", "You shuffle the given X and y; leave them as they are and draw the numbers of the rows.",
         f"rows = {_CHOICE}", f"rows = {_CHOICE}\n    X[:], y[:] = np.roll(X, 1, axis=0), np.roll(y, 1)\n    rows = (rows + 1) % len(X)"),
)  # fmt: skip
_PLAIN = CORRECT["as taught"]
MISCONCEPTIONS = (
    *misconceptions("train_test_split", permuted, _OF_THE_SPLIT, _PLAIN),
    *misconceptions("get_data_batch", chosen, _OF_THE_BATCH, _PLAIN),
)
