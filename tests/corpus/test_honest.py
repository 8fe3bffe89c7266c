"""The measure of the corpus: what an honest submission earns."""

from tests.corpus.small import FULL, HONEST, hand_in


def test_the_honest_notebook_earns_everything(grader, tmp_path):
    report = grader.grade(hand_in(tmp_path / "honest", HONEST))
    assert report.score == FULL, [verdict.message for verdict in report.verdicts if not verdict.passed]
