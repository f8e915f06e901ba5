"""An ASGI application that knows no sockets."""

application = None
