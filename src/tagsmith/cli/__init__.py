"""The commands. Nothing is decided here: each command reads its arguments, calls one room, and prints.

Errors go to standard error with exit code 1, wrong usage with 2. A command's module is imported only when it is
called, and `--help` shows a static table, so that both stay fast.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from tagsmith import __version__

_COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("tagsmith.cli.demo:demo", "Try everything: sandbox, simulated reader and screen in one."),
    "run": ("tagsmith.cli.run:run_station", "The station: tap, scan, pair, deliver."),
    "serve": ("tagsmith.cli.serve:serve", "The station's screen in a browser."),
    "read": ("tagsmith.cli.read:read", "Print one JSON line per tap."),
    "readers": ("tagsmith.cli.readers:readers", "What readers and scanners are there, and how they stand."),
    "status": ("tagsmith.cli.status:status", "What stands in the journal, who delivers, who has the readers."),
    "setup": ("tagsmith.cli.setup:setup", "From a bare machine to a station: questions, or a file of answers."),
    "doctor": ("tagsmith.cli.doctor:doctor", "What is in the way, and what to type."),
    "calibrate": ("tagsmith.cli.calibrate:calibrate", "Prove the byte order with a key that is known to work."),
    "commands": ("tagsmith.cli.commands:commands", "Barcodes that are commands, and a sheet of them."),
    "uid": ("tagsmith.cli.judge:uid", "Judge a UID and show it in both orders."),
    "visual-number": ("tagsmith.cli.judge:visual_number", "Check a printed number."),
    "journal": ("tagsmith.cli.journal:journal", "List, show, correct, verify, back up and export what was paired."),
    "batch": ("tagsmith.cli.batch:batch", "Batches: create, import, list, show, close, report."),
    "shift": ("tagsmith.cli.shift:shift", "Shifts: list, report; the line for a supervisor's PIN."),
    "courier": ("tagsmith.cli.courier:courier", "Delivery alone, without readers."),
    "keys": ("tagsmith.cli.keys:keys", "A user's keys: list, activate, rename, enable, disable, replace."),
    "orders": ("tagsmith.cli.orders:orders", "Order keys for users; orders, receipts and prices."),
    "pnc": ("tagsmith.cli.pnc:pnc", "Plug&Charge: create, enable and disable keys of vehicles."),
    "sandbox": ("tagsmith.cli.sandbox:sandbox", "A Drive API of your own on loopback."),
}
"""Command → where it lives and its line in the help."""


class _LazyGroup(click.Group):
    """A group that imports a command when it is called, not when it is listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tagsmith")
@click.option("-v", "--verbose", count=True, help="More log lines on standard error (-vvv: wire traffic too).")
@click.option("--log-journal", is_flag=True, help="Log to journald with fields; services do so by themselves.")
def main(verbose: int, log_journal: bool) -> None:
    """Turn blank charging keys into registered ones: tap, scan, done."""
    if verbose or log_journal:
        import logging

        from tagsmith.cli.output import log_to_journald, log_to_stderr

        level = {0: logging.INFO, 1: logging.INFO, 2: logging.DEBUG}.get(verbose, 5)
        (log_to_journald if log_journal else log_to_stderr)(level)


def run_command_line() -> None:
    """Run the command line and end the process: 0 done, 1 error, 2 usage, 3 something is left, 130 interrupted."""
    from tagsmith.errors import TagsmithError

    try:
        sys.exit(main.main(standalone_mode=False) or 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except TagsmithError as error:
        _log_where_nobody_reads(error)
        click.echo(f"tagsmith: {error.message}", err=True)
        if error.remedy:
            click.echo(f"  → {error.remedy}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output has gone; what is still buffered must not raise at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        place = f" {error.filename}" if error.filename else ""
        click.echo(f"tagsmith: cannot read or write{place}: {error.strerror or error}", err=True)
        # What is buffered for an output that takes no more would be tried again at exit, with a traceback.
        os._exit(1)
    except Exception as error:  # a fault of ours must not put a traceback before a worker
        import logging

        logging.getLogger(__name__).info("the command failed", exc_info=error)
        click.echo(f"tagsmith: this should not happen: {type(error).__name__}", err=True)
        click.echo("  → the details: run it again with -v", err=True)
        sys.exit(1)


def _log_where_nobody_reads(error: Exception) -> None:
    """Log why the command ends if the log goes to journald and standard error does not: a kiosk's terminal is wiped."""
    import logging

    from tagsmith.supervision import journald

    if journald.listening() and (sys.stderr is None or sys.stderr.isatty()):
        logging.getLogger(__name__).error("%s", error)
