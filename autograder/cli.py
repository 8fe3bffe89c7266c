"""The command line: ``kit COMMAND``. A command's module is imported only when it runs, so help is fast."""

from __future__ import annotations

import argparse
import sys
import traceback
from importlib import import_module
from pathlib import Path

from autograder.errors import KitError

COMMANDS = {
    "demo": "build, train for about a minute, and grade four submissions",
    "build": "make notebooks, answer key, Gradescope zip and nbgrader course from the masters",
    "new": "make an assignment with one question, and a course if there is none here",
    "train": "train the solution with a profile; run it again to continue",
    "check": "check the settings, grade the solution and the blank notebook, print the point sheet",
    "grade": "grade submissions: folders, zips or notebooks",
    "score": "measure a file that students hand in, such as a checkpoint or samples",
    "data": "prepare data sets, such as cifar10; without a name: list them",
    "draw": "draw and store the inputs of questions, after a change of their cases",
    "tolerances": "the measured gap between correct solutions and mistakes, for each test",
    "doctor": "show versions, data sets, sandbox layers, disk and memory",
    "test": "run tests with pytest (default: all)",
    "gradescope": "grade one submission on Gradescope (called by run_autograder)",
}

# Commands that hand all that follows them to another program.
HANDED_ON = ("test", "data")

COURSE_HELP = "the directory with solutions/ (default: KIT_COURSE, else the one around the working directory)"


def parser_for(command: str | None) -> argparse.ArgumentParser:
    """The parser; only the command that will run gets its arguments."""
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
    """Run one command and exit with its status; an expected failure prints one line on stderr and has status 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command = next((word for word in arguments if word in COMMANDS), None)
    own = len(arguments)
    if command in HANDED_ON and arguments[(after := arguments.index(command) + 1) :] not in (["-h"], ["--help"]):
        own = after
    parsed = parser_for(command).parse_args(arguments[:own])
    parsed.command_line, parsed.handed_on = arguments, arguments[own:]
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
        print(f"kit: {type(error).__name__}: {error} (a bug in the kit; --debug shows where)", file=sys.stderr)
        status = 1
    sys.exit(status)
