"""The clients of docs/clients.md, as they come from the registries, before the real gateway and the real Ollama."""
