"""The command line: names of the catalogue, one or several; ``generated``; ``list`` (or nothing) for the catalogue."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data_scripts.catalogue import DATASETS
from data_scripts.dataset import Dataset
from data_scripts.disk_space import human
from data_scripts.errors import DataError, describe_os_error
from data_scripts.npz_files import NUMBER, write_npz
from data_scripts.preparation import prepare, prepare_all, prepare_generated
from data_scripts.prepared import Prepared, find

LIST = "list"


def main(arguments: Sequence[str] | None = None, program: str = "python -m data_scripts") -> int:
    """Run one command, which help calls ``program``. The exit status: 0 done, 2 an error, printed in one sentence, 130
    interrupted by Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    generated = arguments[:1] == ["generated"]
    options = _generated_parser(program).parse_args(arguments[1:]) if generated else _parse(arguments, program)
    try:
        results = _generate(options) if generated else _run(options)
    except DataError as error:
        results = [error]
    except OSError as error:
        results = [describe_os_error(error, options.out)]
    except KeyboardInterrupt:
        if options.debug:
            raise
        print("interrupted; run the same command again to continue", file=sys.stderr)
        return 130
    errors = [result for result in results if isinstance(result, DataError)]
    for result in results:
        if not isinstance(result, DataError):
            print(_summary(result))
    for error in errors:
        if options.debug:
            raise error
        print(f"error: {error}", file=sys.stderr)
    return 2 if errors else 0


def _run(options: argparse.Namespace) -> list[Prepared | DataError]:
    if not options.names or options.names == [LIST]:
        print("\n".join(_row(dataset, options.out) for dataset in DATASETS.values()))
        return []
    datasets = [DATASETS[name] for name in dict.fromkeys(options.names)]
    if options.source is not None:
        results = [prepare(options.source, options.out, dataset=datasets[0])]
    else:
        results = prepare_all(datasets, options.out, mirror=options.mirror, offline=options.offline)
    if options.npz is not None and isinstance(results[0], Prepared):
        print(*write_npz(results[0], options.npz), sep="\n")
    return results


def _generate(options: argparse.Namespace) -> list[Prepared | DataError]:
    return [prepare_generated(options.out, options.train, options.test, dataset=DATASETS[options.like])]


def _summary(data: Prepared) -> str:
    counts = ", ".join(f"{count:,} {split}" for split, count in data.counts.items())
    subsets = data.manifest["splits"]["train"]["subsets"].values()
    labelled = ", ".join(f"{subset['images']:,} in {subset['file']}" for subset in subsets)
    return f"{data.folder}: {data.source} ({counts} images{'; ' + labelled if labelled else ''})"


def _row(dataset: Dataset, out: Path) -> str:
    """A line of the catalogue."""
    counts = ", ".join(f"{count:,} {split}" for split, count in dataset.counts.items())
    try:
        data = find([out], dataset.name)
        state = f"{data.folder}: {data.source}" if data else f"not in {out}"
    except DataError as error:
        state = str(error)
    return f"{dataset.name:<14}{counts + ' images':<50}{human(dataset.download_bytes):>8} to download   {state}"


def _parse(arguments: Sequence[str], program: str) -> argparse.Namespace:
    parser = _parser(program)
    options = parser.parse_intermixed_args(arguments)
    if LIST in options.names and len(options.names) > 1:
        parser.error(f"{LIST} takes no other names")
    if options.source is not None and len(set(options.names) - {LIST}) != 1:
        parser.error("--source holds one data set; name one")
    if options.npz is not None and len(set(options.names) - {LIST}) != 1:
        parser.error("--npz writes the files of one data set; name one")
    if options.source is not None and options.mirror is not None:
        parser.error("--mirror changes where downloads come from, and with --source nothing is downloaded")
    return options


def _parser(program: str) -> argparse.ArgumentParser:
    layouts = "\n".join(f"  {name:<14}{dataset.layout}" for name, dataset in DATASETS.items())
    parser = argparse.ArgumentParser(
        prog=program,
        description="Prepare data sets for the notebooks. To generate images instead, see: generated -h",
        epilog=f"what --source accepts:\n{layouts}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", type=_name, metavar="NAME", help=f"{', '.join(DATASETS)}; or {LIST} (default)"
    )
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder to prepare them in (default: data)")
    parser.add_argument("--source", type=Path, help="a copy that you have (default: download)")
    parser.add_argument(
        "--mirror",
        type=_address,
        metavar="URL",
        help="download the official files from URL/NAME/ or URL/ instead of the official hosts",
    )
    parser.add_argument(
        "--npz",
        type=_positive,
        nargs="?",
        const=NUMBER,
        metavar="NUMBER",
        help=f"also write NAME_train.npz and test_images_NUMBER.npz, which run.py reads (default: {NUMBER})",
    )
    parser.add_argument("--offline", action="store_true", help="use only what was downloaded before")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _generated_parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program} generated", description="Make generated images in a data set's format."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write them to")
    parser.add_argument("--train", type=_positive, required=True, help="number of training images")
    parser.add_argument("--test", type=_positive, required=True, help="number of test images")
    parser.add_argument(
        "--like", choices=DATASETS, default="cifar10", help="the data set whose format they get (default: cifar10)"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _name(text: str) -> str:
    if text not in DATASETS and text != LIST:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not known; choose from {', '.join(DATASETS)}, generated and {LIST}"
        )
    return text


def _address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is not an address; begin it with http:// or https://")
    return text


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
