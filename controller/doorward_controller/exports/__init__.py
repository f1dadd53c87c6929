"""Files for people: what queries find and services may read, written out row by row.

Above services and queries, which do not know each other; below the API, the console and the command
line, which all hand out the same files.
"""
