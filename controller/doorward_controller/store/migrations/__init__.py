"""Alembic's environment and versions, packaged so that the program migrates by itself."""
