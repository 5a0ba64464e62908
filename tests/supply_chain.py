"""What users install: its licences, its bill of materials, and its known weaknesses.

    python -m tests.supply_chain licences    # rewrite docs/licences.md
    python -m tests.supply_chain sbom        # write dist/sbom.cdx.json (CycloneDX)
    python -m tests.supply_chain audit       # ask the advisory data, where they can be reached

Names, versions and hashes come from ``requirements.txt``, licences from the installed packages.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements.txt"
PAGE = ROOT / "docs" / "licences.md"
SBOM = ROOT / "dist" / "sbom.cdx.json"
AUDIT_SECONDS = 120
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+) \\$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# Licences that packages state as a text or a classifier, by their SPDX name.
SPDX = {
    "Apache Software License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


@dataclass(frozen=True)
class Package:
    """One locked package."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def licence(self) -> str:
        """The licence that the installed package states, as SPDX where it can be told."""
        try:
            stated = metadata.metadata(self.name)
        except metadata.PackageNotFoundError:
            return "not installed here"
        classes = [
            text.rpartition(" :: ")[2]
            for text in stated.get_all("Classifier") or []
            if text.startswith("License ::") and not text.endswith("OSI Approved")
        ]
        free_text = (stated.get("License") or "").strip().partition("\n")[0]
        named = stated.get("License-Expression") or " OR ".join(
            sorted({SPDX.get(name, name) for name in classes})
        )
        return named or SPDX.get(free_text, free_text) or "not stated"


def packages(requirements: Path = REQUIREMENTS) -> list[Package]:
    """Return the packages of a requirements file, in its order."""
    found: list[Package] = []
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if pin := PIN.match(line):
            found.append(Package(pin[1], pin[2], ()))
        elif hashed := HASH.search(line):
            last = found[-1]
            found[-1] = Package(last.name, last.version, (*last.hashes, hashed[1]))
    return found


def page() -> str:
    """Return the page of licences, in Markdown."""
    lines = [
        "# Licences of what is installed",
        "",
        "The packages of `requirements.txt`, each with the licence that it states.",
        "Licences of the data: [DATA_LICENSES](../DATA_LICENSES.md). `make docs` writes this page.",
        "",
        "| package | version | licence |",
        "|---|---|---|",
        *(f"| {one.name} | {one.version} | {one.licence} |" for one in packages()),
    ]
    return "\n".join(lines) + "\n"


def bill_of_materials() -> dict[str, Any]:
    """Return the bill of materials as CycloneDX 1.6: the same for the same lock."""
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{one.name}@{one.version}",
            "name": one.name,
            "version": one.version,
            "purl": f"pkg:pypi/{one.name}@{one.version}",
            "licenses": [{"license": {"name": one.licence}}],
        }
        for one in packages()
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "truecost",
                "name": "truecost",
                "version": metadata.version("truecost"),
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [
            {"ref": "truecost", "dependsOn": [str(one["bom-ref"]) for one in components]}
        ],
    }


def verdict(report: str, error: str) -> tuple[int, str]:
    """Return the exit status and the lines about what pip-audit answered.

    Parameters
    ----------
    report : str
        Its JSON; empty if it could not ask.
    error : str
        What it wrote to stderr.
    """
    try:
        listed = json.loads(report)["dependencies"]
    except (ValueError, KeyError):
        reason = (error.strip().splitlines() or ["no answer"])[-1]
        return 0, f"audit skipped: the advisory data cannot be reached ({reason[:200]})"
    asked = [one for one in listed if "skip_reason" not in one]
    if not asked:
        return 0, "audit skipped: the advisory data know none of the packages"
    weak = [
        f"{one['name']} {one['version']}: {known['id']},"
        f" fixed in {', '.join(known['fix_versions']) or 'no version yet'}"
        for one in asked
        for known in one["vulns"]
    ]
    unknown = f", {len(listed) - len(asked)} could not be asked for" if asked != listed else ""
    summary = f"audit: {len(weak)} known weaknesses in {len(asked)} packages{unknown}"
    return int(bool(weak)), "\n".join([*weak, summary])


def audit() -> int:
    """Ask pip-audit about the locked packages, print what it says, and return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(REQUIREMENTS)]
        command += ["--disable-pip", "--require-hashes", "--timeout", "10", "--format", "json"]
        command += ["--progress-spinner", "off", "--output", str(report)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=AUDIT_SECONDS, check=False
            )
            error = done.stderr
        except subprocess.TimeoutExpired:
            error = f"no answer in {AUDIT_SECONDS} s"
        found = report.read_text(encoding="utf-8") if report.exists() else ""
    status, text = verdict(found, error)
    print(text)
    return status


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["licences"]:
            PAGE.write_text(page(), encoding="utf-8")
        case ["sbom"]:
            SBOM.parent.mkdir(exist_ok=True)
            SBOM.write_text(json.dumps(bill_of_materials(), indent=1) + "\n", encoding="utf-8")
            print(f"{SBOM.relative_to(ROOT)}: {len(packages())} packages")
        case ["audit"]:
            sys.exit(audit())
        case _:
            sys.exit(__doc__)
