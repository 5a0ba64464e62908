"""Names of providers in feeds and catalogues, one id for each, and the market it sells in.

A feed prints a name; a provider has one id here, so that a first-party price and its witnesses
meet. The tiers follow how the provider itself sells: its own data centres (hyperscaler, neocloud)
or other people's machines (marketplace). Countries, owners and home pages belong to
``warehouse/reference/data/providers.csv``.
"""

from __future__ import annotations

from pipelines.sources.base import MarketTier
from pipelines.text import single_spaced

# Names that differ from the id (renamed companies, spelling variants).
ALIASES = {
    "ace": "acecloud",
    "ace cloud": "acecloud",
    "akamai": "linode",
    "amazon": "aws",
    "amazon web services": "aws",
    "cudo compute": "cudo",
    "datacrunch": "verda",
    "denvr dataworks": "denvr",
    "do": "digitalocean",
    "excess-supply": "excesssupply",
    "excess_supply": "excesssupply",
    "fluid-stack": "fluidstack",
    "gmi": "gmicloud",
    "google": "gcp",
    "google cloud": "gcp",
    "gpu.ai": "gpuai",
    "hot-aisle": "hotaisle",
    "jarvis": "jarvislabs",
    "jarvis labs": "jarvislabs",
    "lambda labs": "lambda",
    "lambdalabs": "lambda",
    "latitude.sh": "latitude",
    "lium.io": "lium",
    "massed": "massedcompute",
    "massed compute": "massedcompute",
    "microsoft azure": "azure",
    "oblivus cloud": "oblivus",
    "oblivuscloud": "oblivus",
    "oracle": "oci",
    "oracle cloud": "oci",
    "ovhcloud": "ovh",
    "prime-intellect": "primeintellect",
    "runc": "runcai",
    "runc.ai": "runcai",
    "runpod.io": "runpod",
    "saladcloud": "salad",
    "sf compute": "sfcompute",
    "thunder": "thundercompute",
    "together ai": "together",
    "vast.ai": "vast",
    "vastai": "vast",
    "voltage park": "voltagepark",
}

TIERS: dict[str, MarketTier] = {
    "aws": "hyperscaler",
    "azure": "hyperscaler",
    "gcp": "hyperscaler",
    "oci": "hyperscaler",
    "ibm": "hyperscaler",
    "alibaba": "hyperscaler",
    "akash": "marketplace_community",
    "clore": "marketplace_community",
    "salad": "marketplace_community",
    "vast": "marketplace_community",
    "cloudrift": "marketplace_secure",
    "hyperbolic": "marketplace_secure",
    "lium": "marketplace_secure",
    "mithril": "marketplace_secure",
    "primeintellect": "marketplace_secure",
    "runpod": "marketplace_secure",
    "sfcompute": "marketplace_secure",
    "shadeform": "marketplace_secure",
    "spheron": "marketplace_secure",
    "tensordock": "marketplace_secure",
}


def provider_id(printed: str) -> str:
    """Return the short lower-case id of a provider from the name that a feed prints.

    Examples
    --------
    >>> provider_id("DataCrunch"), provider_id("Voltage Park"), provider_id("nebius")
    ('verda', 'voltagepark', 'nebius')
    """
    name = single_spaced(printed.lower())
    return ALIASES.get(name, name.replace(" ", ""))


def market_tier(provider: str) -> MarketTier:
    """Return the tier in which a provider sells where the source does not say it per offer.

    Examples
    --------
    >>> market_tier("aws"), market_tier("crusoe"), market_tier("vast")
    ('hyperscaler', 'neocloud', 'marketplace_community')
    """
    return TIERS.get(provider, "neocloud")
