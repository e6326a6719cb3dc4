"""Commands: what a person types. Each reads its options and settings, and leaves the work to the floors below."""
