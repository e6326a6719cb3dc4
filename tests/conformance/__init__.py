"""Conformance suites that others wrote, against the gateway before the demo's engine and its talking model."""
