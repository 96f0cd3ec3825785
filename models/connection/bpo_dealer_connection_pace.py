# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta
from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...dealer_api import DealerSlowDown
from ..constants import MANAGER
from ..dealer_texts import translate_error

# Odoo Online asks for no more than about one call a second.
ONLINE_HOST, ONLINE_RATE = "odoo.com", 1.0
# A dealer without a limit that asks us to slow down gets so many at first, ...
FIRST_RATE = 1.0
# ... no one ever less than that: a talk of some requests has to come to its end ...
LOWEST_RATE = 0.2
# ... and where so many are allowed again, there is no limit again.
FREE_RATE = 8.0
# For so long nobody is asked more often than was learnt; then twice as often.
DOUBLING_TIME = timedelta(hours=1)
# Talks that were under way at the same time hear the same.
SAME_TIME = timedelta(seconds=10)


class BpoDealerConnection(models.AbstractModel):
    """How fast a dealer is asked: as set, and not faster than its server takes.

    A server that asks us to slow down (429) is left alone for as long as it says, and then asked
    half as often as before; after each hour without another 429 twice as often again. Meanwhile its
    orders wait. That is no failure, neither of theirs nor of the connection.

    The requests of one process take turns (``dealer_api/pace.py``). Talks about orders hold a
    lock, so that those of other processes do not come beside; the daily look and *Test Connection*
    may, once in a while.
    """

    _inherit = "bpo.dealer.connection"

    requests_per_second = fields.Float(
        "Requests per Second",
        groups=MANAGER,
        help="How often the dealership's Odoo is asked, at most: 1, or 0.5 for one request in two "
        "seconds. 0: as fast as it answers; addresses that end in odoo.com once a second.",
    )
    learned_rate = fields.Float(readonly=True, copy=False, exportable=False, groups=MANAGER)
    slowed_date = fields.Datetime(
        "Asked to Slow Down",
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="When the dealership's server last asked for fewer requests. It is asked half as "
        "often since, and after each hour without another such answer twice as often again.",
    )
    slowed_until = fields.Datetime(
        "Left Alone Until",
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="The dealership's server asked to be left alone until then.",
    )
    current_rate = fields.Float(
        "Requests per Second Now",
        compute="_compute_current_rate",
        groups=MANAGER,
        help="What was learned from the dealership's server counts where it is less than what is "
        "set; 0 is no limit.",
    )

    @api.depends("requests_per_second", "learned_rate", "slowed_date", "odoo_url")
    def _compute_current_rate(self):
        for connection in self:
            connection.current_rate = connection._get_rate() or 0.0

    @api.constrains("requests_per_second")
    def _check_requests_per_second(self):
        for connection in self.sudo():
            rate = connection.requests_per_second
            if rate and rate < LOWEST_RATE:
                raise ValidationError(
                    self.env._(
                        "%(dealership)s cannot be asked less often than once in %(seconds)s "
                        "seconds: enter %(lowest)s or more requests per second, or nothing for no "
                        "limit.",
                        dealership=connection.display_name,
                        seconds=round(1 / LOWEST_RATE),
                        lowest=LOWEST_RATE,
                    )
                )

    @api.private
    def _get_rate(self):
        """Return how many requests per second this dealer is asked now, None for no limit."""
        self.ensure_one()
        limit = self._get_set_rate()
        learned = self._get_learned_rate()
        if learned and (learned < limit if limit else learned < FREE_RATE):
            return learned
        return limit or None

    def _get_set_rate(self):
        """Return the requests per second that are set, or that this kind of dealer has."""
        connection = self.sudo()
        if connection.requests_per_second:
            return connection.requests_per_second
        host = urlsplit(connection.odoo_url or "").hostname or ""
        return ONLINE_RATE if f".{host}".endswith(f".{ONLINE_HOST}") else 0.0

    def _get_learned_rate(self):
        """Return what was learned from the dealer's server, as much of it as still counts."""
        connection = self.sudo()
        if not connection.learned_rate or not connection.slowed_date:
            return 0.0
        passed = (fields.Datetime.now() - connection.slowed_date) // DOUBLING_TIME
        return connection.learned_rate * 2 ** min(max(passed, 0), 16)

    @api.private
    def _is_left_alone(self):
        """Tell whether the dealer's server has asked for a pause that is not over yet."""
        self.ensure_one()
        until = self.sudo().slowed_until
        return bool(until) and until > fields.Datetime.now()

    def _check_not_left_alone(self):
        """Refuse to ask a dealer whose server has asked for a pause.

        :raise UserError: saying until when
        """
        for connection in self:
            if connection._is_left_alone():
                seconds = connection.slowed_until - fields.Datetime.now()
                raise UserError(
                    self.env._(
                        "The server of %(dealership)s has asked for a pause. Try again in "
                        "%(minutes)s min.",
                        dealership=connection.display_name,
                        minutes=max(round(seconds.total_seconds() / 60), 1),
                    )
                )

    @api.private
    def _slow_down(self, error):
        """Leave the dealer alone for as long as the error says, and ask less often if it did so.

        :param error: a ``DealerSlowDown``
        """
        self.ensure_one()
        now = fields.Datetime.now()
        # moments have whole seconds: rather a second too late
        until = now + timedelta(seconds=int(error.retry_after or 0) + 1)
        self.write(
            {"next_attempt": until, "last_push": now, **self._prepare_slowed_vals(error, until)}
        )
        self._on_open(at=until)
        if self.failing_since:
            self._tell_unreachable()

    def _prepare_slowed_vals(self, error, until):
        """Return what is written where the dealer's server has asked for fewer requests."""
        if error.code == "pace_kept":
            return {}
        now = fields.Datetime.now()
        vals = {
            "slowed_until": until,
            "last_message": translate_error(self.env, error),
            # where it never takes any, people are told in the end
            "failing_since": self.failing_since or now,
        }
        if not self.slowed_date or now - self.slowed_date > SAME_TIME:
            rate = self._get_rate() or 2 * FIRST_RATE
            vals |= {"learned_rate": max(rate / 2, LOWEST_RATE), "slowed_date": now}
        return vals

    @api.private
    def _slow_down_after_test(self, report, state):
        """Let a dealer's pace that ended a test be no failure of the connection.

        :param report: the ``ConnectionReport`` of the test
        :param str state: the state of the connection before the test
        """
        for line in report.lines:
            if line.code in ("too_many_requests", "pace_kept"):
                self.connection_state = state
                self._slow_down(
                    DealerSlowDown(line.code, wait=line.details.get("seconds"), **line.details)
                )

    @api.model
    def _prepare_unslowed_vals(self):
        return {"learned_rate": 0.0, "slowed_date": False, "slowed_until": False}
