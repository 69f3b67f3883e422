"""The congestion control in force, and a network namespace of our own where it is another one."""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

CONGESTION = Path("/proc/sys/net/ipv4/tcp_congestion_control")
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1


class NoNamespace(Exception):
    """The congestion control asked for cannot be had; the text says why."""


def congestion():
    try:
        return CONGESTION.read_text().strip()
    except OSError:
        return "unknown"


def enter_namespace(wanted):
    """Moves this process, and those it starts from now on, to a network of its own with that congestion control."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        raise NoNamespace(
            f"this process may not make a network namespace ({os.strerror(ctypes.get_errno())}); "
            "run as root, or leave --congestion away")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    # Plain TCP opens many connections in the exchange workload.
    PORT_RANGE.write_text("1024 65535")
    try:
        CONGESTION.write_text(wanted)
    except OSError as error:
        raise NoNamespace(
            f"this kernel does not let us have the congestion control {wanted} ({error.strerror}); "
            "see /proc/sys/net/ipv4/tcp_available_congestion_control") from error
