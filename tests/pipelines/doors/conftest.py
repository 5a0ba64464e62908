"""A server on the home that the tests of the commands publish."""

from tests.pipelines.commands.conftest import answers_home, ask

__all__ = ["answers_home", "ask"]
