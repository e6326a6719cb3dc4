"""Hostile inputs against the real process: none may hold the event loop, take memory over its bound, or be felt by
other users."""
