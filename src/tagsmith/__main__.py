"""`python -m tagsmith`, and the `tagsmith` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from tagsmith.cli import run_command_line

    run_command_line()


if __name__ == "__main__":
    main()
