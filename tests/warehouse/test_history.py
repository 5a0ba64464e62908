"""The bitemporal history against its definition, over random sequences of captures.

The definition, in plain Python: what is believed about a scope at an instant is the content of its
last capture at or before it, among the captures known by then; a newer capture of the same instant
replaces the older one.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from warehouse import history

PRICE = history.Entity(
    name="price",
    view="price",
    key="thing",
    values={"region": "varchar", "usd": "double"},
    provenance={"payload_sha256": "varchar"},
)
START = datetime(2026, 1, 1, 6)  # noqa: DTZ001  the warehouse keeps UTC without a zone
END = datetime(9999, 1, 1)  # noqa: DTZ001
MACROS = Path(history.__file__).parent / "sql" / "macros" / "history.sql"
fewer = settings(max_examples=settings.default.max_examples // 6)  # an example merges many times


@dataclass(frozen=True)
class Capture:
    """One good capture, with its complete rows: thing -> (region, usd)."""

    scope: str
    valid_day: int
    recorded_day: int
    rows: tuple[tuple[str, tuple[str | None, float]], ...]
    parser_version: int = 1

    @property
    def seen_at(self):
        return START + timedelta(days=self.valid_day)

    @property
    def recorded_at(self):
        return START + timedelta(days=self.recorded_day)

    @property
    def rank(self):
        return self.recorded_day, self.parser_version, self.capture_id

    @property
    def capture_id(self):
        text = ",".join(f"{thing}:{value}" for thing, value in sorted(self.rows, key=str))
        # The content first: an id must not sort as the version of the parser does.
        return f"{self.scope}/{self.valid_day}/{self.recorded_day}/{text}/{self.parser_version}"


def connect():
    connection = duckdb.connect(":memory:", config={"threads": "1"})
    history.create(connection, PRICE)
    return connection


def merge(connection, captures, **options):
    """Merge the captures in one batch, from tables as the build makes them."""
    connection.execute(
        "create or replace temp table seen (capture_id varchar, source_id varchar,"
        " request_key varchar, seen_at timestamp, recorded_at timestamp, parser_version integer)"
    )
    connection.execute(
        "create or replace temp table observed (capture_id varchar, thing varchar,"
        " region varchar, usd double, payload_sha256 varchar)"
    )
    for one in {one.capture_id: one for one in captures}.values():
        connection.execute(
            "insert into seen values (?, 'acme', ?, ?, ?, ?)",
            [one.capture_id, one.scope, one.seen_at, one.recorded_at, one.parser_version],
        )
        for thing, (region, usd) in one.rows:
            connection.execute(
                "insert into observed values (?, ?, ?, ?, ?)",
                [one.capture_id, thing, region, usd, one.capture_id],
            )
    return history.merge(connection, "observed", "seen", PRICE, **options)


def rows(connection):
    """Return the history as a set of (scope, thing, region, usd, interval, knowledge)."""
    return sorted(
        connection.execute(
            "select request_key, thing, region, usd, valid_from, valid_to, recorded_at,"
            " superseded_at from core.price"
        ).fetchall(),
        key=str,
    )


def beliefs(captures, known_day):
    """Return the intervals believed on a day, by the definition: the specification."""
    effective = {}
    for one in captures:
        moment = (one.scope, one.valid_day)
        if one.recorded_day <= known_day and (
            moment not in effective or one.rank > effective[moment].rank
        ):
            effective[moment] = one
    intervals = set()
    by_scope = defaultdict(list)
    for scope, day in sorted(effective):
        by_scope[scope].append(effective[scope, day])
    for scope, line in by_scope.items():
        standing = {}
        for one in line:
            now = dict(one.rows)
            for thing, (value, since) in list(standing.items()):
                if now.get(thing) != value:
                    intervals.add((scope, thing, *value, since, one.seen_at))
                    del standing[thing]
            for thing, value in now.items():
                standing.setdefault(thing, (value, one.seen_at))
        intervals |= {(scope, thing, *v, since, None) for thing, (v, since) in standing.items()}
    return intervals


def canonical_rows(captures):
    """Return the rows the history should hold: each interval with its stretches of knowledge."""
    days = sorted({one.recorded_day for one in captures})
    expected, standing = [], {}
    for day in days:
        now = beliefs(captures, day)
        at = START + timedelta(days=day)
        for interval in [i for i in standing if i not in now]:
            expected.append((*interval, standing.pop(interval), at))
        for interval in now:
            standing.setdefault(interval, at)
    expected += [(*interval, since, None) for interval, since in standing.items()]
    return sorted(expected, key=str)


contents = st.dictionaries(
    st.sampled_from("abc"),
    st.tuples(st.sampled_from(["eu", None]), st.sampled_from([1.0, 2.0])),
    max_size=3,
).map(lambda d: tuple(sorted(d.items())))


@st.composite
def capture_sequences(draw):
    """Draw captures in order of knowledge: late, duplicate, corrected and empty ones among them."""
    captures, recorded_day = [], 0
    for _ in range(draw(st.integers(1, 8))):
        recorded_day += draw(st.sampled_from([0, 1, 1, 2]))
        captures.append(
            Capture(
                scope=draw(st.sampled_from(["north", "south"])),
                valid_day=draw(st.one_of(st.just(recorded_day), st.integers(0, recorded_day))),
                recorded_day=recorded_day,
                rows=draw(contents),
                parser_version=draw(st.sampled_from([1, 2])),
            )
        )
    return captures


def batches(captures, by):
    """Split captures into batches: all in one, one an instant of knowledge, or one each."""
    if by == "all":
        return [captures]
    if by == "each":
        return [[one] for one in captures]
    days = sorted({one.recorded_day for one in captures})
    return [[one for one in captures if one.recorded_day == day] for day in days]


def sequence(*seen):
    """Return captures of one scope and thing: (valid day, recorded day, usd or None, parser)."""
    return [
        Capture("north", valid, recorded, () if usd is None else (("a", ("eu", usd)),), *parser)
        for valid, recorded, usd, *parser in seen
    ]


# Sequences that chance seldom draws; each is wrong under a mistake that nothing else shows.
superseded_belief_in_reach = sequence((0, 0, 1.0), (4, 4, 2.0), (2, 5, 2.0), (1, 6, 2.0))
belief_of_the_same_instant = sequence((0, 5, 1.0), (3, 5, 2.0), (1, 5, 3.0))
correction_joins_what_ended_there = sequence((0, 0, 1.0), (2, 2, 2.0), (2, 3, 1.0))
newer_parser_with_a_lower_price = sequence((0, 0, 2.0, 1), (0, 0, 1.0, 2), (1, 1, None, 2))
confirmed_and_then_changed_at_once = sequence((0, 0, 1.0), (1, 2, 1.0), (2, 2, 2.0))

taken_back_at_once = sequence((0, 0, 1.0), (1, 1, None, 1), (1, 1, 1.0, 2))


@fewer
@given(captures=capture_sequences(), by=st.sampled_from(["all", "instant", "each"]))
@example(captures=taken_back_at_once, by="each")
@example(captures=superseded_belief_in_reach, by="instant")
@example(captures=belief_of_the_same_instant, by="each")
@example(captures=correction_joins_what_ended_there, by="instant")
@example(captures=newer_parser_with_a_lower_price, by="instant")
@example(captures=newer_parser_with_a_lower_price, by="each")
@example(captures=confirmed_and_then_changed_at_once, by="instant")
def test_the_history_is_its_definition_in_one_batch_or_many(captures, by):
    with connect() as connection:
        for batch in batches(captures, by):
            merge(connection, batch)
        held = rows(connection)
    assert held == canonical_rows(captures)
    assert not [(a, b) for a, b in itertools.combinations(held, 2) if overlap(a, b)]


def overlap(a, b):
    """Return whether two rows answer for one thing at one (valid, known) pair."""
    end = END
    return (
        a[:2] == b[:2]
        and a[4] < (b[5] or end)
        and b[4] < (a[5] or end)
        and a[6] < (b[7] or end)
        and b[6] < (a[7] or end)
    )


def answers(history_rows, known_before):
    """Return what the rows answer on every (valid, known) pair before a day of knowledge."""
    moments = [START + timedelta(days=day) for day in range(20)]
    return {
        (valid, known): {
            row[:4]
            for row in history_rows
            if row[4] <= valid < (row[5] or END) and row[6] <= known < (row[7] or END)
        }
        for valid in moments
        for known in moments[:known_before]
    }


@fewer
@given(captures=capture_sequences(), data=st.data())
def test_no_answer_about_the_past_changes_and_twice_is_once(captures, data):
    merged = []
    with connect() as connection:
        for batch in batches(captures, "instant"):
            before = rows(connection)
            merge(connection, data.draw(st.permutations(batch)))
            after = rows(connection)
            known = batch[0].recorded_day
            assert answers(after, known) == answers(before, known)
            merged += batch
            merge(connection, data.draw(st.permutations(merged)))
            assert rows(connection) == after


@fewer
@given(captures=capture_sequences(), data=st.data())
def test_the_order_of_late_arrivals_does_not_matter(captures, data):
    distinct = {(one.scope, one.valid_day): one for one in captures}
    shuffled = data.draw(st.permutations(sorted(distinct.values(), key=str)))
    with connect() as connection:
        for day, one in enumerate(shuffled, start=last_day(captures)):
            merge(connection, [Capture(one.scope, one.valid_day, day, one.rows)])
        standing = {row[:6] for row in rows(connection) if row[7] is None}
    assert standing == beliefs(list(distinct.values()), last_day(captures))


def last_day(captures):
    return max(one.recorded_day for one in captures)


def one_price(usd, region=None):
    return (("a", (region, usd)),)


def test_an_unchanged_price_adds_no_row():
    with connect() as connection:
        merge(connection, [Capture("north", day, day, one_price(1.0)) for day in range(9)])
        assert len(rows(connection)) == 1


def test_a_vanished_offer_ends_and_a_day_without_a_capture_does_not_end_it():
    with connect() as connection:
        merge(connection, [Capture("north", 0, 0, one_price(1.0)), Capture("north", 3, 3, ())])
        standing = [row for row in rows(connection) if row[7] is None]
    day_0, day_3 = START, START + timedelta(days=3)
    assert standing == [("north", "a", None, 1.0, day_0, day_3, day_3, None)]


def test_a_late_capture_is_bounded_by_the_next_one_that_confirmed_the_old_price():
    with connect() as connection:
        merge(connection, [Capture("north", day, day, one_price(1.0)) for day in (0, 2)])
        merge(connection, [Capture("north", 1, 5, one_price(9.0))])
        standing = [(row[3], row[4], row[5]) for row in rows(connection) if row[7] is None]
    day = [START + timedelta(days=n) for n in range(3)]
    assert sorted(standing) == [(1.0, day[0], day[1]), (1.0, day[2], None), (9.0, day[1], day[2])]


def test_a_changed_dimension_is_a_change():
    with connect() as connection:
        merge(connection, [Capture("north", 0, 0, one_price(1.0, "eu"))])
        merge(connection, [Capture("north", 1, 1, one_price(1.0, None))])
        assert connection.sql("select region from core.price_open").fetchall() == [(None,)]


def test_knowledge_does_not_run_backwards():
    with connect() as connection:
        merge(connection, [Capture("north", 0, 5, one_price(1.0))])
        merge(connection, [Capture("north", 1, 2, one_price(2.0))])
        known = connection.sql("select distinct recorded_at from core.price").fetchall()
    assert known == [(START + timedelta(days=5),)]


def test_a_key_twice_in_a_capture_is_refused_and_nothing_is_merged():
    doubled = Capture("north", 0, 0, (("a", ("eu", 1.0)), ("a", ("eu", 2.0))))
    with connect() as connection:
        with pytest.raises(ValueError, match="holds thing 'a' twice"):
            merge(connection, [doubled])
        assert connection.sql("select count(*) from core.price_capture").fetchall() == [(0,)]


def test_merge_joins_the_transaction_of_the_caller():
    with connect() as connection:
        connection.begin()
        merge(connection, [Capture("north", 0, 0, one_price(1.0))], is_in_transaction=True)
        connection.rollback()
        assert rows(connection) == []


def affected_days(connection):
    days = connection.sql("select day from staged.affected_day order by day").fetchall()
    connection.execute("delete from staged.affected_day")
    return [(day - START.date()).days for (day,) in days]


def test_in_order_captures_affect_the_days_since_the_last_one():
    with connect() as connection:
        merge(connection, [Capture("north", 0, 0, one_price(1.0))])
        assert affected_days(connection) == [0]
        merge(connection, [Capture("south", 1, 1, one_price(1.0))])
        assert affected_days(connection) == [1]
        merge(connection, [Capture("north", 4, 4, one_price(1.0))])
        assert affected_days(connection) == [2, 3, 4]


def test_a_late_capture_affects_its_day_to_the_next_capture():
    with connect() as connection:
        merge(connection, [Capture("north", day, day, one_price(1.0)) for day in (0, 4, 9)])
        affected_days(connection)
        merge(connection, [Capture("north", 2, 9, one_price(2.0))])
        assert affected_days(connection) == [2, 3, 4]


def test_as_of_takes_days_and_instants():
    with duckdb.connect(":memory:") as connection:
        history.create(connection, history.OFFER)
        connection.execute(
            "create schema meta; create table meta.source as"
            " select 's' as source_id, 24 as cadence_hours"
        )
        connection.execute(MACROS.read_text())
        for day, usd in ((1, 1.0), (3, 2.0)):
            given = {"offer_key": "'a'", "usd_per_gpu_hour": str(usd)}
            columns = ", ".join(f"{given.get(n, 'null')} as {n}" for n in history.OFFER.carried)
            connection.execute(
                "create or replace temp table seen as select $1 as capture_id, 's' as source_id,"
                " 'k' as request_key, $2::timestamp as seen_at, seen_at as recorded_at,"
                " 1 as parser_version",
                [str(day), datetime(2026, 5, day, 6)],  # noqa: DTZ001
            )
            connection.execute(
                f"create or replace temp table observed as select capture_id, {columns} from seen"
            )
            assert history.merge(connection, "observed", "seen", history.OFFER) == 1

        def price(*arguments):
            return [
                row[0]
                for row in connection.execute(
                    f"select usd_per_gpu_hour from as_of({', '.join(arguments)})"
                ).fetchall()
            ]

        assert price("date '2026-04-30'") == []
        assert price("date '2026-05-01'") == price("'2026-05-02'") == [1.0]
        assert price("date '2026-05-03'") == [2.0]
        assert price("timestamp '2026-05-03 05:59:59'") == [1.0]
        assert price("date '2026-05-03'", "date '2026-05-02'") == [1.0]
        assert price("date '2026-05-03'", "date '2026-04-30'") == []
        # A source is silent 72 hours after its last answer, or twice its cadence.
        assert price("timestamp '2026-05-06 06:00:00'") == [2.0]
        assert price("timestamp '2026-05-06 06:01:00'") == []
        assert price("date '2026-08-01'") == []
        connection.execute("update meta.source set cadence_hours = 7 * 24")
        assert price("date '2026-05-16'") == [2.0]
        assert price("date '2026-05-17'") == []
        # A version of a history that was read on 20 May stood until then.
        connection.execute("update core.offer_capture set recorded_at = '2026-05-20 06:00:00'")
        assert price("date '2026-05-17'", "date '2026-05-20'") == [2.0]
        assert price("date '2026-06-20'") == []


@pytest.mark.parametrize("entity", [history.OFFER, history.API_PRICE], ids=lambda e: e.name)
def test_every_column_of_the_history_is_documented(entity):
    with duckdb.connect(":memory:") as connection:
        history.create(connection, entity)
        undocumented = connection.execute(
            "select table_name, column_name from duckdb_columns()"
            " where schema_name = 'core' and comment is null"
        ).fetchall()
    assert undocumented == []


@pytest.mark.parametrize("statements", range(1, 7))
def test_a_creation_that_was_killed_is_begun_again(statements: int) -> None:
    class KilledError(Exception):
        pass

    class Dying:
        """A connection whose process dies after some statements."""

        def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
            self.connection, self.left = connection, statements

        def execute(self, sql: str, *values: object) -> duckdb.DuckDBPyConnection:
            if sql.startswith("create"):
                self.left -= 1
            if self.left < 0:
                raise KilledError
            return self.connection.execute(sql, *values)

    with duckdb.connect() as connection:
        with pytest.raises(KilledError):
            # The stand-in has the one method that is called.
            history.create(Dying(connection), PRICE)  # type: ignore[arg-type]
        history.create(connection, PRICE)
        assert connection.execute("select count(*) from core.price").fetchall() == [(0,)]
