"""The time that a parser takes grows with the payload, whatever in it grows.

Every saved answer is grown in each of its fields, cells, attributes, numbers, names, rows and
elements. Work by the square of 16 KiB takes seconds; what takes little is linear or bounded. What
takes longer is compared with a payload of four times the size, in the same process.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest

from pipelines.child.limits import CallError, LimitError, Limits
from pipelines.child.process import BoundedChild
from pipelines.sources import all_sources
from pipelines.sources.fixtures import fixture_payloads
from tests.attacks.growing import FIXTURES, cpu_seconds, variants

SIZE = 2**14  # bytes of each place that grows
LITTLE = 0.25  # s of CPU time beyond the payload as saved
MOST_GROWTH = 8.0  # at four times the size; linear is 4, the square 16
LIMITS = Limits(cpu_seconds=20)
QUICK_SHARE, SLOW_SHARE = 50, 10  # one variant of so many is tried; all: set both to 1


@pytest.fixture(scope="module")
def child() -> Iterator[BoundedChild]:
    with BoundedChild(prepare=(all_sources,)) as one:
        yield one


def faults(child: BoundedChild, source_id: str, share: int) -> tuple[list[str], int]:
    """Return the variants that take too long or fail, and how many were tried."""
    found, tried = [], 0
    for number, _ in enumerate(fixture_payloads(FIXTURES / source_id, all_sources()[source_id])):
        as_saved = child.call(LIMITS, cpu_seconds, source_id, number, None, 0)
        for name in variants(source_id, number):
            if zlib.crc32(f"{source_id} {number} {name}".encode()) % share:
                continue
            tried += 1
            case = (source_id, number, name)
            try:
                if child.call(LIMITS, cpu_seconds, *case, SIZE) <= as_saved + LITTLE:
                    continue
                small = child.call(LIMITS, cpu_seconds, *case, SIZE)  # again: it was a busy moment
                growth = child.call(LIMITS, cpu_seconds, *case, 4 * SIZE) / small
            except (LimitError, CallError) as error:
                found.append(f"{case}: {error}")
                continue
            if small > as_saved + LITTLE and growth > MOST_GROWTH:
                found.append(f"{case}: {small:.2f} s, {growth:.0f} times that at four times it")
    return found, tried


@pytest.mark.parametrize(
    "source_id", [pytest.param(name, marks=pytest.mark.slow) for name in all_sources()]
)
def test_time_grows_with_the_payload(child: BoundedChild, source_id: str) -> None:
    found, tried = faults(child, source_id, SLOW_SHARE)
    assert tried
    assert not found, "\n".join(found)


def test_a_share_of_the_variants_of_every_source(child: BoundedChild) -> None:
    results = [faults(child, source_id, QUICK_SHARE) for source_id in all_sources()]
    assert sum(tried for _, tried in results) > 200
    assert not [fault for found, _ in results for fault in found]
