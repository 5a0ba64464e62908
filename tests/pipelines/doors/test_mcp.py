"""``truecost mcp``, asked by the client of the protocol's own SDK."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pipelines.commands.mcp import MOST_ROWS, TOOLS
from tests.pipelines.commands.conftest import Truecost
from warehouse.paths import HOME_VARIABLE, Home

mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")

H100 = "H100-SXM-80GB"


def asked(home: Home, use: Callable[[Any], Awaitable[Any]]) -> Any:
    """Start the server as an agent does, and use it."""

    async def run() -> Any:
        started = mcp.StdioServerParameters(
            command=sys.executable,
            args=["-m", "pipelines.cli", "mcp"],
            env=os.environ | {HOME_VARIABLE: str(home.root)},
        )
        async with mcp.Client(started) as client:
            return await use(client)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def session(answers_home: Home) -> dict[str, Any]:
    """Return what one session of an agent got, by question."""
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "offers": ("offers", {"gpu": "H100 SXM", "gpu_count": 8, "limit": 2}),
        "infer": ("infer", {"model": "llama-3.3-70b", "gpu": [H100], "limit": 1}),
        "why": ("why", {"table": "core.gpu", "key": [H100]}),
        "sql": ("sql", {"query": "select 1 as one"}),
        "unknown": ("offers", {"gpu": "zzz"}),
        "rows": ("sql", {"query": f"from range({MOST_ROWS + 1})"}),
        "file": ("infer", {"model_file": "/etc/passwd"}),
        "write": ("sql", {"query": "create table core.x as select 1"}),
        "tool": ("run", {}),
    }

    async def use(client: Any) -> dict[str, Any]:
        listed = await client.list_tools()
        got = {"tools": listed.tools, "instructions": client.instructions}
        for question, (name, arguments) in calls.items():
            got[question] = await client.call_tool(name, arguments)
        return got

    found: dict[str, Any] = asked(answers_home, use)
    return found


def test_the_tools_only_read_and_describe_their_arguments(session: dict[str, Any]) -> None:
    tools = {tool.name: tool for tool in session["tools"]}
    assert tuple(tools) == (*TOOLS, "sql")
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools.values())
    offers = tools["offers"].input_schema
    assert offers["required"] == ["gpu"]
    assert offers["properties"]["gpu_count"] == {
        "type": "integer",
        "description": "GPUs in one instance.",
    }
    assert "spot" in offers["properties"]["purchase_model"]["enum"]
    assert not {"output", "prices", "model_file"} & {
        name for tool in tools.values() for name in tool.input_schema["properties"]
    }
    assert "cite" in session["instructions"]


@pytest.mark.parametrize("question", ["offers", "infer", "why", "sql"])
def test_an_answer_carries_how_to_cite_it(session: dict[str, Any], question: str) -> None:
    got = session[question]
    assert not got.is_error
    assert json.loads(got.content[0].text) == got.structured_content
    assert "Truecost" in got.structured_content["publication"]["citation"]


def test_an_answer_is_that_of_the_command(session: dict[str, Any], ask: Truecost) -> None:
    printed = json.loads(ask("offers", "H100 SXM", "-n", "8", "--limit", "2", "--json").stdout)
    answer = session["offers"].structured_content
    assert answer["rows"] == [{key: row[key] for key in row if key != "moment"} for row in printed]
    assert answer["moment"]["prices_at"] == printed[0]["moment"]["prices_at"]
    assert all(row["source_url"] for row in answer["rows"])
    [serving] = session["infer"].structured_content["rows"]
    assert serving["low"] < serving["usd_per_1k_tokens"] < serving["high"]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("unknown", "unknown GPU 'zzz'"),
        ("rows", "more than 200 rows: narrow it"),
        ("file", "command line alone"),
        ("write", "refused"),
        ("tool", "no tool 'run'"),
    ],
)
def test_bad_input_is_one_line(session: dict[str, Any], question: str, reason: str) -> None:
    got = session[question]
    assert got.is_error
    assert reason in got.content[0].text
    assert "\n" not in got.content[0].text
