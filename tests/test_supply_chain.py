"""What users install is locked by hashes, holds no tools, and is listed with its licences."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import grimp
import pytest

from pipelines.answers import package
from pipelines.site.pages.documents import DOCUMENTS
from tests import supply_chain
from tests.supply_chain import ROOT, packages, verdict
from warehouse import citation, paths

RUN, DEV, LAKE = (ROOT / f"requirements{part}.txt" for part in ("", "-dev", "-lake"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("lake", "lake-test", "mcp", "polars", "spark")
OURS = ("truecost", "pipelines", "warehouse", "cost_engine")


def plain(name: str) -> str:
    """Return the normal form of the name of a package."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~! ]", name)[0]).lower()


def names(lock: Path) -> set[str]:
    return {plain(one.name) for one in packages(lock)}


@pytest.mark.parametrize("lock", [RUN, DEV, LAKE], ids=lambda lock: lock.name)
def test_every_package_is_locked_by_hashes_and_names_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash)", text, re.MULTILINE)
    assert len(packages(lock)) == len(re.findall(r"^[A-Za-z]", text, re.MULTILINE)) > 50
    assert [one.name for one in packages(lock) if not one.hashes] == []


def test_users_install_no_tools() -> None:
    tools = {plain(name) for name in PROJECT["optional-dependencies"]["dev"]}
    assert tools & names(RUN) <= {"jsonschema"}  # which altair needs
    assert tools | names(RUN) <= names(DEV)


def test_what_both_install_has_one_version() -> None:
    dev = {plain(one.name): one.version for one in packages(DEV)}
    assert {plain(one.name): one.version for one in packages(RUN)}.items() <= dev.items()


def test_users_install_everything_that_the_code_imports() -> None:
    extras = PROJECT["optional-dependencies"]
    optional = {plain(name) for extra in EXTRAS for name in extras[extra]}
    graph = grimp.build_graph(*OURS, include_external_packages=True, cache_dir=None)
    outside = {name.partition(".")[0] for name in graph.modules} - {*OURS, *sys.stdlib_module_names}
    known, given_by = names(RUN) | optional, metadata.packages_distributions()
    packaged = {name: {plain(one) for one in given_by.get(name, [name])} for name in outside}
    assert {name for name, given in packaged.items() if not given & known} == set()


def test_the_page_of_licences_is_that_of_the_lock() -> None:
    assert supply_chain.PAGE.read_text(encoding="utf-8") == supply_chain.page()
    assert not re.search(r"not stated|not installed|\| \|", supply_chain.page())
    assert not re.search(r"\bA?GPL", supply_chain.page())


def test_the_bill_of_materials_lists_the_lock() -> None:
    bill = supply_chain.bill_of_materials()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert {part["name"] for part in bill["components"]} == {one.name for one in packages()}
    references = [part["bom-ref"] for part in bill["components"]]
    assert bill["dependencies"] == [{"ref": "truecost", "dependsOn": references}]
    assert len(set(references)) == len(references)


def answered(*dependencies: dict[str, object]) -> str:
    return json.dumps({"dependencies": list(dependencies)})


WEAK = {"name": "x", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
SOUND = {"name": "y", "version": "1", "vulns": []}
UNKNOWN = {"name": "z", "skip_reason": "not found"}


def test_a_known_weakness_fails_the_audit_and_is_named() -> None:
    status, text = verdict(answered(WEAK, SOUND), "")
    assert (status, text.splitlines()) == (
        1,
        ["x 1: CVE-1, fixed in 2", "audit: 1 known weaknesses in 2 packages"],
    )


def test_without_weakness_the_audit_passes_and_counts_what_was_not_asked() -> None:
    status, text = verdict(answered(SOUND, UNKNOWN), "")
    assert status == 0
    assert text == "audit: 0 known weaknesses in 1 packages, 1 could not be asked for"


@pytest.mark.parametrize("report", ["", "half", "{}", answered(), answered(UNKNOWN)])
def test_without_advisory_data_the_audit_is_skipped_and_says_so(report: str) -> None:
    status, text = verdict(report, "Traceback\nConnectionError: no route")
    assert (status, text.startswith("audit skipped: ")) == (0, True)


def test_statistics_of_use_are_off_wherever_the_package_is_imported() -> None:
    code = "import pipelines.text, os; print(os.environ['DAGSTER_DISABLE_TELEMETRY'])"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "1\n"


def test_a_wheel_carries_what_the_package_reads_of_the_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    carried = dict(tools["hatch"]["build"]["targets"]["wheel"]["force-include"])
    assert carried.pop("dg.toml") == "pipelines/dg.toml"  # where Dagster looks for it
    read = {*package.COPIED, citation.CITATION, "dagster.yaml", *DOCUMENTS}
    assert {
        name for name in read if not any(Path(name).is_relative_to(one) for one in carried)
    } == set()
    assert {
        one for one in carried if not any(Path(name).is_relative_to(one) for name in read)
    } == set()
    assert {paths.project_file(name) for name in carried} == {ROOT / name for name in carried}
    monkeypatch.setattr(paths, "IS_CHECKOUT", False)
    assert {paths.project_file(name) for name in carried} == {
        ROOT / where for where in carried.values()
    }
