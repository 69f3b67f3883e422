"""Makes the golden vectors. Written from SPEC.md alone; shares nothing with the engine."""
