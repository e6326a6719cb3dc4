"""Pure formats: bytes in, values out. No event loop, no clock, no sockets."""
