"""Opens the sockets of the pages and begins to serve; what cannot be opened is told, not fatal."""

from collections.abc import Callable, Mapping

from doorward.ids import PortalId
from doorward_edge.panel.pages import Pages
from doorward_edge.panel.parts import PanelParts
from doorward_edge.panel.server import LOOPBACK, Listener, PanelServer, open_socket, tls_of
from doorward_edge.scan import Scan


class Panel:
    """The pages of this gateway, while it runs.

    Attributes:
        problems: what could not be served, in words. Doors work without pages.
    """

    def __init__(self, parts: PanelParts) -> None:
        """Opens the sockets that the site set; `start` begins to serve."""
        self._pages = Pages(parts)
        self._board = parts.board
        listeners, problems = _listeners(parts, self._pages)
        self.problems = tuple(problems)
        self._server = PanelServer(tuple(listeners), self._pages.screens.close)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that are served, the network's first."""
        return self._server.ports

    def start(self, put: Callable[[PortalId, Scan], None]) -> None:
        """Begins to serve. A code that a guard typed goes to the desk, not to `put`."""
        del put
        self._server.start()
        self._board.listen(self._wake)

    def stats(self) -> Mapping[str, int]:
        """Returns how many sockets are served."""
        return {"sockets": len(self.ports)}

    def close(self) -> None:
        """Ends streams and sockets."""
        self._server.close()

    def _wake(self) -> None:
        self._server.call(self._pages.screens.wake)


def _listeners(parts: PanelParts, pages: Pages) -> tuple[list[Listener], list[str]]:
    section, listeners, problems = parts.section, [], []
    if section.cert_file:
        try:
            tls = tls_of(section)
            sock = open_socket(section.address, section.port)
            listeners.append(Listener(sock=sock, app=pages.for_network(), tls=tls))
        except OSError as err:
            problems.append(f"panel on {section.address} port {section.port}: {_said(err)}")
    if section.kiosk_port:
        try:
            sock = open_socket(LOOPBACK, section.kiosk_port)
            listeners.append(Listener(sock=sock, app=pages.for_this_machine(), tls=None))
        except OSError as err:
            problems.append(f"panel.kiosk_port {section.kiosk_port}: {_said(err)}")
    return listeners, problems


def _said(err: OSError) -> str:
    return err.strerror or str(err)
