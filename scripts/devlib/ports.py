# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ports of 127.0.0.1 for servers that are started later, and stopped and started again."""

import itertools
import random
import socket

from .console import Problem

LOWEST, HIGHEST = 20000, 65535
EPHEMERAL = "/proc/sys/net/ipv4/ip_local_port_range"

# {port: what holds it}, until this process ends
_reserved = {}


def free_ports(count=1):
    """Return ports that belong to this process until it ends, also while nobody listens on them.

    They lie outside the range from which the kernel takes ports for outgoing connections and for
    whoever asks for any port: one of those may be taken between its choice and a server's start,
    and again whenever the server is down.
    """
    ports = list(itertools.islice(filter(reserve, _candidates()), count))
    if len(ports) < count:
        raise Problem(f"No {count} ports from {LOWEST} to {HIGHEST} of 127.0.0.1 are free.")
    return ports


def reserve(port):
    """Keep a port for this process unless it is in use or another process keeps it.

    What keeps it is a Unix socket without a file: seen by exactly those who share the port, also
    by other users and from other checkouts, and gone with the process, however that ends.

    :return: whether it is ours now; False also when it was before
    """
    if port in _reserved:
        return False
    hold = socket.socket(socket.AF_UNIX)
    try:
        hold.bind(f"\0bpo_crm port {port}")
    except OSError:
        hold.close()
        return False
    if not port_is_free(port):
        hold.close()
        return False
    _reserved[port] = hold
    return True


def port_is_free(port):
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        # as Odoo does: a port that only lingers after its last owner is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def ephemeral_ports():
    """Return the range of ports that the kernel hands out."""
    with open(EPHEMERAL, encoding="ascii") as file:
        first, last = map(int, file.read().split())
    return range(first, last + 1)


def _candidates():
    """Return the ports to choose from, in no order, so that nobody's favourites are met often."""
    everything = range(LOWEST, HIGHEST + 1)
    handed_out = ephemeral_ports()
    # a machine that hands out all of them leaves no choice
    safe = [port for port in everything if port not in handed_out] or list(everything)
    random.shuffle(safe)
    return safe
