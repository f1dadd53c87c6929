"""A pulled cable is silent, a reset is loud, and neither invents or loses a byte."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest

from doorward_controller.demo.cable import Cable, Fault, Network


@contextmanager
def echo_server() -> Iterator[int]:
    """Answers every byte with itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(peer: socket.socket) -> None:
            with peer, suppress(ConnectionError):
                while data := peer.recv(65536):
                    peer.sendall(data)

        def accept() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                Thread(target=serve, args=(peer,), daemon=True).start()

        acceptor = Thread(target=accept, daemon=True)
        acceptor.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        acceptor.join(5)


@pytest.fixture
def cable() -> Iterator[Cable]:
    network = Network()
    with echo_server() as port:
        yield network.lay("127.0.0.1", port)
        network.close()


def connect(cable: Cable) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", cable.port), timeout=5)
    peer.settimeout(5)
    return peer


def ask(peer: socket.socket, text: bytes) -> bytes:
    peer.sendall(text)
    return peer.recv(len(text), socket.MSG_WAITALL)


def test_whole_cable_carries_every_byte(cable: Cable) -> None:
    sent = bytes(range(256)) * 4096
    with connect(cable) as peer:
        writer = Thread(target=peer.sendall, args=(sent,))
        writer.start()
        got = bytearray()
        while len(got) < len(sent):
            got += peer.recv(65536)
        writer.join()
    assert bytes(got) == sent


def test_pulled_cable_is_silent_and_delivers_when_it_is_back(cable: Cable) -> None:
    with connect(cable) as peer:
        assert ask(peer, b"before") == b"before"
        cable.cut(Fault.PULLED)
        assert cable.fault is Fault.PULLED
        peer.sendall(b"during")
        peer.settimeout(0.2)
        with pytest.raises(TimeoutError):
            peer.recv(1)
        cable.restore()
        peer.settimeout(5)
        assert peer.recv(6, socket.MSG_WAITALL) == b"during"
        assert ask(peer, b"after") == b"after"


def test_whoever_connects_over_a_pulled_cable_waits(cable: Cable) -> None:
    cable.cut(Fault.PULLED)
    with connect(cable) as peer:
        peer.sendall(b"hello")
        peer.settimeout(0.2)
        with pytest.raises(TimeoutError):
            peer.recv(1)
        cable.restore()
        peer.settimeout(5)
        assert peer.recv(5, socket.MSG_WAITALL) == b"hello"


def test_reset_ends_connections_and_refuses_new_ones(cable: Cable) -> None:
    port = cable.port
    with connect(cable) as peer:
        assert ask(peer, b"before") == b"before"
        cable.cut(Fault.RESET)
        with pytest.raises(ConnectionResetError):
            peer.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(cable)
    cable.restore()
    assert cable.port == port
    assert cable.fault is None
    with connect(cable) as peer:
        assert ask(peer, b"after") == b"after"


def test_second_cut_and_second_restore_change_nothing(cable: Cable) -> None:
    cable.cut(Fault.PULLED)
    cable.cut(Fault.RESET)
    assert cable.fault is Fault.PULLED
    cable.restore()
    cable.restore()
    with connect(cable) as peer:
        assert ask(peer, b"x") == b"x"


def test_connection_given_up_while_the_cable_was_out_ends_when_it_is_back(cable: Cable) -> None:
    peer = connect(cable)
    assert ask(peer, b"before") == b"before"
    cable.cut(Fault.PULLED)
    peer.close()
    cable.restore()
    with connect(cable) as other:
        assert ask(other, b"after") == b"after"


def test_dead_broker_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    network = Network()
    cable = network.lay("127.0.0.1", port)
    with connect(cable) as peer, suppress(ConnectionResetError):
        assert peer.recv(1) == b""
    network.close()
