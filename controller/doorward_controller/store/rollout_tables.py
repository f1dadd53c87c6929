"""Proposals that wait for a second person, roll-outs, revocations in bulk."""
