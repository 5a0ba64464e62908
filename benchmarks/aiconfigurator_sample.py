"""NVIDIA AIConfigurator beside this model, on a fixed sample of rows of the silicon sample.

    python benchmarks/aiconfigurator_sample.py predict SILICON.csv.gz OUT.csv
    python -m benchmarks.aiconfigurator_sample compare

``predict`` runs in an environment of its own, with ``aiconfigurator==0.12.0`` and without this
project; a row takes seconds. ``compare`` prints the errors of both on the rows of
``aiconfigurator_sample.csv`` that both answer: ours are predicted with the (model, GPU) pair of a
row left out of the fit, theirs with what the package ships. The times per token are medians of
measured runs; the rows are NVIDIA's (Apache-2.0).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

SAMPLE = Path(__file__).with_suffix(".csv")
VERSION = "0.12.0"
ROWS_OF_A_GROUP = 4
GROUP = ("system", "backend", "model_path")
WHOLE_NUMBERS = {
    "isl": "isl",
    "osl": "osl",
    "batch_size": "batch_size",
    "tp_size": "tp_size",
    "pp_size": "pp_size",
    "attention_dp_size": "attention_dp_size",
    "moe_tp_size": "moe_tp_size",
    "moe_ep_size": "moe_ep_size",
}
"""Column of the silicon sample -> argument of ``cli_estimate``."""
NAMES = {
    "meta-llama/Llama-3.1-70B": "meta-llama/Meta-Llama-3.1-70B",
    "meta-llama/Llama-3.1-8B-Instruct": "meta-llama/Meta-Llama-3.1-8B",
    "nvidia/Qwen3-32B-NVFP4": "Qwen/Qwen3-32B",
}
"""Models of the same shape whose configuration the package ships, so that it needs no download."""
QUANTISATIONS = ("gemm_quant_mode", "moe_quant_mode")
KEPT = ("id", *GROUP, *WHOLE_NUMBERS, "precision", "concurrency", "silicon_tpot_ms")
MADE = ("aiconfigurator_tpot_ms", "seconds", "refusal")
MOST_REFUSAL_LETTERS = 120
PATH = re.compile(r" at /\S*")
"""Where a file is on the machine that predicted says nothing."""


def sampled(rows: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return a few rows of each system, engine and model, the same on every machine."""
    groups = defaultdict(list)
    for row in rows:
        if row["mode"] == "agg":
            groups[tuple(row[name] for name in GROUP)].append(row)
    return [
        row for key in sorted(groups) for row in sorted(groups[key], key=_drawn)[:ROWS_OF_A_GROUP]
    ]


def _drawn(row: Mapping[str, str]) -> str:
    return hashlib.sha256(row["id"].encode()).hexdigest()


def estimate_of(row: Mapping[str, str], estimate: Callable[..., object]) -> dict[str, str]:
    """Return what the package answers for a row, or why it does not."""
    arguments = {
        name: int(float(row[column])) for column, name in WHOLE_NUMBERS.items() if row[column]
    }
    arguments |= {name: row[name] for name in QUANTISATIONS if row[name]}
    started = time.perf_counter()
    predicted = refusal = ""
    try:
        found = estimate(
            NAMES.get(row["model_path"], row["model_path"]),
            row["system"],
            mode="agg",
            backend_name=row["backend"],
            **arguments,
        )
        predicted = f"{found.tpot:.5g}"  # type: ignore[attr-defined]  # the package is in an environment of its own
    except Exception as error:  # the package raises many kinds: each is a row without an answer
        text = PATH.sub("", " ".join(f"{type(error).__name__}: {error}".split()))
        refusal = text[:MOST_REFUSAL_LETTERS]
    seconds = time.perf_counter() - started
    return dict(zip(MADE, (predicted, f"{seconds:.1f}", refusal), strict=True))


def predict(source: Path, target: Path) -> None:
    """Write the sample with the answers of the package, row by row; go on where it ended."""
    from aiconfigurator.cli.api import cli_estimate  # type: ignore[import-not-found]  # as above

    with gzip.open(source, "rt", encoding="utf-8", newline="") as lines:
        rows = sampled(csv.DictReader(lines))
    done = {row["id"]: row for row in _read(target)} if target.exists() else {}
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, (*KEPT, *MADE), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            kept = {name: row[name] for name in KEPT}
            writer.writerow(done.get(row["id"]) or kept | estimate_of(row, cli_estimate))
            out.flush()


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def summary(name: str, ratios: Sequence[float]) -> str:
    """Return the median error, the mean and the share within 25 % of some ratios."""
    errors = [abs(ratio - 1) for ratio in ratios]
    near = sum(error <= 0.25 for error in errors) / len(errors)
    return (
        f"{name}: {len(errors)} rows, median error {statistics.median(errors):.1%}, mean"
        f" {statistics.mean(errors):.1%}, {near:.0%} within 25 %,"
        f" median ratio {statistics.median(ratios):.2f}"
    )


def ours() -> dict[tuple[str, ...], float]:
    """Return our times per token with the pair left out, by what tells rows apart [ms]."""
    from pipelines.derive.inference_backtest import published_results
    from warehouse.reference import bundled

    _, rows = published_results(bundled())
    return {
        (
            row["engine"],
            row["input_len"],
            row["output_len"],
            row["concurrency"],
            _short(row["value"]),
        ): float(row["predicted_when_left_out"])
        for row in rows
        if row["metric"] == "median_tpot_ms" and row["predicted_when_left_out"]
    }


def _short(value: str) -> str:
    return f"{float(value):.4g}"


def compare(path: Path = SAMPLE) -> None:
    """Print the errors of both on the rows that both answer, in all and by engine and system."""
    known, both, answered = ours(), [], 0
    rows = _read(path)
    for row in rows:
        answered += bool(row["aiconfigurator_tpot_ms"])
        own = known.get(
            (
                row["backend"],
                row["isl"],
                row["osl"],
                row["concurrency"],
                _short(row["silicon_tpot_ms"]),
            )
        )
        if own is not None and row["aiconfigurator_tpot_ms"]:
            measured = float(row["silicon_tpot_ms"])
            both.append((row, float(row["aiconfigurator_tpot_ms"]) / measured, own / measured))
    seconds = statistics.median(float(row["seconds"]) for row in rows)
    print(f"AIConfigurator {VERSION} answers {answered} of {len(rows)} rows, {seconds:.1f} s a row")
    for by in (None, "backend", "system"):
        for name in sorted({row[by] for row, _, _ in both}) if by else ("all",):
            some = [one for one in both if by is None or one[0][by] == name]
            print(summary(f"{name}, AIConfigurator", [theirs for _, theirs, _ in some]))
            print(summary(f"{name}, Truecost", [own for _, _, own in some]))


def main() -> None:
    """Predict with the package, or compare with ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("predict")
    made.add_argument("source", type=Path)
    made.add_argument("target", type=Path)
    commands.add_parser("compare")
    options = parser.parse_args()
    if options.command == "predict":
        predict(options.source, options.target)
    else:
        compare()


if __name__ == "__main__":
    main()
