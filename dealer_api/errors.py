# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What can go wrong in the talk with a dealer's Odoo, and what is to be done about it."""

from .messages import render

# What is to be done about an error: try again later on our own; stop until a person has changed
# something; or try again and stop only when it is the same after several attempts with time between
# them, because a dealer's Odoo says so, too, while its database server is away.
RETRY, PAUSE, PAUSE_IF_STANDING = "retry", "pause", "pause_if_standing"


class DealerError(Exception):
    """Say that the dealer as a whole could not be worked with.

    ``code`` and ``details`` name the message (``messages.py``; a protocol of another addon may
    use codes of its own), ``remedy`` what is to be done: ``RETRY``, ``PAUSE`` or
    ``PAUSE_IF_STANDING``.
    ``request_sent`` is False only when the dealer certainly did not act on the request: nobody
    was reached, or the dealer's Odoo itself refused to let us in.
    ``retry_after`` is for how many seconds the dealer's server wants to be left alone, None when it
    does not say.
    ``loading`` is True when the dealer had answered before, and broke off while it was given
    orders: it may be one of these that its Odoo does not survive.
    """

    remedy = RETRY
    sent_by_default = True

    def __init__(self, code, request_sent=None, **details):
        self.code = code
        self.details = details
        self.request_sent = self.sent_by_default if request_sent is None else request_sent
        self.loading = False
        self.retry_after = None
        super().__init__(render(code, details))

    def __reduce__(self):
        arguments = (type(self), self.code, self.request_sent, self.details)
        return (_rebuild, arguments, self._state)

    @property
    def _state(self):
        return {"loading": self.loading, "retry_after": self.retry_after}


def _rebuild(cls, code, request_sent, details):
    return cls(code, request_sent=request_sent, **details)


class DealerUnreachable(DealerError):
    """The dealer did not answer, not in time or not to the end."""


class DealerSlowDown(DealerUnreachable):
    """The dealer's server wants fewer requests, or we keep to the pace that is set for it.

    No failure of anybody: what was to be asked is asked after ``retry_after`` seconds.

    :param wait: that many
    """

    def __init__(self, code, wait=None, request_sent=None, **details):
        super().__init__(code, request_sent=request_sent, **details)
        self.retry_after = wait


class DealerBadAnswer(DealerError):
    """The dealer's address answered with something that is no answer of an Odoo."""


class DealerAccessRefused(DealerError):
    """The dealer's Odoo refuses the database, the login or the key."""

    remedy = PAUSE
    sent_by_default = False


class DealerAccessUncertain(DealerAccessRefused):
    """The dealer's Odoo refuses us, as it does while its database server is away for a moment."""

    remedy = PAUSE_IF_STANDING


class DealerAddressRefused(DealerError):
    """We do not connect to this address."""

    remedy = PAUSE
    sent_by_default = False


class DealerFault(DealerError):
    """The dealer's Odoo took the call and answered that it failed.

    ``kind`` tells the failures apart that are to be handled differently: ``access`` (a right
    on one model), ``user`` (a rule of the dealer's Odoo), ``busy`` (a conflict with another
    transaction), ``missing`` (no such model or method) and ``other``.
    """

    def __init__(self, code, kind="other", request_sent=None, **details):
        super().__init__(code, request_sent=request_sent, **details)
        self.kind = kind

    def __reduce__(self):
        arguments = (self.code, self.kind, self.request_sent, self.details)
        return (_rebuild_fault, arguments, self._state)


def _rebuild_fault(code, kind, request_sent, details):
    return DealerFault(code, kind=kind, request_sent=request_sent, **details)
