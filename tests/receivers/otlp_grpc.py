"""The program ``python -m tests.receivers.otlp_grpc --port 0 --store FILE``; the receiver is in ``over_grpc``."""

from tests.receivers import command
from tests.receivers.over_grpc import GrpcReceiver

__all__ = ["GrpcReceiver"]

if __name__ == "__main__":
    command.run(GrpcReceiver)
