"""Payloads that are small on the wire and large for whoever reads them, made here, by source.

Each comes with what becomes of it: the words of its refusal, or None where rows are kept or held
as in any other answer.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures/sources"


@dataclass(frozen=True)
class Hostile:
    """A payload, the source that it pretends to be of, and the words of its refusal."""

    name: str
    source_id: str
    key: str
    content: Callable[[], bytes]
    refusal: str | None


def fixture(source_id: str, file: str) -> bytes:
    return (FIXTURES / source_id / file).read_bytes()


def yaml_machine(cost: str) -> bytes:
    """Return a price file whose one GPU machine has this cost."""
    return f"compute:\n  instance:\n    a2-highgpu-1g:\n      cost:{cost}\n".encode()


def aliases(first: str, each: str, levels: int) -> str:
    """Return levels of nodes, each of which repeats the one before nine times."""
    lines = ["", f"        a0: &a0 {first}"]
    for level in range(1, levels):
        repeated = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"        a{level}: &a{level} {each.format(repeated)}")
    return "\n".join(lines)


def zipped(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in files.items():
            writer.writestr(name, content)
    return archive.getvalue()


def lying_zip() -> bytes:
    """Return an archive that says its file has ten bytes."""
    content = zipped({"aws.csv": b"a,b\n" * 500_000})
    return content.replace((2_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))


def page(body: bytes) -> bytes:
    return b"<!doctype html><html><head><title>Pricing</title></head><body>" + body


def pushes(text: str) -> bytes:
    """Return a page whose script data is this text."""
    return page(b"<script>self.__next_f.push(" + json.dumps([1, text]).encode() + b")</script>")


def ecb(inner: bytes, prologue: bytes = b"") -> bytes:
    space = b'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"'
    return b'<?xml version="1.0"?>' + prologue + b"<r " + space + b">" + inner + b"</r>"


DAY, RATE = b'<Cube time="2026-07-01">', b'<Cube currency="USD" rate="1.1"/>'
LAUGHS = b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "' + b"&a;" * 50 + b'">]>'


def yaml_cases() -> list[Hostile]:
    costs = {
        "flow nesting": (" " + "[" * 100_000, "nested over 64"),
        "closed flow nesting": (" " + "[" * 5_000 + "]" * 5_000, "nested over 64"),
        "map nesting": (" " + "{a: " * 50_000, "nested over 64"),
        "alias bomb": (aliases("[lol]", "[{}]", 12), "aliases written out"),
        "merge bomb": (aliases("{hour: 1}", "{{<<: [{}]}}", 12), "aliases written out"),
        "alias of itself": (" &a\n        us: *a", "aliases written out"),
        "unknown alias": ("\n        us: *nowhere", "not YAML"),
        "base 60": ("\n        us:\n          hour: 1" + ":59" * 200_000, None),
        "whole number of a million digits": ("\n        us:\n          hour: " + "9" * 10**6, None),
        "tag of Python": (" !!python/object/apply:os.system [id]", "not YAML"),
        "many scalars": (" [" + "1," * 1_100_000 + "1]", "aliases written out"),
    }
    return [
        Hostile(
            f"yaml: {name}", "gcp_pricing_yml", "pricing", lambda c=cost: yaml_machine(c), words
        )
        for name, (cost, words) in costs.items()
    ]


CASES = [
    *yaml_cases(),
    Hostile("json: nesting", "runpod", "gpu_types", lambda: b"[" * 200_000, "not JSON"),
    Hostile("json: nested objects", "akash", "gpu_prices", lambda: b'{"a":' * 10**5, "not JSON"),
    Hostile("json: a million digits", "akash", "gpu_prices", lambda: b"9" * 10**6, "not JSON"),
    Hostile(
        "json: decimal digits", "akash", "gpu_prices", lambda: b"0." + b"9" * 10**6, "1000 digits"
    ),
    Hostile("json: exponent", "akash", "gpu_prices", lambda: b'{"a": 1e999999999}', "1000 digits"),
    Hostile("json: constant", "akash", "gpu_prices", lambda: b'{"a": NaN}', "not JSON"),
    Hostile(
        "json: small rows",
        "cloud_gpus",
        "table",
        lambda: b'{"data": [' + b"{}," * 100_000 + b"{}]}",
        "have to be held",
    ),
    Hostile(
        "json: one row of 4 MB",
        "cloud_gpus",
        "table",
        lambda: b'{"data": [{"name": [' + b"[1,[2]]," * 500_000 + b"1]}, {}]}",
        "did the shape change",
    ),
    Hostile(
        "csv: short rows",
        "fred",
        "PCU",
        lambda: b"date,value\n" + b"1\n" * 10**5,
        "have to be held",
    ),
    Hostile(
        "csv: field", "fred", "PCU", lambda: b'date,value\n"' + b"x" * 3 * 2**20, "field larger"
    ),
    Hostile("csv: columns", "epoch_models", "notable", lambda: b"a," * 2_000_000, "no column"),
    Hostile("zip: ratio", "gpuhunt", "aws", lambda: zipped({"aws.csv": b"0" * 10**8}), "inflates"),
    Hostile("zip: lies of its size", "gpuhunt", "aws", lying_zip, "no zip archive"),
    Hostile(
        "zip: in a zip",
        "gpuhunt",
        "aws",
        lambda: zipped({"aws.csv": zipped({"aws.csv": b"0" * 10**7})}),
        "",
    ),
    Hostile(
        "zip: many names",
        "gpuhunt",
        "aws",
        lambda: zipped({f"../{n}": b"" for n in range(20_000)}),
        "is expected",
    ),
    Hostile("html: nesting", "crusoe", "pricing", lambda: page(b"<div>" * 90_000), "no priced row"),
    Hostile("html: tags", "crusoe", "pricing", lambda: page(b"<br>" * 200_000), "200,0"),
    Hostile("html: cells", "gcp_page", "us", lambda: page(b"<td>1" * 2_000_000), "2,000,0"),
    Hostile(
        "html: grids without a region",
        "coreweave",
        "pricing",
        lambda: page(
            (b'<h5>x</h5><div class="table-grid"><h3 class="table-model-name">a</h3></div>')
            * 10_000
        ),
        "no priced row",
    ),
    Hostile(
        "html: rows without a tab",
        "lambda_page",
        "pricing",
        lambda: page(
            b'<div role="tabpanel" id=\'"]\'><table>' + b'<tr data-plan="a"></tr>' * 20_000
        ),
        "no priced row",
    ),
    Hostile(
        "html: attribute", "crusoe", "pricing", lambda: page(b'<p a="' + b"x" * 2**24), "no priced"
    ),
    Hostile("html: comment", "crusoe", "pricing", lambda: page(b"<!--" * 50_000), "no priced row"),
    Hostile("xml: entities", "ecb", "daily", lambda: ecb(b"&b;", LAUGHS), "document type"),
    Hostile(
        "xml: file",
        "ecb",
        "daily",
        lambda: ecb(b"&f;", b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>'),
        "document type",
    ),
    Hostile("xml: nesting", "ecb", "daily", lambda: ecb(DAY * 100_000), "not XML"),
    Hostile(
        "xml: days in days",
        "ecb",
        "daily",
        lambda: ecb(DAY * 200 + RATE * 20_000 + b"</Cube>" * 200),
        None,
    ),
    Hostile(
        "script: cut calls",
        "massed_compute",
        "pricing",
        lambda: page(b"self.__next_f.push([" * 40_000),
        "truncated",
    ),
    Hostile(
        "script: calls",
        "massed_compute",
        "pricing",
        lambda: pushes("self.__next_f.push([1" * 40_000),
        "no machine",
    ),
    Hostile(
        "script: cards",
        "massed_compute",
        "pricing",
        lambda: pushes('"-mobile-x 1-1' * 50_000),
        "no machine",
    ),
    Hostile(
        "script: titles",
        "nebius",
        "prices",
        lambda: page(b'"title":"NVIDIA GPU Instances"' * 50_000),
        "no on-demand GPU-hour column",
    ),
]
