"""`tagsmith sandbox`: a Drive API of your own on loopback."""

from __future__ import annotations

import click


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="0 takes a free one.")
@click.option("--key", default="sandbox", show_default=True, help="The API key it wants; not a secret.")
def sandbox(port: int, key: str) -> None:
    """Serve the Drive API's charging keys, orders and Plug&Charge on 127.0.0.1, with everything in memory.

    Ctrl-C ends it.
    """
    from tagsmith.sandbox import serve

    serve(port, key, lambda url: click.echo(f"{url}  (X-API-Key: {key})"))
