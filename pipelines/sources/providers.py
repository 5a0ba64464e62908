"""Names of providers in feeds and catalogues, one id for each, and the market it sells in.

A feed prints a name; a provider has one id here, so that a first-party price and its witnesses
meet. The tiers follow how the provider itself sells: its own data centres (hyperscaler, neocloud)
or other people's machines (marketplace). Countries, owners and home pages belong to
``warehouse/reference/data/providers.csv``.
"""

from __future__ import annotations

from pipelines.sources.base import MarketTier, ParseError

# Names that differ from the id when case, spaces and punctuation are left out.
ALIASES = {
    "ace": "acecloud",
    "akamai": "linode",
    "alibabacloud": "alibaba",
    "amazon": "aws",
    "amazonaws": "aws",
    "amazonwebservices": "aws",
    "crusoecloud": "crusoe",
    "cudocompute": "cudo",
    "datacrunch": "verda",
    "denvrdataworks": "denvr",
    "do": "digitalocean",
    "gmi": "gmicloud",
    "google": "gcp",
    "googlecloud": "gcp",
    "googlecloudplatform": "gcp",
    "ibmcloud": "ibm",
    "jarvis": "jarvislabs",
    "lambdacloud": "lambda",
    "lambdalabs": "lambda",
    "latitudesh": "latitude",
    "liumio": "lium",
    "massed": "massedcompute",
    "microsoft": "azure",
    "microsoftazure": "azure",
    "oblivuscloud": "oblivus",
    "oracle": "oci",
    "oraclecloud": "oci",
    "oraclecloudinfrastructure": "oci",
    "ovhcloud": "ovh",
    "runc": "runcai",
    "runpodio": "runpod",
    "saladcloud": "salad",
    "thunder": "thundercompute",
    "togetherai": "together",
    "vastai": "vast",
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


# Whose machines may leave at any time: their prices are spot, whatever a feed calls them.
INTERRUPTIBLE = {"salad"}


def provider_id(printed: str) -> str:
    """Return the short lower-case id of a provider from the name that a feed prints.

    Raises
    ------
    ParseError
        If the name has neither letters nor digits.

    Examples
    --------
    >>> provider_id("DataCrunch"), provider_id(" Voltage-Park "), provider_id("nebius")
    ('verda', 'voltagepark', 'nebius')
    """
    name = "".join(letter for letter in printed.casefold() if letter.isalnum())
    if not name:
        raise ParseError(f"the provider is {printed!r}")
    return ALIASES.get(name, name)


def market_tier(provider: str) -> MarketTier:
    """Return the tier in which a provider sells where the source does not say it per offer.

    Examples
    --------
    >>> market_tier("aws"), market_tier("crusoe"), market_tier("vast")
    ('hyperscaler', 'neocloud', 'marketplace_community')
    """
    return TIERS.get(provider, "neocloud")
