"""From a source of images to a prepared data set."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_scripts.catalogue import CIFAR10
from data_scripts.dataset import Dataset, Rows, Source
from data_scripts.disk_space import require_space
from data_scripts.download import Remote, fetch, require_fetched, require_there
from data_scripts.errors import DamagedManifest, DataError, describe_os_error
from data_scripts.part_file import locked, part_of
from data_scripts.prepared import MANIFEST, Prepared, find
from data_scripts.sources.generated import CLASSES, Generated
from data_scripts.split_file import bytes_to_write, forget_progress, write_split
from data_scripts.subsets import with_subsets


def prepare(
    source: Path | None,
    out: Path,
    progress: bool = True,
    dataset: Dataset = CIFAR10,
    mirror: str | None = None,
    offline: bool = False,
) -> Prepared:
    """Prepare ``dataset`` in ``<out>/<dataset.name>`` from ``source``, or from its own host if that is None.

    A data set that exists is verified and kept; an altered file of it is made again; an interrupted run is continued.
    ``progress`` shows a bar on a terminal and says on stderr what was kept. Downloaded archives stay in ``out``, where
    torchvision finds them, too; they are used again before anything is downloaded. Downloads come from the address
    ``mirror`` if it is given, else from the official hosts; there are none if ``offline``. Raises ``DataError``, also if
    ``out`` holds the same data set from another source.
    """
    opened = None if source is None else dataset.open(Path(source))
    return _one(_prepare([(dataset, opened)], Path(out), progress, mirror, offline))


def prepare_all(
    datasets: Sequence[Dataset],
    out: Path,
    progress: bool = True,
    mirror: str | None = None,
    offline: bool = False,
) -> list[Prepared | DataError]:
    """As ``prepare`` without a source, for several, downloaded together. An error of one does not stop the others."""
    return _prepare([(dataset, None) for dataset in datasets], Path(out), progress, mirror, offline)


def prepare_generated(out: Path, train: int, test: int, progress: bool = True, dataset: Dataset = CIFAR10) -> Prepared:
    """Prepare ``train`` + ``test`` generated images in the format of ``dataset`` in ``<out>/<dataset.name>``."""
    made = replace(dataset, title="generated images", classes=CLASSES, counts={"train": train, "test": test})
    return _one(_prepare([(made, Generated(made.counts, made.image_shape))], Path(out), progress))


@dataclass
class _Task:
    """A data set to be made from ``source``, or from ``files`` if that is None, except for its intact splits."""

    dataset: Dataset
    folder: Path
    source: Source | None
    files: Sequence[Remote]
    existing: Prepared | None
    intact: list[str]


def _one(results: list[Prepared | DataError]) -> Prepared:
    (result,) = results
    if isinstance(result, DataError):
        raise result
    return result


def _prepare(
    wanted: Sequence[tuple[Dataset, Source | None]],
    out: Path,
    progress: bool,
    mirror: str | None = None,
    offline: bool = False,
) -> list[Prepared | DataError]:
    """The result for each data set, made from its source or, if that is None, from its own host."""
    found = [_outcome(out, _look, dataset, opened, out, progress, mirror, offline) for dataset, opened in wanted]
    tasks = [task for task in found if isinstance(task, _Task)]
    spare = sum(_bytes_to_write(task.dataset, task.folder, task.intact) for task in tasks)
    errors = {} if offline else fetch([file for task in tasks for file in task.files], spare, progress)
    return [_outcome(out, _make, task, errors, progress) if isinstance(task, _Task) else task for task in found]


def _outcome(out: Path, step: Callable[..., Any], *arguments: object) -> Any:
    """What ``step`` returns, or the ``DataError`` that ended it."""
    try:
        return step(*arguments)
    except DataError as error:
        return error
    except OSError as error:
        return describe_os_error(error, out)


def _look(
    dataset: Dataset, opened: Source | None, out: Path, progress: bool, mirror: str | None, offline: bool
) -> Prepared | _Task:
    """The data set if it exists as wanted, else what has to be done."""
    existing = _existing(dataset, out)
    intact = []
    if existing is not None:
        _check_wanted(existing, dataset, opened)
        intact = [split for split in dataset.counts if existing.is_intact(split)]
        if len(intact) == len(dataset.counts):
            if existing.has_subsets():
                _say(progress, f"{existing.folder}: already prepared")
                return existing
            _say(progress, f"{existing.folder}: already prepared, making its label subsets")
            with locked(part_of(existing.folder / MANIFEST)):
                return with_subsets(existing)
        _say(progress, f"{existing.folder}: some files were altered, making them again")
    files = [] if opened else dataset.remote(dataset, out)
    if mirror:
        files = [file.at_mirror(mirror, dataset.name) for file in files]
    if offline:
        require_there(files)
    return _Task(dataset, out / dataset.name, opened, files, existing, intact)


def _make(task: _Task, errors: Mapping[Path, DataError], progress: bool) -> Prepared:
    """Convert ``task``; ``errors`` holds the files that could not be fetched."""
    require_fetched(task.files, errors)
    # Without files, the archive lies unpacked where they would have been put.
    source = task.source or task.dataset.open(task.files[0].path if task.files else task.folder.parent)
    if task.intact and task.existing.source != source.description:
        raise DataError(
            f"{task.folder}: holds {task.existing.source}, of which {', '.join(task.intact)} is intact; repair it from "
            f"that copy with --source, or remove this folder to make it from {source.description}"
        )
    fingerprint = source.fingerprint()  # raises where the source is incomplete, before anything is changed
    require_space(task.folder, _bytes_to_write(task.dataset, task.folder, task.intact))
    task.folder.mkdir(parents=True, exist_ok=True)
    with locked(part_of(task.folder / MANIFEST)):
        if _existing(task.dataset, task.folder.parent) != task.existing:
            raise DataError(f"{task.folder}: another process has prepared it meanwhile; run the same command again")
        return _convert(task, source, fingerprint, progress)


def _existing(dataset: Dataset, out: Path) -> Prepared | None:
    try:
        return find([out], dataset.name)
    except DamagedManifest:  # it vouches for nothing
        return None


def _check_wanted(existing: Prepared, dataset: Dataset, opened: Source | None) -> None:
    """Raise ``DataError`` if ``existing`` holds something else than what is wanted.

    Without ``opened`` (no --source) any real copy of the data set is accepted.
    """
    generated = opened is not None and opened.generated
    same = existing.manifest["generated"] == generated and existing.counts == dataset.counts
    if opened is not None:
        same = same and existing.source == opened.description
    if not same:
        counts = ", ".join(f"{count:,} {split}" for split, count in existing.counts.items())
        raise DataError(
            f"{existing.folder}: already holds {existing.source} ({counts}), which is not what this "
            "command makes; choose another --out or remove this folder"
        )


def _convert(task: _Task, source: Source, fingerprint: str, progress: bool) -> Prepared:
    """Write the splits that are not intact, then the manifest, which vouches for all.

    An old manifest stays until then if it vouches for an intact split, because a repair may fail.
    """
    dataset, folder = task.dataset, task.folder
    if not task.intact:
        (folder / MANIFEST).unlink(missing_ok=True)
    splits = {}
    for split, images in dataset.counts.items():
        path = folder / f"{split}.npy"
        if split in task.intact:
            sha256 = task.existing.manifest["splits"][split]["sha256"]
        else:
            sha256 = _write(dataset, source, fingerprint, split, path, progress)
        splits[split] = {"file": path.name, "images": images, "sha256": sha256}
    manifest = {
        "dataset": dataset.name,
        "source": source.description,
        "generated": source.generated,
        "classes": list(dataset.classes),
        "image_shape": list(dataset.image_shape),
        "splits": splits,
    }
    data = with_subsets(Prepared(folder, manifest))
    for split in splits:
        forget_progress(folder / splits[split]["file"])
    return data


def _bytes_to_write(dataset: Dataset, folder: Path, kept: Collection[str]) -> int:
    """Bytes still to be written of the splits that are not ``kept``."""
    shapes = {split: (images, dataset.row_bytes) for split, images in dataset.counts.items() if split not in kept}
    return sum(bytes_to_write(folder / f"{split}.npy", shape) for split, shape in shapes.items())


def _write(dataset: Dataset, source: Source, fingerprint: str, split: str, path: Path, progress: bool) -> str:
    """Write one split with a progress bar; returns its SHA-256."""
    images = dataset.counts[split]
    with tqdm(total=images, desc=f"{dataset.title} {split}", unit=" images", disable=None if progress else True) as bar:

        def chunks(start: int) -> Iterator[Rows]:
            if start:
                _say(progress, f"{path}: continuing an interrupted run after {start:,} of {images:,} images")
            bar.update(start)
            for rows in source.chunks(split, start):
                yield rows
                bar.update(len(rows))

        return write_split(path, (images, dataset.row_bytes), fingerprint, chunks)


def _say(progress: bool, text: str) -> None:
    if progress:
        print(text, file=sys.stderr)
