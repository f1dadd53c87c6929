"""The controller's database: tables, sessions, migrations, and every statement that writes."""
