"""Opening: one writer, a wait, a clear refusal, and a damaged file that is repaired."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from warehouse import database, migrations
from warehouse.confinement import confined
from warehouse.paths import Home


@pytest.fixture
def home(tmp_path):
    """Return an empty data folder."""
    return Home(tmp_path)


def publish_copy(home, run_id: str) -> Path:
    """Put a checkpointed copy of the closed build file where published files live."""
    home.published.mkdir(exist_ok=True)
    path = home.published / f"truecost-{run_id}.duckdb"
    path.write_bytes(home.build_database.read_bytes())
    (home.published / database.POINTER).unlink(missing_ok=True)
    (home.published / database.POINTER).symlink_to(path.name)
    return path


def made_build(home, value: int = 1) -> None:
    with database.open_build(home) as connection:
        connection.execute(f"create table core.t as select {value} as a from range(10000)")


def test_a_new_build_file_has_the_schemas_and_its_version(home):
    with database.open_build(home) as connection:
        assert migrations.schema_version(connection) == migrations.SCHEMA_VERSION
        names = {
            row[0] for row in connection.sql("select schema_name from duckdb_schemas()").fetchall()
        }
    assert set(migrations.SCHEMAS) <= names


def test_opening_again_keeps_what_is_there(home):
    made_build(home)
    with database.open_build(home) as connection:
        assert connection.sql("select count(*) from core.t").fetchall() == [(10000,)]


def test_a_locked_build_file_is_refused_with_the_process_that_holds_it(home):
    made_build(home)
    hold = (
        "import duckdb, sys; connection = duckdb.connect(sys.argv[1]);"
        " print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(home.build_database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline().strip() == "held"
        with pytest.raises(database.BuildLockedError, match=f"process {holder.pid} "):
            database.open_build(home, wait_seconds=0.2)
        holder.communicate("")
    with database.open_build(home, wait_seconds=0.2) as connection:
        assert migrations.schema_version(connection) == migrations.SCHEMA_VERSION


def test_t3_one_process_at_a_time_works_on_a_data_folder_and_a_killed_one_holds_nothing(home):
    hold = (
        "import sys; from pathlib import Path; from warehouse.database import exclusive;"
        " from warehouse.paths import Home\n"
        "with exclusive(Home(Path(sys.argv[1])), 'build'):"
        " print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline().strip() == "held"
        for attempt in (database.wait_for, enter):
            with pytest.raises(database.BuildLockedError, match=f"process {holder.pid} "):
                attempt(home, "build", 0.2)
        holder.kill()
    with database.exclusive(home, "build", 0.2), database.exclusive(home, "build", 0.2):
        database.wait_for(home, "build", 0.2)


def test_after_a_rebuild_that_was_killed_the_file_before_it_stands_again(home):
    made_build(home)
    before = home.build_database.read_bytes()
    half_way = (
        "import os, signal, sys; from pathlib import Path; from warehouse.database import *;"
        " from warehouse.paths import Home\n"
        "home = Home(Path(sys.argv[1]))\n"
        "with exclusive(home, 'build'):\n"
        "    home.build_database.rename(home.build_before)\n"
        "    connection = open_build(home)\n"
        "    connection.execute('create table meta.half as select 1 as way')\n"
        "    assert os.path.getsize(f'{home.build_database}.wal')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", half_way, str(home.root)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert home.build_before.exists()
    enter(home, "site", 1)  # which is not a build
    assert home.build_before.exists()
    with database.exclusive(home, "build", 1):
        assert not home.build_before.exists()
        assert home.build_database.read_bytes() == before
        with database.open_build(home) as connection:
            assert (
                connection.execute("from duckdb_tables() where table_name = 'half'").fetchall()
                == []
            )


def enter(home: Home, work: str, wait_seconds: float) -> None:
    with database.exclusive(home, work, wait_seconds):
        pass


def test_a_file_of_schema_1_is_brought_to_this_one_with_its_rows(home):
    with duckdb.connect(home.build_database) as connection:
        connection.execute(
            "create schema meta;"
            " create table meta.schema_version as select 1 as version, now()::timestamp as at;"
            " create table meta.quarantine_audit as select 'x' as held_id"
        )
    with database.open_build(home) as connection:
        assert migrations.schema_version(connection) == migrations.SCHEMA_VERSION
        rows = connection.sql("select held_id, recorded_at from meta.quarantine_audit").fetchall()
    assert rows == [("x", None)]


def file_of_schema_3(home) -> None:
    """Write what a build file of schema 3 held of the tables that outlive a build."""
    with duckdb.connect(home.build_database) as connection:
        connection.execute(
            "create schema meta; create schema staged; create schema core;"
            " create table meta.schema_version as select 3 as version, now()::timestamp as at"
        )
        for table, before, _ in migrations.RENAMED_COLUMNS[4]:
            connection.execute(
                f"create table {table} as"
                f" select 'x' as source_id, timestamp '2026-08-01 06:00:00' as {before}"
            )


@pytest.mark.parametrize("renamed_before_a_kill", [0, 1, len(migrations.RENAMED_COLUMNS[4])])
def test_a_file_of_schema_3_has_its_columns_renamed_with_their_values(home, renamed_before_a_kill):
    file_of_schema_3(home)
    with duckdb.connect(home.build_database) as connection:
        for table, before, after in migrations.RENAMED_COLUMNS[4][:renamed_before_a_kill]:
            connection.execute(f"alter table {table} rename column {before} to {after}")
    with database.open_build(home) as connection:
        assert migrations.schema_version(connection) == migrations.SCHEMA_VERSION
        for table, _, after in migrations.RENAMED_COLUMNS[4]:
            rows = connection.sql(f"select source_id, {after}::varchar from {table}").fetchall()
            assert rows == [("x", "2026-08-01 06:00:00")]


def test_a_migration_that_was_killed_before_its_checkpoint_is_done_at_the_next_opening(home):
    file_of_schema_3(home)
    killed = (
        "import os, signal, sys; import duckdb; from warehouse import database, migrations\n"
        "connection = duckdb.connect(sys.argv[1])\n"
        "migrations._rename_columns(connection, migrations.RENAMED_COLUMNS[4][:3])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", killed, str(home.build_database)], check=False)
    assert home.build_database.with_name(home.build_database.name + ".wal").exists()
    with database.open_build(home) as connection:
        for table, _, after in migrations.RENAMED_COLUMNS[4]:
            assert connection.sql(f"select {after} from {table}").fetchall()


def test_a_file_of_a_newer_schema_is_refused_and_left_alone(home):
    made_build(home)
    with duckdb.connect(home.build_database) as connection:
        connection.execute("insert into meta.schema_version values (999, now()::timestamp)")
    before = home.build_database.read_bytes()
    publish_copy(home, "1")
    with pytest.raises(database.NewerSchemaError, match="schema 999"):
        database.open_build(home)
    with pytest.raises(database.NewerSchemaError, match="schema 999"):
        database.open_published(home)
    assert home.build_database.read_bytes() == before


@pytest.mark.parametrize("offset", [0, 4096 + 20, 8192 + 20], ids=["head", "header 1", "header 2"])
@pytest.mark.parametrize("is_published", [True, False])
def test_a_damaged_build_file_is_kept_aside_and_restored(home, offset, is_published):
    made_build(home, value=7)
    if is_published:
        publish_copy(home, "20260101T000000Z")
    content = bytearray(home.build_database.read_bytes())
    # Both headers, where it is one of them: DuckDB reads the newer one only.
    for start in {offset, 4096 + 20, 8192 + 20} if offset else {0}:
        content[start : start + 16] = b"\xff" * 16
    home.build_database.write_bytes(content)
    with database.open_build(home) as connection:
        tables = connection.sql("select table_name from duckdb_tables()").fetchall()
        if is_published:
            assert connection.sql("select distinct a from core.t").fetchall() == [(7,)]
        else:
            assert tables == [("schema_version",)]
    [aside] = home.build_database.parent.glob("build.duckdb.damaged-*")
    assert aside.read_bytes() == bytes(content)


def test_two_damaged_build_files_are_kept(home):
    kept = []
    for _ in range(4):
        made_build(home)
        kept.append(database.mend_build(home, "made up"))
    assert sorted(home.root.glob("build.duckdb.damaged-*")) == kept[2:]


def test_a_torn_write_ahead_log_is_mended(home):
    made_build(home)
    publish_copy(home, "20260101T000000Z")
    home.build_database.with_name("build.duckdb.wal").write_bytes(b"\x00torn" * 50)
    with database.open_build(home) as connection:
        assert connection.sql("select count(*) from core.t").fetchall() == [(10000,)]


def test_nothing_published_is_one_clear_refusal(home):
    home.published.mkdir()
    with pytest.raises(database.NothingPublishedError, match="truecost run"):
        database.open_published(home)


def test_a_published_file_that_cannot_be_read_says_how_to_restore(home):
    made_build(home)
    path = publish_copy(home, "1")
    path.write_bytes(b"\0" * 8192)
    with pytest.raises(database.PublishedDamagedError, match="truecost restore"):
        database.open_published(home)


def test_a_confined_reader_reaches_no_file(home, tmp_path):
    made_build(home)
    publish_copy(home, "1")
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with confined(database.open_published(home)) as connection:
        assert connection.sql("select count(*) from core.t").fetchall() == [(10000,)]
        with pytest.raises(duckdb.PermissionException):
            connection.execute(f"select * from '{tmp_path / 'secret.csv'}'")
        with pytest.raises(duckdb.InvalidInputException):
            connection.execute("set enable_external_access = true")
        with pytest.raises(duckdb.InvalidInputException):
            connection.execute("create table core.u as select 1")


def test_a_reader_keeps_its_file_when_the_pointer_moves(home):
    made_build(home, value=1)
    publish_copy(home, "1")
    with database.open_published(home) as old:
        publish_copy(home, "2")
        assert old.sql("select distinct a from core.t").fetchall() == [(1,)]
        with database.open_published(home) as new:
            [(path,)] = new.sql("select path from duckdb_databases() where not internal").fetchall()
    assert Path(path).name == "truecost-2.duckdb"


def test_a_full_disk_in_a_commit_rolls_back_and_the_file_opens(home):
    made_build(home)
    full = (
        "import resource, sys; from pathlib import Path;"
        " from warehouse.database import open_build; from warehouse.paths import Home;"
        " connection = open_build(Home(Path(sys.argv[1])));"
        " resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20));"
        " connection.execute('create table core.u as select random() from range(3000000)')"
    )
    child = subprocess.run(
        [sys.executable, "-c", full, str(home.root)], capture_output=True, text=True, check=False
    )
    assert child.returncode != 0
    with database.open_build(home) as connection:
        assert connection.sql("select count(*) from core.t").fetchall() == [(10000,)]
        assert connection.sql("from duckdb_tables() where table_name = 'u'").fetchall() == []
