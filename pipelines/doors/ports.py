"""Whether a server can listen on a port of this machine."""

from __future__ import annotations

import asyncio


class PortTakenError(RuntimeError):
    """Something else listens on the port."""


def refuse_taken(port: int) -> None:
    """Refuse a port of 127.0.0.1 on which something else listens.

    Raises
    ------
    PortTakenError
        One line with the way out.
    """
    if not asyncio.run(_is_free(port)):
        raise PortTakenError(f"port {port} is taken; give another one with --port")


async def _is_free(port: int) -> bool:
    try:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port)
    except OSError:
        return False
    server.close()
    return True
