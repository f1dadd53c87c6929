"""Copies of everything that a controller cannot make anew, and the way back from them.

run: snapshot (database, keys, files, manifest) -> restic, to each place by itself -> noted
rehearse: newest copy -> scratch database -> counted and compared -> noted
restore: newest good copy -> checked -> put in place -> erasures made again -> gateways re-send
"""
