"""The answers of a visit, saved as a fixture folder: the bytes, and the list of them.

Keys of sources are masked before bytes reach landing, and addresses are named without them.
``sources.fixtures`` reads such a folder.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture, RequestRecord
from pipelines.sources.fixtures import LISTING

ENDINGS = {"json": ".json", "csv": ".csv", "html": ".html", "xml": ".xml", "zip": ".zip"}


def save_fixture(capture: Capture, landing: Landing, folder: Path) -> list[str]:
    """Write every answer of a visit, and their list, into a folder; failed requests have none.

    Returns
    -------
    list of str
        The names of the files with answers.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listing: list[dict[str, str]] = []
    for record in capture.requests:
        if record.path is None or record.outcome == "failed":
            continue
        name = file_name(record)
        taken = {entry["file"] for entry in listing}
        name = name if name not in taken else f"{len(listing)}_{name}"
        (folder / name).write_bytes(landing.content(record.path))
        listing.append(
            {
                "key": record.key,
                "url": record.url,
                "file": name,
                "content_type": record.content_type,
                "seen_at": capture.seen_at.isoformat(),
            }
        )
    (folder / LISTING).write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")
    return [entry["file"] for entry in listing]


def file_name(record: RequestRecord) -> str:
    """Return a plain name for an answer: its key, and an ending by its type or address."""
    stem = re.sub(r"[^A-Za-z0-9]+", "_", record.key).strip("_").lower() or "answer"
    kind = next((kind for kind in ENDINGS if kind in record.content_type), "")
    of_address = Path(urlsplit(record.url).path).suffix
    is_plain = re.fullmatch(r"\.[a-z0-9]{1,5}", of_address) is not None
    return stem + (ENDINGS.get(kind) or (of_address if is_plain else ".txt"))
