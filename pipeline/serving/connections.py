"""One connection of a client, kept within limits of number, size and time.

uvicorn's protocol over llhttp, which refuses what is no HTTP or says its
length twice, waits for ever for slow clients and takes headers of any size.
Here a request must arrive within a time, its head within a size, an answer be
taken within the same time, and connections above their number get 503.
"""

import json
import socket

from uvicorn.protocols.http import httptools_impl

_MOST_HEAD_BYTES = 2**16  # of a request line and headers
_REFUSED_S = 1  # until a connection above the limit is cut


def limited(most, seconds):
    """Returns the class of connections with these limits, for uvicorn.

    Args:
        most: Int >= 1, connections at a time.
        seconds: Positive number, until a request must be there.
    """

    class Limited(_Connection):
        most_connections = most
        request_s = seconds

    return Limited


class _Connection(httptools_impl.HttpToolsProtocol):
    """Takes `most_connections` and `request_s` from its subclass."""

    _deadline = None
    _head_bytes = 0
    _in_head = False
    _is_refused = False

    def connection_made(self, transport):
        super().connection_made(transport)
        # An answer is two small writes; asyncio leaves sockets that it has not
        # made itself as they are.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        others = len(self.connections) - 1
        self._is_refused = others >= self.most_connections
        if others >= 2 * self.most_connections:
            transport.abort()
        elif self._is_refused:
            # Closed by the client, or soon: closing a connection with bytes
            # that nobody has read would take the answer away from it.
            self._write(503, "The server has too many connections")
            transport.write_eof()
            self._start_clock(_REFUSED_S)
        else:
            self._start_clock(self.request_s)

    def connection_lost(self, exc):
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data):
        if self._is_refused or self.transport.is_closing():
            return
        is_going_on = self._in_head
        super().data_received(data)
        if is_going_on and self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES:
                self._refuse(
                    431, f"Headers must have at most {_MOST_HEAD_BYTES} bytes"
                )

    def on_message_begin(self):
        self._head_bytes, self._in_head = 0, True
        self._start_clock(self.request_s)
        super().on_message_begin()

    def on_header(self, name, value):
        if self._in_head:  # what follows a body in chunks is ignored
            super().on_header(name, value)

    def on_headers_complete(self):
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self):
        self._stop_clock()
        super().on_message_complete()

    def pause_writing(self):
        super().pause_writing()
        self._start_clock(self.request_s)

    def resume_writing(self):
        self._stop_clock()
        super().resume_writing()

    def send_400_response(self, msg):
        self._refuse(400, f"Malformed request: {msg}")

    def _start_clock(self, seconds):
        self._stop_clock()
        self._deadline = self.loop.call_later(seconds, self._give_up)

    def _stop_clock(self):
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self):
        self._deadline = None
        if self._is_refused or self.flow.write_paused:
            self.transport.abort()
        else:
            self._refuse(
                408, f"A request must be there within {self.request_s} s"
            )

    def _refuse(self, status, message):
        # Not into the middle of the answer to an earlier request.
        if self.cycle is None or not self._is_answering():
            self._write(status, message)
        self.transport.close()

    def _is_answering(self):
        return self.cycle.response_started and not self.cycle.response_complete

    def _write(self, status, message):
        content = json.dumps({"error": message}).encode()
        self.transport.write(
            httptools_impl.STATUS_LINE[status]
            + b"content-type: application/json\r\nconnection: close\r\n"
            + b"content-length: %d\r\n\r\n" % len(content)
            + content
        )
