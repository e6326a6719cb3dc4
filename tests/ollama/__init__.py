"""A real Ollama for the tests: the server, and small models whose answers are known."""
