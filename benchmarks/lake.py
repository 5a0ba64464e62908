"""What a lake costs beside the single file. Run by hand, with the extra ``lake`` and PostgreSQL.

    python benchmarks/lake.py "ducklake:postgres:host=127.0.0.1 dbname=lake" FOLDER [--rows 1000000]

1, 2 and 4 processes append the same number of rows each, in ten files; then the same question is
asked of the lake and of a single file with the same rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from warehouse import lake

WRITER = """
import sys
from pathlib import Path
from warehouse import lake
with lake.open_lake(sys.argv[1], sys.argv[2]) as connection:
    for file in sys.argv[4:]:
        lake.append_observations(connection, [Path(file)], sys.argv[3])
"""
QUESTION = "select gpu_id, median(usd_per_gpu_hour) from {table} group by gpu_id order by gpu_id"
FILES = 10


def make_files(folder: Path, rows: int) -> list[Path]:
    """Write made observations as Parquet, a tenth of the rows a file."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"made-{number}.parquet" for number in range(FILES)]
    with duckdb.connect() as connection:
        for number, file in enumerate(files):
            connection.execute(
                f"copy (select {number} * {rows // FILES} + range as n, 'gpu ' || range % 70 as"
                " gpu_id, 'provider ' || range % 60 as provider_id, random() * 10 as"
                f" usd_per_gpu_hour, md5(range::varchar) as payload_sha256 from"
                f" range({rows // FILES})) to '{file}'"
            )
    return files


def seconds_of(connection: duckdb.DuckDBPyConnection, table: str) -> float:
    """Return the median time of the question."""
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        connection.execute(QUESTION.format(table=table)).fetchall()
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalog")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each process")
    arguments = parser.parse_args()
    files = [str(file) for file in make_files(arguments.folder / "made", arguments.rows)]
    data = str(arguments.folder / "data")
    lake.open_lake(arguments.catalog, data).close()
    for processes in (1, 2, 4):
        table = f"written_by_{processes}"
        with lake.open_lake(arguments.catalog, data) as connection:
            lake.append_observations(connection, [Path(files[0])], table)
            connection.execute(f"delete from observations.{table}")
        started = time.perf_counter()
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, arguments.catalog, data, table, *files])
            for _ in range(processes)
        ]
        failed = sum(writer.wait() != 0 for writer in writers)
        taken = time.perf_counter() - started
        with lake.open_lake(arguments.catalog, data) as connection:
            name = f"observations.{table}"
            [(rows,)] = connection.execute(f"select count(*) from {name}").fetchall()
            scattered = seconds_of(connection, name)
            lake.compact(connection)
            joined = seconds_of(connection, name)
        single = arguments.folder / f"{table}.duckdb"
        single.unlink(missing_ok=True)
        with duckdb.connect(single) as connection:
            listed = "[" + ", ".join(f"'{file}'" for file in files * processes) + "]"
            started = time.perf_counter()
            connection.execute(f"create table made as from read_parquet({listed})")
            one_file = time.perf_counter() - started
            alone = seconds_of(connection, "made")
        print(
            json.dumps(
                {
                    "processes": processes,
                    "failed": failed,
                    "rows": rows,
                    "seconds": round(taken, 2),
                    "rows_per_second": round(rows / taken),
                    "single_file_load_seconds": round(one_file, 2),
                    "read_seconds": {
                        "lake": scattered,
                        "lake, compacted": joined,
                        "single file": alone,
                    },
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
