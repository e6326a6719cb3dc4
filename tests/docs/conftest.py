"""The gateway of the tests of the data plane, for the tests of what is written about it."""

from tests.gateway.conftest import gateway, start, up

__all__ = ["gateway", "start", "up"]
