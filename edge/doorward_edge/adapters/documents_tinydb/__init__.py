"""The gateway's small documents in TinyDB, sealed and replaced whole (architecture, §5)."""

from doorward_edge.adapters.documents_tinydb.documents import TinyDocuments
from doorward_edge.adapters.documents_tinydb.tallies import TinyTallies

__all__ = ["TinyDocuments", "TinyTallies"]
