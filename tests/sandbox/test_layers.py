"""Each layer says whether it is active, and a worker puts on exactly those that are."""

from __future__ import annotations

import os

from autograder.sandbox import landlock, layers


def test_every_layer_is_active_or_says_why_not():
    for layer in layers.status():
        assert layer.active or layer.why_not
    assert [layer.name for layer in layers.status()] == [
        *("session", "rlimits", "cgroup", "namespaces", "scratch", "uid", "no_new_privs", "landlock", "seccomp"),
    ]


def test_a_layer_that_is_switched_off_says_so():
    (uid,) = [layer for layer in layers.status({"uid"}) if layer.name == "uid"]
    assert not uid.active and uid.why_not == "switched off"


def test_a_machine_where_nothing_stops_a_process_of_the_same_user_is_refused():
    assert "Landlock" in layers.open_door({"namespaces", "uid", "landlock"})
    if "landlock" in layers.active_names():
        assert layers.open_door({"namespaces", "uid"}) is None
        assert "slow your processes: switched off" in layers.open_door({"namespaces", "uid", "seccomp"})


def test_the_library_is_readable_and_the_package_is_not(tmp_path):
    rules = dict(layers.common_rules())
    allowed = [path for path, rights in rules.items() if rights & landlock.READ_FILE]
    assert not any(path == layers.PACKAGE or path in layers.PACKAGE.parents for path in allowed)
    assert any(os.__file__.startswith(str(path)) or str(path) in os.path.realpath(os.__file__) for path in allowed)


def test_a_package_inside_the_library_leaves_a_hole(tmp_path):
    hole = tmp_path / "lib" / "site-packages" / "autograder"
    for folder in (hole, hole.parent / "torch", tmp_path / "share"):
        folder.mkdir(parents=True)
    rules = dict(layers._readable_but_not(tmp_path, hole))
    assert rules[hole.parent] == landlock.LIST and rules[hole.parent / "torch"] == landlock.READ and hole not in rules
