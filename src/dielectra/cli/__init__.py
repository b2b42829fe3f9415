"""The command line: verbs that parse, call and print."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from cyclopts import App, CycloptsError, Group, Parameter

from dielectra.cli.assisting import mcp
from dielectra.cli.catalogue import data_app, models_app
from dielectra.cli.climbing import climb
from dielectra.cli.computing import campaign_app, compute
from dielectra.cli.elements import elements
from dielectra.cli.examples import EXAMPLES, FIRST_STEPS, epilogue
from dielectra.cli.importing import export_data, fetch_data, import_data, join_data
from dielectra.cli.options import shown_default
from dielectra.cli.predicting import predict
from dielectra.cli.reproducing import reproduce
from dielectra.cli.screening import query, screen
from dielectra.cli.serving import serve
from dielectra.cli.stacking import stack
from dielectra.cli.suggesting import suggest
from dielectra.cli.training import evaluate, train
from dielectra.errors import InputError
from dielectra.files import reason, shown
from dielectra.terminal import print_error, stderr
from dielectra.version import __version__

BAD_INPUT = 2

app = App(
    name="dielectra",
    help="Predict, train and climb: frequency-dependent dielectric functions of crystals at a chosen level of theory.",
    help_epilogue=epilogue(FIRST_STEPS),
    version=f"dielectra {__version__}",
    help_format="markdown",
    default_parameter=Parameter(negative=(), show_default=shown_default),
    suppress_keyboard_interrupt=False,
)
ROOMS: dict[str, tuple[Callable[..., None] | App, ...]] = {
    "Predict": (predict, stack, screen, query, elements),
    "Serve": (serve, mcp),
    "Learn": (train, climb, evaluate, suggest, reproduce),
    "Compute": (compute, campaign_app),
    "Look up": (data_app, models_app),
}
for place, (title, verbs) in enumerate(ROOMS.items()):
    room = Group(title, sort_key=place)
    for verb in verbs:
        if isinstance(verb, App):
            verb.group, verb.help_epilogue = room, epilogue(EXAMPLES[verb.name[0]])
            app.command(verb)
        else:
            app.command(verb, group=room, help_epilogue=epilogue(EXAMPLES[verb.__name__]))
data_app.command(fetch_data, name="fetch")
data_app.command(import_data, name="import")
data_app.command(join_data, name="join")
data_app.command(export_data, name="export")


def _with_standard_input(arguments: Sequence[str] | None) -> list[str]:
    """Return the arguments with ``-``, which the parser takes for an option, at the end, behind ``--``."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "-" not in given or "--" in given:
        return given
    return [*(one for one in given if one != "-"), "--", "-"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; exit with 0 on success, 2 on bad input."""
    try:
        with suppress(AttributeError):  # a stream that stands in for stdout cannot always be set up
            sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # names that are no text
        app(_with_standard_input(arguments), exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except (InputError, CycloptsError) as error:
        print_error(str(error))
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        stderr.print("interrupted; the same command goes on from the last saved state")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:  # what no boundary has turned into InputError: stdout on a full disk, say
        name = f"{shown(error.filename)}: " if isinstance(error.filename, str) else ""
        print_error(f"{name}{reason(error)}")
        with suppress(OSError):
            sys.stdout.close()
        sys.exit(BAD_INPUT)
    sys.exit(0)
