"""The hostile cases by class. Every module holds one class as a table ``ATTACKS``."""

from __future__ import annotations

from tests.corpus.hostile import (
    archives,
    checkpoints,
    comparators,
    ends,
    floods,
    forging,
    killing,
    markup,
    memorising,
    names,
    outliving,
    shadowing,
    state,
    stealing,
    tensors,
)
from tests.corpus.hostile.attack import Attack

CLASSES: dict[str, tuple[Attack, ...]] = {
    "forging results": forging.ATTACKS,
    "patching comparators and libraries": comparators.ATTACKS,
    "answers that are not what they seem": tensors.ATTACKS,
    "stealing references": stealing.ATTACKS,
    "shadowing modules": shadowing.ATTACKS,
    "malicious checkpoints": checkpoints.ATTACKS,
    "odd archives and files": archives.ATTACKS,
    "floods": floods.ATTACKS,
    "outliving the run": outliving.ATTACKS,
    "ends and hangs": ends.ATTACKS,
    "killing others": killing.ATTACKS,
    "global state": state.ATTACKS,
    "memorising across submissions": memorising.ATTACKS,
    "markup and escape codes": markup.ATTACKS,
    "names and claims": names.ATTACKS,
}
