"""The bench: `scripts/bench` runs it, docs/performance.md says what it measures. It prints; nothing passes or fails."""
