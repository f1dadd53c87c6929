"""How a bench says that it cannot run on this machine."""


class SkipBench(Exception):  # noqa: N818 -- it reports no error
    """This bench needs something that is not here; the message says what."""
