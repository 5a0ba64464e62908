"""What a person or a benchmark table means by the name of a GPU, a model or a precision.

Names in, reference entries out. No figures and no arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cost_engine.memory import SERVED_WEIGHT_BITS
from warehouse.reference import Documents, Gpu, Model, read_gpus, read_models
from warehouse.reference.documents import once
from warehouse.reference.identities import gpu_aliases, model_aliases
from warehouse.reference.serving import benchmark_names

NAMES_SUGGESTED = 8
SUFFIX = re.compile(r"[-_](instruct|chat|it|base|hf|fp8|bf16)$", re.IGNORECASE)
"""What weights of one model are called apart by, at the end of their name."""


class UnknownSubjectError(ValueError):
    """A model, GPU or precision that cannot be served. The message says what would work."""


def folded(name: str) -> str:
    """Return a name in lower case without punctuation.

    Examples
    --------
    >>> folded("RTX PRO 6000"), folded("Qwen3.5-397B-A17B")
    ('rtxpro6000', 'qwen35397ba17b')
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


@once
def known_gpus(documents: Documents) -> Mapping[str, Gpu]:
    """Return every GPU of the reference data by its id."""
    return {gpu.gpu_id: gpu for gpu in read_gpus(documents)}


@once
def known_models(documents: Documents) -> Mapping[str, Model]:
    """Return every model of the reference data by its id."""
    return {model.model_id: model for model in read_models(documents)}


@once
def _gpu_spellings(documents: Documents) -> Mapping[str, str]:
    known = known_gpus(documents)
    spellings: dict[str, str] = {}
    for alias in gpu_aliases(documents):
        if alias.canonical in known:
            spellings.setdefault(folded(alias.gpu_name_printed), alias.canonical)
    spellings |= {folded(gpu_id): gpu_id for gpu_id in known}
    fine = {folded(gpu_id.rsplit("-", 1)[0]): gpu_id for gpu_id in known if "-" in gpu_id}
    return fine | spellings | dict(benchmark_names(documents)["gpu"])


def _without_decoration(name: str) -> list[str]:
    """Return a name without vendor and generation of memory, then without size, then form factor.

    Examples
    --------
    >>> _without_decoration("AMD Instinct MI325X 256GB HBM3e")
    ['mi325x256gb', 'mi325x', 'mi325x']
    """
    plain = re.sub(r"^(virtualized)?(nvidia|amdinstinct|amd)|hbm\d+e?$", "", folded(name))
    short = re.sub(r"\d+gb?$", "", plain) if re.search(r"\D\d+gb$", plain) else plain
    return [plain, short, re.sub(r"sxm\d?$", "", short)]


def gpu_named(documents: Documents, name: str) -> Gpu:
    """Return the GPU that a name means. A bare ``H100`` is the SXM part.

    Raises
    ------
    UnknownSubjectError
        With the ids that look alike.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> [gpu_named(bundled(), name).gpu_id for name in ("H100", "MI300X", "rtx-pro-6000")]
    ['H100-SXM-80GB', 'MI300X-192GB', 'RTXPRO6000SE-96GB']
    """
    spellings = _gpu_spellings(documents)
    gpu_id = spellings.get(folded(name)) or next(
        (spellings[short] for short in _without_decoration(name) if short in spellings), None
    )
    if gpu_id is None:
        start = folded(name)[:3]
        near = sorted(gpu for gpu in known_gpus(documents) if folded(gpu).startswith(start))
        raise UnknownSubjectError(_unknown("GPU", name, near, "from core.gpu"))
    return known_gpus(documents)[gpu_id]


@once
def _model_spellings(documents: Documents) -> Mapping[str, str]:
    known = known_models(documents)
    spellings = {
        folded(alias.model_name_printed): alias.model_id
        for alias in model_aliases(documents)
        if alias.model_id in known and alias.relation == "same"
    }
    spellings |= {folded(model.name): model_id for model_id, model in known.items()}
    return spellings | {folded(model_id): model_id for model_id in known}


def model_named(documents: Documents, name: str) -> Model:
    """Return the reference model that a name means.

    Raises
    ------
    UnknownSubjectError
        With the ids that look alike.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> model_named(bundled(), "Llama-3.3-70B").model_id
    'llama-3.3-70b'
    """
    model_id = model_spelled(documents, name)
    if model_id is None:
        start = re.split(r"[^a-z]", name.lower())[0] or name.lower()
        near = sorted(known for known in known_models(documents) if known.startswith(start[:4]))
        raise UnknownSubjectError(_unknown("model", name, near, "select model_id from core.model"))
    return known_models(documents)[model_id]


def model_spelled(documents: Documents, name: str) -> str | None:
    """Return the id of the model that a spelling means, such as an id of Hugging Face, or None.

    The organisation before a slash and what follows the size may be there or not.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> model_spelled(bundled(), "meta-llama/Llama-3.3-70B-Instruct")
    'llama-3.3-70b'
    """
    spellings = _model_spellings(documents)
    last = name.rsplit("/", 1)[-1]
    for candidate in (name, last, SUFFIX.sub("", last)):
        if folded(candidate) in spellings:
            return spellings[folded(candidate)]
    return None


def _unknown(kind: str, name: str, near: list[str], query: str) -> str:
    suggestion = (
        f"did you mean {', '.join(near[:NAMES_SUGGESTED])}?"
        if near
        else f"see: truecost sql '{query}'"
    )
    return f"unknown {kind} {name!r}; {suggestion}"


def precision_named(documents: Documents, name: str) -> str:
    """Return the precision that a spelling means.

    Raises
    ------
    UnknownSubjectError
        With the precisions that exist.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> precision_named(bundled(), "FP16"), precision_named(bundled(), "NVFP4")
    ('fp16', 'fp4')
    """
    precision = name.strip().lower()
    precision = benchmark_names(documents)["precision"].get(precision, precision)
    if precision not in SERVED_WEIGHT_BITS:
        raise UnknownSubjectError(
            f"unknown precision {name!r}; there are: {', '.join(sorted(SERVED_WEIGHT_BITS))}"
        )
    return precision


def architecture_key(documents: Documents, gpu: Gpu) -> str:
    """Return the name under which the constants of a GPU's architecture are kept.

    Workstation and consumer parts of Blackwell have other tensor cores than data-centre parts.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> architecture_key(bundled(), known_gpus(bundled())["B300-288GB"])
    'blackwell'
    """
    architecture = benchmark_names(documents)["architecture"].get(
        gpu.architecture, gpu.architecture
    )
    if architecture == "blackwell" and gpu.form_factor == "PCIe":
        return "blackwell_workstation"
    return architecture
