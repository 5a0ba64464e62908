"""``truecost ui``: the Dagster webserver and daemon, on this machine only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click

from pipelines.jobs import PROJECT, prepare_instance
from warehouse.paths import Home


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--read-only", is_flag=True, help="Let people look and start nothing.")
def ui(port: int, read_only: bool) -> None:
    """Start the Dagster webserver and daemon on 127.0.0.1 and keep them running.

    Lineage, schedules (06:00 and 06:20 UTC), runs and checks. Dagster has no login: do not expose
    the port; put a proxy with a login in front of it. Stop with Ctrl-C.
    """
    prepare_instance(Home.from_environment())
    folder = Path(sys.executable).parent
    workspace = ["-m", "pipelines.definitions", "-d", str(PROJECT)]
    webserver = [str(folder / "dagster-webserver"), "-h", "127.0.0.1", "-p", str(port), *workspace]
    if read_only:
        webserver.append("--read-only")
    click.echo(f"Dagster on http://127.0.0.1:{port} (Ctrl-C ends it)")
    # Ended from outside, it ends its two servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    processes = [
        subprocess.Popen(command, cwd=PROJECT, env=os.environ)
        for command in (webserver, [str(folder / "dagster-daemon"), "run", *workspace])
    ]
    try:
        for process in processes:
            process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=20)
