# ruff: noqa: E501 - the lines of a page, not of a program
"""Writes docs/methodology/inference.md from the code and the data, so that it cannot drift.

``python -m pipelines.costing.inference_docs`` writes the page; a test holds it to the code. What
only a person can say (why a rule is as it is) stands here as text.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cost_engine import inference, napkin, serving
from pipelines.costing import images, inference_backtest, serving_quote
from pipelines.costing import serving_reference as reference
from pipelines.costing.inference import ServiceLevel, Workload
from pipelines.costing.serving_reference import Fit
from warehouse.reference import REFERENCE_FOLDER

PAGE = Path(__file__).parents[2] / "docs" / "methodology" / "inference.md"
MEASURED = REFERENCE_FOLDER / "inference_measured.csv"
EXAMPLE = ("Llama-3.3-70B", "H200", "FP8", "1024", "1024", "128")
MARGIN_LOAD = Workload("balanced", "3,000 tokens in, 1,000 out", 3000.0, 1000.0, "interactive")
MARGIN_PACE = ServiceLevel("interactive", 25.0)
MARGIN_UTILISATION = 0.5

INTRODUCTION = """# What a thousand tokens and a FLOP cost

This page is made by `python -m pipelines.costing.inference_docs` from the code and the reference
data; a test fails when it differs from them.

Two levels. Level 0 is the napkin: two FLOPs for each parameter and token, a peak and a price
(`cost_engine/napkin.py`). Level 1 is a roofline of every decoding step, closed over the request and
calibrated on published measurements (`cost_engine/serving.py`); everything else here is level 1.
How fast a model runs on a set of GPUs hangs on no price: `marts.serving_point` is computed once,
`marts.inference_cost` and `inference_cost_on(day)` join it to the prices of a day.
"""

ERRATA = """## Level 0 and the errata of its sources

The 51 checkable claims of the two texts that this project grew from ("Navigating the High Cost of AI
Compute" and "The True Cost of Compute", a16z 2023) and of the abstract on training costs are tests.
Not reproduced, because they are slips:

- 512 tensor cores x 128 FLOP make 92 TFLOP/s, not the 312 of an A100, which has 432 cores x 512 FLOP.
- 12 GB train 1.0 billion parameters with Adam in fp32 (12 bytes each), not 4 billion.
- 3 x 10^23 has 24 digits, not 23.
- 100 GB of text at a million characters a book are 100,000 books, not 100 million.

Ambiguous: the 3,500 kWh of the RTX 3080 Ti example are per year (700 W for two cards against 300 W);
only then do three years cost about $1,000. "Gas pedal" and "TensorML" are a translation's accelerator
and TensorRT. The three tables of the article were images and are lost; none is passed off as original.
"""

EQUATIONS = """## Level 1: the equations

Symbols: P parameters, Pa active, Pe in routed experts, L layers, h width, I and O tokens in and out,
C sequences in the batch, n GPUs of the replica, B bandwidth, F dense peak at the precision of the
matrices, b bytes a weight. Every constant below is 1 (or 0) on the ideal machine.

- Experts touched by a batch of t tokens: `1 - (1 - k/E)^t`.
- One step reads `(P - Pe) b + Pe b touched / expert_memory_efficiency` bytes at `n B memory_efficiency`
  and computes `2 Pa C / (n F efficiency)`; both overlap partly: `(read^q + compute^q)^(1/q)`, q the
  overlap exponent.
- It also carries the prompts of the requests that replace those that end, `C / O` a step: each reads
  the weights once for 8,192 tokens and computes `2 Pa I`, attention `2 heads d I^2`, and its exchange.
- The cache is read once: `C (full layers min(s, sparse) + sliding layers min(s, window)) x bytes`, with
  s = I + O / 2; attention's compute is added in quadrature. MLA reads 576 numbers a token and layer.
  A cache is divided over `min(n, KV heads)` GPUs, over one for MLA, over all where attention is
  data-parallel; linear-attention layers have none that grows.
- Communication: two ring all-reduces a layer; `2 L hop log2 n` and `8 L h (n - 1) / n` bytes a token.
- Overhead: `L x layer_overhead x engine x (AMD)`, a constant a step, and a little for each sequence.
- The cycle of a request is `O / accepted` steps; with C users, throughput is `C / cycle` (Little).
  `TPOT = (cycle - its own prefill) / O`. Users beyond the memory wait: `(C - C_max) cycle / C_max`.
- `C_max = ((memory - workspace) n - P b) x usable / cache per sequence`, memory as the driver reports
  it (an "80 GB" H100 has 85.5e9 bytes), workspace at most two thirds of what the weights leave.
- Multi-token prediction drafts 3 tokens, verifies 4 at once, and accepts `(1 - a^4) / (1 - a)`.
- Peaks are dense. FP4 is multiplied as FP4 only where the chip can; elsewhere 4-bit weights are
  multiplied in 16 bits at `weight_only_efficiency`.
- What the equations leave over of a model, a GPU, a precision on an architecture, or a report becomes
  a factor shrunk towards 1; a name that was never measured has 1.

Cost: `USD per 10^6 tokens = price x n x 10^6 / (3600 x requests/s x (I + O))`. Input and output are
split by the share of the replica's time that prompts take, so that they add up to the request; the
blend 3:1 is computed at 3:1. A fleet sized for its peak divides by mean over peak use. Margin is
`1 - cost / price`, markup `price / cost - 1` (DeepSeek's "545 %" is a markup, its margin 84.5 %).
Intervals are 80 %: 10th to 90th percentile of prices and the model's error, added in quadrature of
logarithms. The error is that of pairs, GPUs or models left out, whichever fits the case, and grows
by half for every doubling beyond the measured range (`is_extrapolated`).

Energy: facility power of a GPU (with server, network, cooling; published by InferenceX, else board
power x 1.3 x PUE 1.25) over its throughput; an idle GPU draws 0.3 of it. Carbon by the grid of a
country (`grid_intensity.csv`).
"""

LIMITS = """## What is not modelled

Separate prefill and decode pools case by case (the balance is in `cost_engine.serving`), wide expert
parallelism, pipeline bubbles beyond one factor, queues before the first token (predicted, not scored),
kernel regressions of single versions, quality lost to 4 bits. A precision is offered where the chip
has it, whether or not somebody published such weights. Batch sizes are those of a steady stream;
bursts cost more. Consumer cards are taken as they are rented, eight in a machine where some are.
"""


def page() -> str:
    """Return the page."""
    fit = reference.load_fit()
    return "\n".join(
        [
            INTRODUCTION,
            ERRATA,
            _napkin(),
            EQUATIONS,
            _constants(fit),
            _errors(fit),
            _example(fit),
            _margins(fit),
            _flops(),
            _images(),
            LIMITS,
        ]
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _digits(value: float, digits: int = 3) -> str:
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "–"
    if 1e-3 <= abs(value) < 1e6:
        decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
        return f"{value:,.{decimals}f}"
    return f"{value:.{digits - 1}e}"


def _napkin() -> str:
    prices = (0.642, 1.0, 2.0, 4.0, 4.493)
    rows = [
        (
            f"${price:g}",
            f"${napkin.usd_per_1k_tokens(175e9, 312e12, price):.5f}",
            f"${napkin.usd_of(3.14e23, 312e12, price):,.0f}",
        )
        for price in prices
    ]
    return (
        "GPT-3 (175 billion parameters) on an A100 (312 TFLOP/s) at full utilisation; the quoted\n"
        "$0.0002 to $0.0014 imply $0.64 to $4.49 an hour, the quoted $560,000 implies $2.00:\n\n"
        + _table(("price of an A100 hour", "a thousand tokens", "training, 3.14e23 FLOP"), rows)
    )


def _constants(fit: Fit) -> str:
    content = yaml.safe_load((REFERENCE_FOLDER / reference.CONSTANTS_FILE).read_text("utf-8"))
    rows = [
        (f"`{name}`", _digits(leaf["value"]), leaf["unit"])
        for name, leaf in content["constants"].items()
    ]
    tables = [
        (
            f"`{name}`",
            ", ".join(f"{key} {_digits(value)}" for key, value in table["values"].items()),
            table["note"],
        )
        for name, table in content["tables"].items()
    ]
    return (
        f"## Constants\n\nFitted on {fit.fitted_on} to {fit.rows} rows of "
        "`warehouse/reference/inference_measured.csv` (each with its address) by\n"
        "`benchmarks/fit_inference.py`: a ridge on logarithms near physical priors, with a robust "
        "loss. They are\nfitted efficiencies, not physics: several trade off against each other.\n\n"
        + _table(("constant", "value", "unit"), rows)
        + "\n"
        + _table(("table", "factors", "what it is"), tables)
    )


def _summary_row(name: str, ratios: Sequence[float]) -> tuple[str, ...]:
    values = np.asarray(ratios)
    summary = inference_backtest.Summary.of(values)
    return (
        name,
        str(summary.count),
        f"{100 * summary.median_absolute_error:.1f} %",
        f"{summary.median_ratio:.2f}",
        f"{100 * summary.within_25_percent:.0f} %",
        f"{100 * summary.within_2x:.0f} %",
    )


def _left_out_rows() -> list[tuple[dict[str, str], float]]:
    """Return the scored rows and their ratio with the pair left out of the fit."""
    header, rows = inference_backtest.read_cases(MEASURED)
    report = inference_backtest.backtest(header, rows)
    return [
        (row, float(row["predicted_when_left_out"]) / float(row["value"]))
        for row, reason in zip(rows, report.reasons, strict=True)
        if not reason and row.get("predicted_when_left_out")
    ]


def _errors(fit: Fit) -> str:
    header = ("", "rows", "median error", "median ratio", "within 25 %", "within 2x")
    named = (
        ("fitted_rows", "the rows of the fit (do not quote)"),
        ("unseen_pair", "**(model, GPU) pairs left out**"),
        ("unseen_gpu", "GPUs left out"),
        ("unseen_model", "models left out"),
    )
    rows = [
        (
            title,
            fit.errors[f"{key}_scored"],
            f"{100 * fit.errors[f'{key}_median_absolute_error']:.1f} %",
            f"{fit.errors[f'{key}_median_ratio']:.2f}",
            f"{100 * fit.errors[f'{key}_within_25_percent']:.0f} %",
            f"{100 * fit.errors[f'{key}_within_2x']:.0f} %",
        )
        for key, title in named
        if f"{key}_scored" in fit.errors
    ]
    left = _left_out_rows()

    def grouped(key: Callable[[dict[str, str]], str]) -> list[tuple[str, ...]]:
        names = sorted({key(row) for row, _ in left})
        return [
            _summary_row(name, [ratio for row, ratio in left if key(row) == name]) for name in names
        ]

    return (
        "## How far off it is\n\nPredicted over measured; the error is the median of "
        "|ratio - 1|. Neighbouring lengths and\nconcurrencies of one pair are near-copies, so "
        "only figures of whole groups left out count. Prior\nart: a prototype of these equations "
        "12.9 % and 69 % within 25 % on unseen pairs, llm-analysis\n26 to 44 %. Those were found on "
        "a different split, so the comparison is indicative.\n\n"
        + _table(header, rows)
        + "\nBy metric, pairs left out:\n\n"
        + _table(("metric", *header[1:]), grouped(lambda row: row["metric"]))
        + "\nBy model, pairs left out:\n\n"
        + _table(("model", *header[1:]), grouped(lambda row: row["model"]))
        + "\nBy GPU, pairs left out:\n\n"
        + _table(("GPU", *header[1:]), grouped(lambda row: row["gpu"]))
        + "\n`truecost backtest inference CASES.csv` scores any file with these columns; "
        "`marts.inference_backtest` has\nevery row. Rows without a GPU count, with separate pools, "
        "or of time to first token are not scored.\n"
    )


def _example(fit: Fit) -> str:
    """Work one measured case through, with the sums in the open."""
    rows = [
        row
        for row in inference_backtest.read_cases(MEASURED)[1]
        if (row["model"], row["gpu"], row["precision"]) == EXAMPLE[:3]
        and (row["input_len"], row["output_len"], row["concurrency"]) == EXAMPLE[3:]
    ]
    cases, _, _ = inference_backtest.arrays_of(rows, fit)
    if cases is None or not len(rows):
        raise ValueError(f"no measured row {EXAMPLE}")
    one = cases.taken(np.array([0]))
    limit = float(
        np.asarray(serving.sequence_limit(fit.constants, one.shape, one.chip, one.load))[0]
    )
    users = float(one.concurrency[0])
    step = serving.decode_step(
        fit.constants, one.shape, one.chip, one.load, np.minimum(users, limit)
    )

    def part(name: str) -> float:
        return float(np.asarray(getattr(step, name)).flat[0])

    prompt, answer = float(one.load.input_tokens[0]), float(one.load.output_tokens[0])
    c = fit.constants
    arch = one.chip.architecture
    memory_factor = float(c.factor("architecture_memory", arch)[0])
    compute_factor = float(c.factor("architecture_compute", arch)[0])
    speed = float(
        (
            c.factor("engine_speed", one.load.engine)
            * c["speed_growth_per_year"] ** np.asarray(one.load.years)
        )[0]
    )
    weights = float(one.shape.parameters[0]) * float(one.chip.bytes_per_weight[0])
    bandwidth = float(one.chip.bandwidth_bytes_per_second[0])
    peak = float(one.chip.flops_per_second[0])
    narrow = 1 + c["narrow_shard_penalty"] * 512 / float(one.shape.hidden_size[0])
    read = weights / (bandwidth * c["memory_efficiency"] * memory_factor)
    compute = (
        2 * float(one.shape.active_parameters[0]) * users * narrow
        / (peak * c["compute_efficiency_8_bit"] * compute_factor)
    )  # fmt: skip
    q = c["overlap_exponent"]
    both = (read**q + compute**q) ** (1 / q)
    total = part("total")
    cycle = answer * total
    per_token = (cycle - part("prefill_per_request")) / answer
    factor = float(inference_backtest.residual_factor(one, c)[0])
    per_gpu = users / cycle * (prompt + answer)
    metrics = {row["metric"]: float(row["value"]) for row in rows}
    predicted = dict(
        zip(
            [row["metric"] for row in rows],
            inference_backtest.predicted(cases, c).tolist(),
            strict=True,
        )
    )
    lines = [
        "## One case by hand\n",
        f"{EXAMPLE[0]} in FP8 on one H200, InferenceX, {EXAMPLE[3]} tokens in and out at most "
        f"(mean {prompt:.0f} and {answer:.0f}), {users:.0f} users; it runs on TensorRT-LLM.\n",
        f"- Room: {limit:.0f} sequences fit beside {weights / 1e9:.1f} GB of weights, so all "
        f"{users:.0f} run.",
        f"- Weights: {weights / 1e9:.1f}e9 B / ({bandwidth / 1e12:.1f}e12 B/s x "
        f"{c['memory_efficiency']:.3f} x {memory_factor:.3f}) = {1e3 * read:.2f} ms.",
        f"- Compute: 2 x {float(one.shape.active_parameters[0]) / 1e9:.1f}e9 x {users:.0f} x "
        f"{narrow:.3f} / ({peak / 1e12:,.0f}e12 x {c['compute_efficiency_8_bit']:.3f} x "
        f"{compute_factor:.3f}) = {1e3 * compute:.2f} ms; overlapped with q = {q:.2f}: "
        f"{1e3 * both:.2f} ms.",
        f"- All of a step is faster by {speed:.3f} (engine and year): weights "
        f"{1e3 * part('weights'):.2f}, prefill of successors {1e3 * part('prefill'):.2f}, cache "
        f"{1e3 * part('cache'):.2f}, communication {1e3 * part('communication'):.2f}, overhead "
        f"{1e3 * part('overhead'):.2f}; together {1e3 * total:.2f} ms.",
        f"- Cycle: {answer:.0f} x {1e3 * total:.2f} ms = {cycle:.2f} s; throughput {users:.0f} / "
        f"{cycle:.2f} s x {prompt + answer:.0f} = {per_gpu:,.0f} tokens/s; TPOT ({cycle:.2f} - "
        f"{part('prefill_per_request'):.3f}) / {answer:.0f} = {1e3 * per_token:.1f} ms.",
        f"- Times the shrunken factor {factor:.3f}: {per_gpu * factor:,.0f} tokens/s and "
        f"{1e3 * per_token / factor:.1f} ms.\n",
    ]
    usd = float(inference.usd_per_million_tokens(1.60, 1, per_gpu * factor))
    rows_out = [
        (
            name,
            _digits(metrics[name]),
            _digits(predicted[name]),
            f"{predicted[name] / metrics[name]:.2f}",
        )
        for name in metrics
    ]
    return (
        "\n".join(lines)
        + "\n"
        + _table(("metric", "measured", "predicted", "ratio"), rows_out)
        + f"\nAt $1.60 an hour that is 1.60 x 10^6 / (3600 x {per_gpu * factor:,.0f}) = "
        f"${usd:.3f} for a million tokens.\n"
    )


def _margins(fit: Fit) -> str:
    with (REFERENCE_FOLDER / "api_price_medians.csv").open(encoding="utf-8", newline="") as lines:
        listed = list(csv.DictReader(lines))
    today = np.datetime64(fit.fitted_on).astype(object)
    prices = [
        serving_quote.Price(gpu_id, usd, usd, usd, 1, today, 36)
        for gpu_id, usd in fit.three_year_rental_usd_per_gpu_hour.items()
    ]
    rows = []
    for row in listed:
        best = serving_quote.quotes(
            reference.known_models()[row["model_id"]],
            prices,
            MARGIN_LOAD,
            MARGIN_PACE,
            utilisation_fraction=MARGIN_UTILISATION,
        )[0]
        cost, low, high = (
            float(best[name]) * 1e3 / MARGIN_UTILISATION
            for name in ("usd_per_1k_tokens", "low", "high")
        )
        price = float(row["median_usd_per_million_tokens"])
        margin, at_high, at_low = (
            inference.margin_fraction(value, price) for value in (cost, high, low)
        )
        rows.append(
            (
                row["model_id"],
                f"{best['gpu_count']} x {best['gpu_id']}, {best['precision']}",
                f"{cost:.3f} ({low:.3f} to {high:.3f})",
                f"{price:.3f} ({float(row['low_usd_per_million_tokens']):.3f} to "
                f"{float(row['high_usd_per_million_tokens']):.3f}; {row['provider_count']})",
                f"{100 * margin:.0f} % ({100 * at_high:.0f} to {100 * at_low:.0f})",
                f"{100 * inference.markup_fraction(cost, price):.0f} %",
            )
        )
    return (
        "## Margins of ten open-weight models\n\n"
        f"{MARGIN_LOAD.name}, each user at least {MARGIN_PACE.tokens_per_second_per_user:g} tokens "
        "a second, three-year rental prices of InferenceX,\n"
        f"mean use {MARGIN_UTILISATION:g} of the peak, no prefix cache, no speculation, the cheapest "
        "data-centre set and precision;\nlist prices of genai-prices 0.2.3, the median of providers "
        "(lowest to highest; how many). USD for a\nmillion tokens. A negative margin can be a loss, "
        "fuller machines, caching or speculation.\n"
        "`marts.api_margin` has the same of any month, at observed prices.\n\n"
        + _table(
            ("model", "cheapest set", "cost (80 %)", "list price", "margin (80 %)", "markup"), rows
        )
    )


def _flops() -> str:
    fit = reference.load_fit()
    rows = []
    for gpu_id, usd in fit.total_ownership_usd_per_gpu_hour.items():
        gpu = reference.known_gpus()[gpu_id]
        peaks = gpu.dense_flops_per_second

        def exaflop(precision: str, usd: float = usd, peaks: Any = peaks) -> str:
            return (
                f"{inference.usd_per_exaflop(usd, peaks[precision]):.3f}"
                if precision in peaks
                else "–"
            )

        rows.append(
            (
                gpu_id,
                f"{usd:.2f}",
                exaflop("bf16"),
                exaflop("fp8"),
                exaflop("fp4"),
                f"{inference.usd_per_terabyte_per_second_hour(usd, gpu.bandwidth_bytes_per_second):.3f}",
                f"{1e3 * inference.usd_per_gigabyte_hour(usd, gpu.memory_bytes):.2f}",
                f"{inference.balance_intensity(peaks['bf16'], gpu.bandwidth_bytes_per_second):.0f}",
                f"{peaks['bf16'] / (gpu.board_power_watts or math.nan) / 1e12:.2f}",
            )
        )
    return (
        "## What a FLOP costs\n\nDense peaks only. Effective cost divides by the share that is "
        "reached (training 0.40 by default, with\na range). `marts.cost_per_flop` has every GPU and "
        "day, `marts.flop_trend` the growth by release date\n(least squares on logarithms, 90 % "
        "interval), `truecost flop GPU` the newest. At the cost of ownership\nthat InferenceX "
        "prints for hyperscalers:\n\n"
        + _table(
            (
                "GPU",
                "USD/h",
                "USD/EFLOP 16 bit",
                "8 bit",
                "4 bit",
                "USD/(TB/s h)",
                "USD/(TB h)",
                "FLOP/byte",
                "TFLOP/(s W)",
            ),
            rows,
        )
    )


def _images() -> str:
    models, measured = images.load()
    reached = images.reached_fractions()
    typical = float(np.median(list(reached.values())))
    first = _table(
        (
            "model",
            "steps",
            "TFLOP an image",
            "memory, GB",
            "image/s on an L40S at the median share",
        ),
        [
            (
                model.name,
                f"{model.steps:.0f}{' x 2 (guided)' if model.is_guided else ''}",
                f"{model.flops / 1e12:,.0f}",
                f"{model.memory_bytes / 1e9:.0f}",
                _digits(typical * 362.05e12 / model.flops),
            )
            for model in models
        ],
    )
    second = _table(
        ("GPU", "measured image/s", "share of the 16-bit peak", "predicted without it", "ratio"),
        [_image_row(row, reached) for row in measured],
    )
    return (
        "## Images\n\nFLOPs of an image over the share of the dense 16-bit peak that GPUs reach. "
        "Measured: SDXL, 1024 x 1024,\n20 guided steps, MLPerf Inference v5.1 offline, FP8 "
        f"denoiser. The median share is {typical:.2f}; a GPU without\na measurement gets it, with "
        "the lowest and highest as its range. A fleet of one such model has no\nother anchor here: "
        "Stable Diffusion 1.5 and FLUX are predictions. `marts.image_cost` has USD for\n1,000 images "
        "of every GPU and day.\n\n" + first + "\n" + second
    )


def _image_row(row: images.Measured, reached: dict[tuple[str, str], float]) -> tuple[str, ...]:
    mine = reached[(row.image_model_id, row.gpu_id)]
    others = [value for key, value in reached.items() if key[1] != row.gpu_id]
    ratio = float(np.median(others)) / mine
    return (
        row.gpu_id,
        f"{row.images_per_second_per_gpu:.3f}",
        f"{mine:.2f}",
        f"{row.images_per_second_per_gpu * ratio:.3f}",
        f"{ratio:.2f}",
    )


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
