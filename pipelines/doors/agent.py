"""A Model Context Protocol server over standard input and output: tools that only read.

The official SDK speaks the protocol; it is the extra ``mcp``. Which tools there are, and what they
answer within which limits, is passed in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AgentTool:
    """A tool: its name, what it answers, and the JSON schema of its arguments."""

    name: str
    description: str
    arguments: Mapping[str, Any]


def serve(
    tools: Sequence[AgentTool],
    ask: Callable[[str, Mapping[str, Any]], Mapping[str, Any]],
    refusal: type[Exception],
    *,
    instructions: str,
    version: str,
) -> None:
    """Serve until standard input is closed.

    Parameters
    ----------
    tools : sequence of AgentTool
        What an agent can ask.
    ask : callable
        Answers a tool with its arguments; called in a thread.
    refusal : exception class
        What it raises for bad input: the agent reads the line.
    instructions : str
        What an agent reads first.
    version : str
        Of this server.

    Raises
    ------
    ImportError
        If the SDK is not installed.
    """
    import mcp.types as types
    from mcp.server import Server
    from mcp.server.stdio import stdio_server

    known = {tool.name for tool in tools}

    async def listed(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=tool.name,
                    description=tool.description,
                    input_schema=dict(tool.arguments),
                    annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
                )
                for tool in tools
            ]
        )

    async def called(_: Any, asked: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            if asked.name not in known:
                raise refusal(f"no tool {asked.name!r}; there are: {', '.join(sorted(known))}")
            answer = dict(await asyncio.to_thread(ask, asked.name, asked.arguments or {}))
        except refusal as error:
            said = types.TextContent(type="text", text=str(error))
            return types.CallToolResult(content=[said], is_error=True)
        text = types.TextContent(type="text", text=json.dumps(answer))
        return types.CallToolResult(content=[text], structured_content=answer)

    async def run() -> None:
        server = Server(
            "truecost",
            version=version,
            instructions=instructions,
            on_list_tools=listed,
            on_call_tool=called,
        )
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    asyncio.run(run())
