"""What is kept: `ports.py` has the values and the seams, `errors.py` how a store fails, `bounds.py` and `spans.py`
what every engine agrees on; one folder an engine: `sqlite` (the real one), `memory` (for tests and simulation)."""
