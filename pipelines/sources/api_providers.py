"""Names of API providers in lists of model prices, and one id for each.

Only the providers that two lists name differently are here; all others keep their printed name.
One company with two price lists is two: z.ai (dollars) and bigmodel.cn of Zhipu AI.
"""

from __future__ import annotations

# LiteLLM names the client library's route; one company has several.
ALIASES = {
    "amazon_nova": "aws",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "bedrock_mantle": "aws",
    "azure_ai": "azure",
    "azure_text": "azure",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "fireworks_ai-embedding-models": "fireworks",
    "gemini": "google",
    "lambda_ai": "lambda",
    "moonshot": "moonshotai",
    "text-completion-codestral": "mistral",
    "codestral": "mistral",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "voyage": "voyageai",
    "xai": "x-ai",
    "bigmodel": "zhipuai",
}


def api_provider_id(printed: str) -> str:
    """Return one id for an API provider.

    Examples
    --------
    >>> api_provider_id("together_ai"), api_provider_id("vertex_ai-llama_models")
    ('together', 'google')
    >>> api_provider_id("deepinfra")
    'deepinfra'
    """
    name = printed.strip().lower()
    return "google" if name.startswith("vertex_ai") else ALIASES.get(name, name)
