"""A key that is written and read again."""

from __future__ import annotations

from dataclasses import replace

from autograder.engine.answer_key import read_key, write_key


def test_outputs_keep_the_order_in_which_students_are_told_of_them(bundle, tmp_path):
    several = [test for test in read_key(bundle / "key.safetensors") if len(test.outputs) > 2]
    for turned in (False, True):
        tests = tuple(replace(t, outputs=dict(reversed(t.outputs.items())) if turned else t.outputs) for t in several)
        write_key(tmp_path / "key.safetensors", tests, "")
        for wrote, found in zip(tests, read_key(tmp_path / "key.safetensors"), strict=True):
            assert list(found.outputs.items()) == list(wrote.outputs.items())
