"""The command line: ``./kit COMMAND``. Modules of commands are imported only when they run, so that help is instant."""

from __future__ import annotations

import argparse
import sys
import traceback
from importlib import import_module
from pathlib import Path

from autograder.errors import KitError

COMMANDS = {
    "demo": "the whole job on real input: build, train for about a minute, grade four submissions",
    "build": "derive notebooks, answer key and Gradescope zip from the masters",
    "new": "begin an assignment, and a course where there is none: a question that builds, tests and grades",
    "train": "train the solution under a profile, resumable, on one process or several",
    "check": "check an assignment's settings, dry-run its solution and its blank notebook, print the point sheet",
    "grade": "grade submissions: folders, zips or bare notebooks",
    "draw": "draw the stored inputs of questions anew, once their cases have changed",
    "score": "what a file of an artefact (a checkpoint, samples) scores",
    "tolerances": "the measured gap between right solutions and mistakes, test by test",
    "doctor": "versions, data found, sandbox layers, disk and memory",
    "test": "the whole test suite",
    "gradescope": "grade one submission where Gradescope has put it (called by run_autograder)",
}

COURSE_HELP = "the directory with solutions/ (default: KIT_COURSE, else the one around the working directory)"


def parser_for(command: str | None) -> argparse.ArgumentParser:
    """The parser, complete only for the command that is going to run."""
    parser = argparse.ArgumentParser(prog="./kit", description="Graded notebook assignments with an autograder.")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument("--course", type=Path, metavar="DIR", help=COURSE_HELP)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        module = import_module(f"autograder.commands.{name}") if name == command else None
        sub = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=module and f"example: {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument(
            "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
        )
        sub.add_argument("--course", type=Path, metavar="DIR", default=argparse.SUPPRESS, help=COURSE_HELP)
        if module:
            module.configure(sub)
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Run one command. Ends with its status; an expected failure is one line on stderr and status 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command = next((word for word in arguments if word in COMMANDS), None)
    parsed = parser_for(command).parse_args(arguments)
    parsed.command_line = arguments
    try:
        status = import_module(f"autograder.commands.{parsed.command}").run(parsed)
    except KitError as error:
        if parsed.debug:
            traceback.print_exc()
        print(f"kit: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        print("kit: stopped", file=sys.stderr)
        status = 130
    except Exception as error:
        if parsed.debug:
            raise
        print(f"kit: {type(error).__name__}: {error} (a defect of the kit; --debug shows where)", file=sys.stderr)
        status = 1
    sys.exit(status)
