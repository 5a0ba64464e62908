"""``truecost serve``: the answers of the commands over HTTP, on this machine."""

from __future__ import annotations

import contextlib

import click

from pipelines.commands import Refused


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=9464, show_default=True,
              help="Where to listen; 0 takes a free one.")  # fmt: skip
def serve(port: int) -> None:
    """Answer over HTTP on 127.0.0.1: JSON, metrics for Prometheus, prices for OpenCost.

    /v1/COMMAND has the arguments, options, defaults and figures of the command, /v1/sql answers one
    query. /metrics is for Prometheus, /opencost/... for OpenCost; /health says what is published; /
    lists all. It only reads, and answers this machine alone. Stop with Ctrl-C.

    \b
    truecost serve --port 9464
    """
    from pipelines.commands.asking import ASKED, Asker, QuestionError
    from pipelines.commands.export import PAGES
    from pipelines.doors.ports import PortTakenError
    from pipelines.doors.web import application
    from pipelines.doors.web import serve as listen

    with contextlib.closing(Asker()) as asker:
        app = application(
            questions=(*ASKED, "sql"),
            pages={name: media_type(name) for name in PAGES},
            ask=asker.ask,
            page=asker.page,
            health=asker.publication,
            refusal=QuestionError,
        )
        try:
            with contextlib.suppress(KeyboardInterrupt):
                listen(app, port, lambda address: click.echo(f"{address} (Ctrl-C ends it)"))
        except PortTakenError as error:
            raise Refused(str(error)) from error


def media_type(name: str) -> str:
    """Return the media type of a page.

    Examples
    --------
    >>> media_type("opencost/nodes.csv")
    'text/csv; charset=utf-8'
    """
    from pipelines.answers.metrics import CONTENT_TYPE

    if name.endswith(".json"):
        return "application/json"
    return "text/csv; charset=utf-8" if name.endswith(".csv") else CONTENT_TYPE
