"""Files that a caller names: rules, price books, loads, models and GPUs of one's own, fixtures.

Whatever stands there, the answer is one line and exit status 2, and what bombs end is a child
process. Bills and tables of cases have tests of their own (``test_files``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.answers import foreign_file, own_files
from pipelines.child.limits import Limits
from pipelines.cli import main
from tests.conftest import BuildOnce
from tests.pipelines.commands.conftest import publish_days
from warehouse.paths import Home
from warehouse.reference import ReferenceError

Outcome = tuple[int, str, str]
Ask = Callable[..., Outcome]
MIB = 2**20
COMMANDS = {
    "alert": ("alert", "given.yaml"),
    "prices.csv": ("quote", "--gpu", "H100-SXM-80GB", "-n", "8", "--prices", "given.csv"),
    "prices.yaml": ("compare", "H100-SXM-80GB", "L40S-48GB", "--prices", "given.yaml"),
    "load": ("reserve", "--gpu", "H100-SXM-80GB", "--job-months", "9", "--load", "given.csv"),
    "model": ("train", "--model-file", "given.json"),
    "model to serve": ("infer", "--model-file", "given.json"),
    "gpus": ("infer", "llama-3.3-70b", "--gpu-file", "given.yaml"),
    "calibration": ("infer", "llama-3.3-70b", "--calibration", "given.csv"),
}


@pytest.fixture(scope="module")
def home(build_once: BuildOnce) -> Home:
    """Return the published home that the tests of commands share; none changes it."""
    return Home(build_once("answers", publish_days) / "home")


@pytest.fixture
def ask(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ask:
    """Return a way to run a command in a folder of its own, with small limits."""
    monkeypatch.setenv("TRUECOST_HOME", str(home.root))
    monkeypatch.chdir(tmp_path)
    small = Limits(memory_bytes=2**28, cpu_seconds=2, wall_seconds=300)
    monkeypatch.setattr(foreign_file, "LIMITS", small)

    def run(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            main(list(map(str, arguments)))
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run


def refused(outcome: Outcome, says: str = "") -> None:
    status, out, complaint = outcome
    assert (status, out, complaint.count("\n")) == (2, "", 1), outcome
    assert complaint.startswith("truecost") and says in complaint
    assert complaint.strip().isprintable()


SPECIAL: dict[str, Callable[[Path], object]] = {
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "dangling link": lambda path: path.symlink_to("nothing"),
    "loop": lambda path: path.symlink_to(path),
    "folder": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
    "sparse": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 2**31 + 1),
    "nothing": lambda path: None,
}


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_file_is_refused(ask: Ask, tmp_path: Path, command: str, kind: str) -> None:
    SPECIAL[kind](tmp_path / COMMANDS[command][-1])
    refused(ask(*COMMANDS[command]))


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/stdin", "/proc/self/mem", "x" * 300, "a\nb"])
@pytest.mark.parametrize("command", COMMANDS)
def test_devices_and_impossible_names_are_refused(ask: Ask, command: str, name: str) -> None:
    refused(ask(*COMMANDS[command][:-1], name))


def test_a_book_named_by_the_environment_is_held_to_the_same(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUECOST_PRICES", "/dev/zero")
    refused(ask("quote", "--gpu", "H100-SXM-80GB", "-n", "8"), "is not a file")


NESTED = b"[" * 100_000
# Nine lines, each of which names the line before nine times.
ALIASES = "\n".join(
    ["rules:", "- &a0 {name: x}"]
    + [f"- &a{n} {{name: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 10)]
).encode()
CONTENTS: dict[str, dict[str, bytes]] = {
    "alert": {
        "nested": b"rules:\n- name: " + NESTED,
        "aliases": ALIASES,
        "number of base 60": b"rules:\n- gpu: H100\n  below_usd: 1" + b":59" * 300_000,
        "code": b"rules: !!python/object/apply:os.system ['id']",
        "keys that are lists": b"? [a, b]\n: 1\n",
        "set": b"!!set {a, b}",
        "escape": b"\"ru\\e[31mles\": [1]",
        "zeros": b"\0" * MIB,
        "utf-16": "rules: []".encode("utf-16"),
    },
    "prices.csv": {
        "quotes": b'"' * MIB,
        "NUL": b"provider,gpu\0,price\nlambda,H100\0,1\n",
        "million columns": b",".join(b"c%d" % number for number in range(100_000)) + b"\n1\n",
        "rows": b"provider,gpu,price\n" + b"lambda,H100-SXM-80GB,1\n" * 10_001,
        "beyond reason": b"provider,gpu,price\nlambda,H100-SXM-80GB,1e308\n",
    },
    "prices.yaml": {"nested": b"prices: " + NESTED, "code": b"!!python/name:os.system x"},
    "load": {
        "nan": b"gpu_count\nnan\n",
        "endless": b"gpu_count,hours\n1,inf\n",
        "below nothing": b"gpu_count\n-1\n",
        "digits": b"gpu_count\n" + b"9" * 5_000 + b"\n",
        "escape": b"gpu_count\n\x1b]0;owned\x07\n",
        "quotes": b'gpu_count\n"' + b"x" * MIB,
    },
    "model": {
        "nested": NESTED,
        "digits": b'{"hidden_size": ' + b"9" * 100_000 + b"}",
        "too large": b" " * 5 * MIB,
        "endless": b'{"hidden_size": 1e400, "num_hidden_layers": 1}',
        "escape": b'{"hidden_size": "\\u001b[31m"}',
    },
    "gpus": {
        "nested": b"gpus: " + NESTED,
        "empty": b"",
        "a number": b"7",
        "code": b"gpus: !!python/object/apply:os.system ['id']",
        "too large": b"#" * 5 * MIB,
    },
    "calibration": {"zeros": b"\0" * MIB, "quotes": b'"' * MIB, "not utf-8": b"\xff\xfe"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "kind"), [(command, kind) for command in CONTENTS for kind in CONTENTS[command]]
)
def test_a_hostile_content_is_one_line(ask: Ask, tmp_path: Path, command: str, kind: str) -> None:
    (tmp_path / COMMANDS[command][-1]).write_bytes(CONTENTS[command][kind])
    refused(ask(*COMMANDS[command]))
    assert len(list(tmp_path.iterdir())) == 1


LISTINGS: dict[str, object] = {
    "not JSON": b"[",
    "nested": NESTED,
    "no list": {"a": 1},
    "no entry": ["a"],
    "no address": [{"key": "data", "file": "data.json"}],
    "outside": [{"key": "data", "url": "https://a", "file": "../secret.json"}],
    "absolute": [{"key": "data", "url": "https://a", "file": "/etc/passwd"}],
    "link": [{"key": "data", "url": "https://a", "file": "link.json"}],
    "pipe": [{"key": "data", "url": "https://a", "file": "pipe.json"}],
    "no day": [{"key": "data", "url": "https://a", "file": "data.json", "seen_at": "someday"}],
}


@pytest.mark.parametrize("kind", LISTINGS)
@pytest.mark.parametrize(
    "command", [("source", "gputable", "--fixture"), ("check-sources", "--fixtures")]
)
def test_a_hostile_fixture_is_one_line(
    ask: Ask, tmp_path: Path, command: tuple[str, ...], kind: str
) -> None:
    folder = tmp_path / "gputable"
    folder.mkdir()
    (tmp_path / "secret.json").write_text("[]")
    (folder / "data.json").write_text("{}")
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    os.mkfifo(folder / "pipe.json")
    listing = LISTINGS[kind]
    text = listing if isinstance(listing, bytes) else json.dumps(listing).encode()
    (folder / "payloads.json").write_bytes(text)
    refused(ask(*command, folder if command[0] == "source" else tmp_path))


# ------------------------------------------------------- names that reach a terminal or a sheet


def test_a_name_of_a_file_is_harmless_on_a_terminal_and_in_a_sheet(
    ask: Ask, tmp_path: Path
) -> None:
    book = tmp_path / "\x1b[31m=\u202ebook.csv"
    rows = "lambda,H100-SXM-80GB,1.5\n=cmd|'/c calc'!A1,H100-SXM-80GB,1.4\n"
    book.write_text(f"provider,gpu,price\n{rows}", encoding="utf-8")
    question = ("quote", "--gpu", "H100-SXM-80GB", "-n", "8", "--prices", book)
    for more in ((), ("--format", "csv"), ("--json",)):
        status, out, notes = ask(*question, *more)
        assert status == 0
        assert "\x1b" not in out + notes and "\u202e" not in out + notes
        assert not any(line.startswith("=") for line in out.splitlines() if "csv" in more)


HIDDEN = ["\x1b[31m", "\u202e", "\x07", "\x9b"]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_name_with_control_characters_is_refused(ask: Ask, tmp_path: Path, hidden: str) -> None:
    (tmp_path / "given.csv").write_text(f"provider,gpu,price\nx{hidden},H100-SXM-80GB,1\n")
    refused(ask(*COMMANDS["prices.csv"]), "without control characters")
    given = json.dumps(f"x{hidden}")  # which is YAML, too
    rule = f"rules:\n- {{name: {given}, gpu: H100, below_usd: 1}}\n"
    (tmp_path / "given.yaml").write_text(rule)
    refused(ask(*COMMANDS["alert"]), "without control characters")


def test_the_names_of_columns_are_harmless(ask: Ask) -> None:
    question = ("sql", 'select 1 as "=cmd|\'/c calc\'!A1", 2 as "\x1b[31mred\u202e"')
    _, table, _ = ask(*question)
    _, sheet, _ = ask(*question, "--format", "csv")
    assert "\x1b" not in table + sheet and "\u202e" not in table + sheet
    assert sheet.startswith("'=cmd")


RULES = """
rules:
- name: "<script>alert(1)</script> [x](javascript:alert(1)) | **b** # h"
  gpu: H100-SXM-80GB
  above_usd: 0.01
"""


def test_the_name_of_a_rule_is_text_in_markdown(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    status, out, _ = ask("alert", "rules.yaml")
    assert status in (0, 1)
    assert "&lt;script&gt;" in out and "\\[x\\]" in out
    assert "<script" not in out and "[x](" not in out and "\x1b" not in out
    assert json.loads(ask("alert", "rules.yaml", "--json")[1])


SHAPE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": 100,
    "intermediate_size": 64,
    "num_experts_per_tok": 1,
}


@pytest.mark.parametrize("key", [*SHAPE, "num_key_value_heads", "n_routed_experts", "layer_types"])
def test_a_model_of_impossible_size_is_refused_or_counted(tmp_path: Path, key: str) -> None:
    path = tmp_path / "given.json"
    for value in (1, 10**9, 10**30, -1, 1e400, True, [], [10**30], {}, "x", None):
        path.write_text(json.dumps(SHAPE | {key: value}))
        try:
            found = own_files.model_in(path)
        except ReferenceError as error:
            assert str(error).startswith("given.json: ")
            continue
        assert 0 < found["values"]["parameters"] < 10**40


@pytest.mark.parametrize("shape", [{"num_attention_heads": 10**9}, {"hidden_size": 10**9}])
def test_a_model_of_impossible_size_has_no_answer_without_an_end(
    ask: Ask, tmp_path: Path, shape: dict[str, int]
) -> None:
    (tmp_path / "given.json").write_text(json.dumps(SHAPE | shape))
    status, out, complaint = ask("train", "--model-file", "given.json", "--json")
    assert (status, bool(out)) in ((0, True), (2, False)), complaint
    assert "NaN" not in out and "Infinity" not in out
