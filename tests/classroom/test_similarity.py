"""Near-duplicates: disguised copies are found, right solutions of the same task and code that all have are not."""

import random
import time
import tracemalloc

import pytest

from autograder.classroom import similarity
from autograder.classroom.similarity import distinctive, score, similar_pairs, tokens, usual_ratio
from benchmarks.similarity import disguised, graded, questions, the_class


def whole(pairs) -> set[tuple[str, str]]:
    return {(pair.first.id, pair.second.id) for pair in pairs}


@pytest.fixture(scope="module")
def members():
    """40 honest students of simclr and five copies of the first five."""
    return list(the_class("simclr", 45, 5))


def test_names_comments_and_spacing_do_not_count():
    first = "def loss(z_i, tau=0.5):\n    '''Doc.'''\n    return F.normalize(z_i, dim=1) / tau  # why\n"
    second = 'def f( a,b = 0.5 ) :\n  """Another."""\n\n  return G.normalize(a,dim = 1)/b\n'
    assert tokens(first) == tokens(second)
    assert tokens(first) != tokens(first.replace("normalize", "softmax"))
    assert tokens(first) != tokens(first.replace("0.5", "0.7"))
    assert tokens("self.a = self.b") == tokens("self.x=self.y")


@pytest.mark.parametrize("name", ["simclr", "ddpm", "vae", "simsiam", "contrastive", "softmax"])
def test_right_solutions_that_share_no_function_stay_far_below_the_threshold(name):
    honest = list(the_class(name, 80, 0))
    rows = distinctive([tokens(code) for _, code, _ in honest])
    usual = usual_ratio(rows)
    scores = [
        score(rows[a], rows[b], usual)
        for b in range(len(rows))
        for a in range(b)
        if not any(x == y for x, y in zip(honest[a][0], honest[b][0]))
        and min(len(rows[a]), len(rows[b])) >= similarity.SHORTEST  # shorter ones are not compared
    ]
    assert len(scores) > 100
    assert max(scores) < 0.3 < similarity.THRESHOLD


def test_disguised_copies_lead_the_list(members):
    found = similar_pairs(graded([code for _, code, _ in members]))
    copies = {(f"{source:05}", f"{place:05}") for place, (_, _, source) in enumerate(members) if source >= 0}
    assert copies == whole(found[:5])
    assert all(pair.score > 0.75 for pair in found[:5])
    assert all(pair.score >= similarity.THRESHOLD for pair in found)
    assert [pair.score for pair in found] == sorted((pair.score for pair in found), reverse=True)


def test_functions_in_another_order_are_found(members):
    codes = [code for _, code, _ in members[:40]]
    parts = codes[0].split("\n\n\n")
    random.Random(0).shuffle(parts)
    assert ("00000", "00040") in whole(similar_pairs(graded([*codes, "\n\n\n".join(parts)])))


def test_a_class_of_two_and_a_group(members):
    (_, code, _), (_, other, _) = members[0], members[1]
    copy = disguised(code, random.Random(3))
    assert whole(similar_pairs(graded([code, copy]))) == {("00000", "00001")}
    assert similar_pairs(graded([code, other])) == []
    group = graded([code, copy])
    assert similar_pairs([group[0], similarity.Graded(group[1].student, group[0].folder, group[1].report, code)]) == []


def test_what_everybody_has_counts_for_nothing():
    given = questions("simclr")[1][0]
    codes = [f"{given}\n\nx_{k} = {k}\n" for k in range(30)]
    assert similar_pairs(graded(codes)) == []


def test_short_code_is_no_copy():
    assert similar_pairs(graded(["def f(a):\n    return a + 1\n"] * 2 + [""] * 3)) == []
    assert similar_pairs([]) == []


def test_most(members):
    codes = [members[0][1]] * 4 + [code for _, code, _ in members[1:]]
    assert len(similar_pairs(graded(codes), most=3)) == 3


@pytest.mark.parametrize(
    "junk",
    ["def f(:\n  '''never closed", "((((" * 5000, "\x00\udcff\u202e" * 100, '"' * 10_001, "\\\n" * 5000, "x" * 500_000,
     "'" + "\\" * 30_000, "9" * 100_000, "f'''" * 5_000, "1e" * 20_000],
    ids=range(10),
)  # fmt: skip
def test_malformed_code_breaks_nothing_and_costs_no_time(members, junk):
    start = time.process_time()
    tokens(junk)
    assert time.process_time() - start < 2
    codes = [junk, junk + "\n" + members[0][1], members[0][1], members[1][1]]
    assert all(pair.score <= 1 for pair in similar_pairs(graded(codes)))


def test_a_copy_with_a_syntax_error_is_found(members):
    code = members[0][1]
    broken = "def broken(:\n" + disguised(code, random.Random(1))
    assert whole(similar_pairs(graded([code, broken, *(c for _, c, _ in members[1:20])]))) >= {("00000", "00001")}


def test_a_large_class_takes_seconds():
    """1,000 students are 499,500 pairs; only the shared runs and a fixed number of pairs are looked at."""
    codes = [code for _, code, _ in the_class("ddpm", 300, 10)]
    start = time.process_time()
    similar_pairs(graded(codes))
    assert time.process_time() - start < 40


LONG = {
    "a literal": 'x = """' + "a" * 40_000_000 + '"""',
    "a literal of escapes": '"""' + "\\a" * 20_000_000,
    "quotes": '"' * 40_000_000,
    "a number": "1" + "e+1" * 13_000_000,
    "a name": "a" * 40_000_000,
    "comments": "#\n" * 20_000_000,
    "literals that never end": '"""' + '\n\\"""' * 8_000_000 + "\\",
}


@pytest.mark.parametrize("code", LONG.values(), ids=LONG)
def test_long_code_takes_little_time_and_memory(code):
    tracemalloc.start()
    start = time.process_time()
    try:
        tokens(code)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 5 and peak < 50 << 20


def test_a_literal_is_one_token_however_long():
    """The tokenizer's own memory does not grow with a literal; it is not only that long code is cut."""
    tracemalloc.start()
    try:
        list(similarity.TOKEN.finditer(LONG["a literal"]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_of_whom_only_the_beginning_was_compared(members):
    code = members[0][1]
    assert not similarity.cut(code) and not similarity.cut("")
    assert similarity.cut(code + "\nx = 1" * similarity.LONGEST)
    assert similarity.cut("#" * (similarity.MOST_CHARACTERS + 1))
