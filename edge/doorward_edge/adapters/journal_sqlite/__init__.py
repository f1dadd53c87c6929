"""The durable journal of sealed records: SQLite, WAL, `synchronous=FULL` (architecture, §5).

`journal` is the port's class and its thread; `opening` decides in what state a folder is; `store`
is the database; `rows` its tables and checks; `index` what it holds, as ranges; `segments` its
keys; `room` its place on the card; `wal` and `carve` look at raw files, and `salvage` makes a
fresh journal of a damaged one.
"""

from doorward_edge.adapters.journal_sqlite.journal import SqliteJournal

__all__ = ["SqliteJournal"]
