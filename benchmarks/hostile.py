"""Peak memory and CPU time of the worst payloads that strangers can send.

    python -m benchmarks.hostile            # each in a process of 1 GiB and 60 s, as in a run
    python -m benchmarks.hostile 4096 100   # MiB and seconds: what they cost without bounds

Each payload is made here, written to a file, and read by the parser of its source in a fresh
process, rows laid out as tables included. Sizes are those of the wire's former cap of 64 MiB, or
what a security review used; most are now refused by the cap of their source before they are kept.
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipelines.reading.sheet import Sheet, fill
from pipelines.sources import all_sources
from pipelines.sources.base import Payload
from tests.attacks.hostile import aliases, yaml_machine

MEBIBYTE = 2**20
FIXTURES = Path(__file__).parents[1] / "tests/fixtures/sources"


def zipped(size: int) -> bytes:
    content = io.BytesIO()
    header = (
        "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size"
        ",gpu_vendor,flags,provider\n"
    )
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("aws.csv", header + "a,b,1,1,1,1,H100,80,False,,,,\n" * (size // 30))
    return content.getvalue()


def page(source_id: str, extra: str) -> bytes:
    """Return the saved page of a source with more in it."""
    [entry, *_] = json.loads((FIXTURES / source_id / "payloads.json").read_text())
    text = (FIXTURES / source_id / entry["file"]).read_text()
    return (text + extra).encode()


def linode(label: str) -> bytes:
    [entry, *_] = json.loads((FIXTURES / "linode" / "payloads.json").read_text())
    answer = json.loads((FIXTURES / "linode" / entry["file"]).read_text())
    next(row for row in answer["data"] if row["gpus"])["label"] = label
    return json.dumps(answer).encode()


def ecb(size: int) -> bytes:
    space = b"http://www.ecb.int/vocabulary/2002-08-01/eurofxref"
    cube = b'<Cube currency="USD" rate="1.1"/>'
    day = b'<Cube time="2026-07-01">' + cube * (size // len(cube)) + b"</Cube>"
    return b'<r xmlns="' + space + b'">' + day + b"</r>"


GCP = ("gcp_pricing_yml", "pricing")
MASSED = ("massed_compute", "pricing")
CASES: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "YAML nested 100,000 deep": (*GCP, lambda: yaml_machine(" " + "[" * 100_000)),
    "YAML aliases, 9^9": (*GCP, lambda: yaml_machine(aliases("[x]", "[{}]", 9))),
    "YAML merge keys, 9^9": (*GCP, lambda: yaml_machine(aliases("{hour: 1}", "{{<<: [{}]}}", 9))),
    "YAML number of base 60, 1.2 MB": (
        *GCP, lambda: yaml_machine("\n        us:\n          hour: 1" + ":59" * 400_000),
    ),
    "zipped CSV of 250 MiB": ("gpuhunt", "aws", lambda: zipped(250 * MEBIBYTE)),
    "JSON of empty objects, 16 MiB": (
        "runpod", "gpu_types",
        lambda: b'{"data":{"gpuTypes":[' + b"{}," * (16 * MEBIBYTE // 3) + b"{}]}}",
    ),
    "CSV of short rows, 64 MiB": (
        "skypilot_catalog", "aws",
        lambda: (FIXTURES / "skypilot_catalog/aws.csv").read_bytes() + b"a,b\n" * (16 * MEBIBYTE),
    ),
    "HTML nested, 8 MiB": ("crusoe", "pricing", lambda: b"<b>" * (8 * MEBIBYTE // 3)),
    "HTML of 2 million cells": (
        "gcp_page", "us-central1", lambda: b"<table><tr>" + b"<td>1" * 2_000_000,
    ),
    "XML of 64 MiB": ("ecb", "daily", lambda: ecb(64 * MEBIBYTE)),
    "label of 32 kB": ("linode", "types/1", lambda: linode("Dedicated a" + " + x1" * 6_400 + "\n")),
    "digits, 100 kB": ("koyeb", "pricing", lambda: page("koyeb", "1" * 100_000)),
    "page data, 1 MB": (*MASSED, lambda: page(MASSED[0], "self.__next_f.push([" * 50_000)),
    "script tables, 1 MB": (
        "nebius", "prices",
        lambda: b'"title":"NVIDIA GPU Instances","table":{"content":[[' * 20_000,
    ),
}  # fmt: skip


def read(name: str, file: str) -> None:
    """Parse one payload in this process and print what became of it."""
    source_id, key, _ = CASES[name]
    content = Path(file).read_bytes()
    moment = datetime(2026, 7, 1, 6, tzinfo=UTC)
    empty = Payload(
        source_id=source_id, key=key, url="", content=b"", sha256="0" * 64, seen_at=moment
    )
    source = all_sources()[source_id]
    sheet = Sheet(empty, source.parser_version)
    try:
        failure = fill(sheet, replace(empty, content=content), source)
        sheet.tables(), sheet.quarantine()
        print(f"{failure[1][:90]}" if failure else f"{len(sheet.held)} rows held")
    except (MemoryError, RuntimeError) as error:
        print(f"{type(error).__name__} {error}"[:90])


def limit(mebibytes: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (mebibytes * MEBIBYTE + 400 * MEBIBYTE,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(mebibytes: int, seconds: int) -> None:
    print(f"limits: {mebibytes} MiB beyond the modules, {seconds} s of CPU time")
    print(f"{'payload':34}{'bytes':>12}{'peak MiB':>10}{'CPU s':>8}  outcome")
    with tempfile.TemporaryDirectory() as folder:
        for name, (_, _, make) in CASES.items():
            file = Path(folder, "payload")
            content = make()
            file.write_bytes(content)
            size = len(content)
            del content
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.hostile", name, str(file)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                preexec_fn=lambda: limit(mebibytes, seconds),
            )
            assert process.stdout is not None
            said = process.stdout.read().strip()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            outcome = said or f"died: {process.returncode}"
            cpu = used.ru_utime + used.ru_stime
            print(f"{name:34}{size:>12,}{used.ru_maxrss / 1024:>10.0f}{cpu:>8.1f}  {outcome}")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in CASES:
        read(*sys.argv[1:])
    else:
        main(*map(int, sys.argv[1:] or (1024, 60)))
