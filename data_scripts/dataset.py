"""One entry of the catalogue of data sets, and what a source of its images offers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data_scripts.download import Remote
from data_scripts.errors import DataError, describe_os_error

Rows = np.ndarray  # (k, 1 + C*H*W) uint8: column 0 the label, the others the image in CHW order


class Source(Protocol):
    """Where the images of one data set come from."""

    description: str  # the "source" line of the manifest
    generated: bool

    def fingerprint(self) -> str:
        """A text that changes whenever the rows change; an interrupted conversion continues only with the same one."""

    def chunks(self, split: str, start: int) -> Iterator[Rows]:
        """The rows of ``split`` from row ``start`` to the last, in order, a few hundred to some thousand at a time."""


@dataclass(frozen=True)
class Dataset:
    """One entry of the catalogue.

    ``layout`` says in words what ``--source`` accepts. ``readers`` are tried in order on ``--source``: each returns a
    ``Source``, or None if the path has another layout. ``remote`` names the official files and where they belong below a
    folder (none if the folder holds them unpacked and complete); ``download_bytes`` is their size.
    ``official`` imports and returns the torchvision class that knows their addresses and checksums (a function, because
    the import takes seconds).
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    counts: Mapping[str, int]
    layout: str = ""
    readers: tuple[Callable[[Dataset, Path], Source | None], ...] = ()
    remote: Callable[[Dataset, Path], Sequence[Remote]] = lambda dataset, root: ()
    download_bytes: int = 0
    official: Callable[[], Any] | None = None

    @property
    def row_bytes(self) -> int:
        """Bytes of one row: the label and the pixels."""
        return 1 + math.prod(self.image_shape)

    def open(self, path: Path) -> Source:
        """The source at ``path``. Raises ``DataError`` if it is missing, incomplete or has no known layout."""
        try:
            if not path.exists():
                raise DataError(
                    f"{path}: no such file or folder; give the {self.title} source with --source, or leave "
                    "--source out to download it"
                )
            found = (reader(self, path) for reader in self.readers)
            source = next((source for source in found if source is not None), None)
        except OSError as error:
            raise describe_os_error(error, path) from error
        if source is not None:
            return source
        raise DataError(f"{path}: not a {self.title} source; give {self.layout}")
