"""The lake reads the home that the tests of the commands publish."""

from tests.pipelines.commands.conftest import answers_home

__all__ = ["answers_home"]
