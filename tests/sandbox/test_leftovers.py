"""What a fresh user left in folders that everybody may write to is removed, and nothing else."""

from __future__ import annotations

import os

import pytest

from autograder.sandbox import layers, leftovers


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_everything_of_a_user_is_removed_while_others_remove_theirs(tmp_path, monkeypatch):
    uid = layers.FRESH_UIDS[0]
    for name in ("a", "b", "c", "others"):
        (tmp_path / name).write_text("")
        os.chown(tmp_path / name, uid if name != "others" else 0, -1)
    original = os.scandir

    def with_one_that_is_gone(folder):
        entries = sorted(original(folder), key=lambda entry: entry.name)
        os.unlink(entries[0].path)
        return entries

    monkeypatch.setattr(leftovers, "WRITABLE_BY_ALL", (str(tmp_path), "/no/such/folder"))
    monkeypatch.setattr(leftovers.os, "scandir", with_one_that_is_gone)
    leftovers.remove_files_of(uid)
    assert os.listdir(tmp_path) == ["others"]
