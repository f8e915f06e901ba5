"""`python -m ecomai init`: for a project that does not have our apps yet, and so not our commands."""

import argparse
import sys

from ecomai.embedding import command
from ecomai.exceptions import EcomaiError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ecomai")
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help=command.HELP, description=command.HELP)
    init.add_argument("--settings", default="", help="The settings module, such as shop.settings.")
    command.add_arguments(init)
    given = parser.parse_args(arguments)
    try:
        command.run(apply=given.apply, settings_module=given.settings)
    except EcomaiError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
