"""From a source of images to a prepared data set."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from data_scripts.catalogue import CIFAR10
from data_scripts.dataset import Dataset, Rows, Source
from data_scripts.errors import DataError, describe_os_error
from data_scripts.prepared import MANIFEST, Prepared, find
from data_scripts.sources.generated import CLASSES, Generated
from data_scripts.split_file import forget_progress, write_json, write_split


def prepare(source: Path | None, out: Path, progress: bool = True, dataset: Dataset = CIFAR10) -> Prepared:
    """Prepare ``dataset`` in ``<out>/<dataset.name>`` from ``source``, or from its own host where that is None.

    A data set that is there already is verified and kept; an altered file of it is made again; an interrupted run is
    continued. ``progress`` shows a bar on a terminal and says on stderr what was kept. A download leaves the archive in
    ``out``, where torchvision finds it too. Raises ``DataError``, also where ``out`` holds the same data set from
    another source.
    """
    opened = None if source is None else dataset.open(Path(source))
    return _prepare(dataset, opened, Path(out), progress)


def prepare_generated(out: Path, train: int, test: int, progress: bool = True, dataset: Dataset = CIFAR10) -> Prepared:
    """Prepare ``train`` + ``test`` generated images in the format of ``dataset`` in ``<out>/<dataset.name>``."""
    made = replace(dataset, title="generated images", classes=CLASSES, counts={"train": train, "test": test})
    return _prepare(made, Generated(made.counts, made.image_shape), Path(out), progress)


def _prepare(dataset: Dataset, opened: Source | None, out: Path, progress: bool) -> Prepared:
    existing = _existing(dataset, out)
    intact = []
    if existing is not None:
        _check_wanted(existing, dataset, opened)
        intact = [split for split in dataset.counts if existing.is_intact(split)]
        if len(intact) == len(dataset.counts):
            _say(progress, f"{existing.folder}: already prepared")
            return existing
        _say(progress, f"{existing.folder}: not as it was prepared, making again what was altered")
    source = opened or dataset.download(dataset, out)
    if existing is not None and existing.source == source.description:
        kept = {split: existing.manifest["splits"][split]["sha256"] for split in intact}
    else:
        kept = {}
    try:
        return _convert(dataset, source, out / dataset.name, kept, progress)
    except OSError as error:
        raise describe_os_error(error, out / dataset.name) from error


def _existing(dataset: Dataset, out: Path) -> Prepared | None:
    try:
        return find([out], dataset.name)
    except DataError:  # a damaged manifest vouches for nothing
        return None


def _check_wanted(existing: Prepared, dataset: Dataset, opened: Source | None) -> None:
    """Raise ``DataError`` where ``existing`` holds something else than what is asked for.

    Without ``opened`` (no --source) any real copy of the data set will do.
    """
    generated = opened is not None and opened.generated
    same = existing.manifest["generated"] == generated and existing.counts == dataset.counts
    if opened is not None:
        same = same and existing.source == opened.description
    if not same:
        counts = ", ".join(f"{count:,} {split}" for split, count in existing.counts.items())
        raise DataError(
            f"{existing.folder}: already holds {existing.source} ({counts}), which is not what is asked "
            "for; choose another --out or remove this folder"
        )


def _convert(dataset: Dataset, source: Source, folder: Path, kept: dict[str, str], progress: bool) -> Prepared:
    """Write the splits that are not ``kept`` (split -> SHA-256), then the manifest: it is there only with all files."""
    fingerprint = source.fingerprint()  # raises where the source is incomplete, before anything is changed
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    splits = {}
    for split, images in dataset.counts.items():
        path = folder / f"{split}.npy"
        sha256 = kept.get(split) or _write(dataset, source, fingerprint, split, path, progress)
        splits[split] = {"file": path.name, "images": images, "sha256": sha256}
    manifest = {
        "dataset": dataset.name,
        "source": source.description,
        "generated": source.generated,
        "classes": list(dataset.classes),
        "image_shape": list(dataset.image_shape),
        "splits": splits,
    }
    write_json(folder / MANIFEST, manifest)
    for split in splits:
        forget_progress(folder / splits[split]["file"])
    return Prepared(folder, manifest)


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
