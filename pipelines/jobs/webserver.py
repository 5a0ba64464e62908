"""Dagster's web server and daemon in this process and a child, behind a guard.

Who may come in is decided by the guard, which is passed in; where the state lies by ``instance``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.jobs.instance import MODULE
from pipelines.jobs.runner import innermost, restored_sigterm
from warehouse.paths import PROJECT

POLL_MILLISECONDS = 2000  # the page asks for new states so often, as with Dagster's own command
GOODBYE_SECONDS = 3  # for open connections at the end
DAEMON_SECONDS = 20
DAEMON = (sys.executable, "-m", "dagster._daemon", "run", "-m", MODULE, "-d", str(PROJECT))
START_DAEMON = """
import os, sys
from pipelines.child.serving import end_with_parent
end_with_parent(int(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
"""


class NotServedError(RuntimeError):
    """The server did not start or did not stay; the message says why and what helps."""


def serve(
    *, port: int, is_read_only: bool, guard: Callable[[Any], Any], announce: Callable[[Any], None]
) -> None:
    """Serve Dagster on 127.0.0.1, with its daemon, until this process gets a signal to end.

    Parameters
    ----------
    port : int
        Where to listen: a free one.
    is_read_only : bool
        Whether Dagster refuses what changes something.
    guard : callable
        From Dagster's application to the one that is served.
    announce : callable
        Called with the served application when it is ready.

    Raises
    ------
    NotServedError
        If the code location does not load, or the daemon ends.
    """
    with warnings.catch_warnings(), restored_sigterm():
        warnings.simplefilter("ignore")  # Dagster's own notices of preview features
        # The private two have no public spelling; the version of Dagster is pinned.
        from dagster import __version__
        from dagster._core.workspace.context import WorkspaceProcessContext
        from dagster._core.workspace.load_target import ModuleTarget
        from dagster_webserver.app import create_app_from_workspace_process_context

        from pipelines.jobs.storage import opened_instance

        target = ModuleTarget(MODULE, None, str(PROJECT), MODULE)
        with (
            opened_instance() as instance,
            WorkspaceProcessContext(
                instance,
                target,
                version=__version__,
                read_only=is_read_only,
                code_server_log_level="CRITICAL",  # one line says what does not load
            ) as workspace,
        ):
            errors = workspace.create_request_context().code_location_errors()
            if errors:
                raise NotServedError(f"{MODULE} does not load: {innermost(errors[0])}")
            app = guard(create_app_from_workspace_process_context(workspace, "", POLL_MILLISECONDS))
            _run(app, port, lambda: announce(app))


def _run(app: Any, port: int, announce: Callable[[], None]) -> None:
    import uvicorn

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                announce()

    server = Announcing(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=GOODBYE_SECONDS,
        )
    )

    def stop() -> None:
        server.should_exit = True

    # The server raises the signal again once it has closed; this ends the daemon too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _daemon(stop) as daemon:
        server.run()
        ended = daemon.poll()
    if ended is not None:
        raise NotServedError(f"dagster-daemon ended with status {ended}; its lines are above")


@contextmanager
def _daemon(on_end: Callable[[], None]) -> Iterator[subprocess.Popen[bytes]]:
    """Run Dagster's daemon, which starts the schedules and the runs of the page."""
    lifeline, ours = os.pipe()  # so that the daemon ends with this process, even when it is killed
    start = [sys.executable, "-c", START_DAEMON, str(lifeline), *DAEMON]
    process = subprocess.Popen(start, cwd=PROJECT, pass_fds=(lifeline,))
    os.close(lifeline)

    def watch() -> None:
        process.wait()
        on_end()

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=DAEMON_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        os.close(ours)
