"""Read models for screens and the API: plain rows, no rules."""
