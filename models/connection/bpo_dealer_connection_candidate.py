# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date, sql

from ...dealer_api import DealerError
from ..constants import ACTIVITY_KEY_REFUSED, MANAGER, SURVEY_CRON
from ..dealer_texts import translate, translate_error
from ..engine.dealer_key_trial import DealerKeyTrial
from ..engine.dealer_push import new_transaction, wake, write_again

# What a dealer's Odoo says of a key that is no good. Any other failure says nothing about the key.
KEY_CODES = ("login_refused", "login_mismatch", "key_invalid")
# With another one of these it is another Odoo, or another user there: no key of before is good.
PLACE_FIELDS = {"odoo_url", "odoo_db", "odoo_login"}
# A new key is tried again so much later where the dealer could not be worked with.
CANDIDATE_RETRY = timedelta(hours=1)


class BpoDealerConnection(models.AbstractModel):
    """A new key beside the one that works.

    A key may have been mistyped, or be another user's: with the one before replaced at once, orders
    would stop. So a new key of a connection that works is only a candidate::

                          out of reach: tried again
                               ┌──────┐
                               ▼      │
        entered ──────▶ candidate ────┴─── it logs in ─────▶ the key, with its date
                               │
                               └─── refused ──▶ thrown away; the key before stays in use

    It is tried in the background right after it was entered, by each *Test Connection*, once
    something could be sent, and once the key before is refused. Where no key works (not tested,
    refused, another address, database or login) a new one is the key at once.

    As the key, it is in a column that is no field of the ORM.
    """

    _inherit = "bpo.dealer.connection"

    has_candidate_key = fields.Boolean(
        "New API Key Waiting",
        compute="_compute_has_candidate_key",
        exportable=False,
        groups=MANAGER,
        help="A new key was entered and has not logged in yet; the one before is in use.",
    )
    candidate_expires_on = fields.Date(
        "New Key Expires On",
        copy=False,
        groups=MANAGER,
        help="The date of the new key, which becomes that of the connection when it takes over.",
    )
    candidate_next_try = fields.Datetime(
        "New Key Tried Again",
        readonly=True,
        copy=False,
        exportable=False,
        groups=MANAGER,
        help="When the new key is tried next; empty where there is none.",
    )
    candidate_message = fields.Text(
        "About the New Key",
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="Why the new key that was entered last is not in use.",
    )

    # ------------------------------------------------------------
    # STORING
    # ------------------------------------------------------------

    def init(self):
        """Add the column of the new key, which is deliberately not a field."""
        res = super().init()
        if self._auto and not sql.column_exists(self.env.cr, self._table, "candidate_api_key"):
            sql.create_column(self.env.cr, self._table, "candidate_api_key", "varchar")
        return res

    @api.depends("candidate_next_try")
    def _compute_has_candidate_key(self):
        """Tell by the date of the next attempt, which is there as long as the new key is."""
        for connection in self:
            connection.has_candidate_key = bool(connection.candidate_next_try)

    @api.private
    def _store_candidate_key(self, key):
        """Write the new key to its column."""
        self._store_secret("candidate_api_key", key)

    @api.private
    def _load_candidate_key(self):
        """Return the new key, for the talk with the dealer only."""
        return self._load_secret("candidate_api_key")

    # ------------------------------------------------------------
    # ENTERING
    # ------------------------------------------------------------

    def _follow_up_changed_connection(self, changed):
        """Do with the new key that waits what another connection, or another key, means for it.

        :param changed: names of the connection's fields that were written
        """
        if "odoo_api_key" in changed:
            self._drop_candidate_key()
        elif PLACE_FIELDS.intersection(changed):
            self.filtered("candidate_next_try")._move_candidate_key()

    def _filter_working(self):
        """Return the connections with a key that has logged in and was not refused since.

        That the dealer is out of reach says nothing against it.
        """
        connections = self.sudo()
        with_key = connections._get_ids_with_api_key()
        return self.browse(
            connection.id
            for connection in connections
            if connection.id in with_key
            and not (connection.is_key_astray or connection.paused)
            and (
                connection.connection_state == "connected"
                or connection.remote_uid
                or connection.candidate_next_try
            )
        )

    def _write_candidate_key(self, vals):
        """Keep a new key beside the one that works, with its date, and have it tried.

        :param dict vals: as given to ``write``: a date in it is that of the new key
        """
        vals = dict(vals)
        key = self._clean_api_key(vals.pop("odoo_api_key"))
        if not key:
            self.write(vals)
            return
        vals["candidate_expires_on"] = vals.pop("key_expires_on", False)
        # first: whoever may not write these may not write the key
        self.write({**vals, "candidate_message": False})
        for connection in self:
            connection._store_candidate_key(key)
            connection._message_log(
                body=self.env._(
                    "A new API key was entered. The one before stays in use until the new one has "
                    "logged in."
                )
            )
        self.activity_unlink([ACTIVITY_KEY_REFUSED])
        self._ask_to_try_candidate()

    def action_discard_candidate_key(self):
        """Throw the new key away that has not taken over yet."""
        self.check_access("write")
        waiting = self.filtered("candidate_next_try")
        self._drop_candidate_key()
        note = self.env._("The new API key was discarded. The one before stays in use.")
        waiting._message_log_batch(bodies=dict.fromkeys(waiting.ids, note))
        return True

    # ------------------------------------------------------------
    # TRYING
    # ------------------------------------------------------------

    def _ask_to_try_candidate(self):
        """Have new keys tried in the background, at once."""
        self.candidate_next_try = fields.Datetime.now()
        wake(self.env, SURVEY_CRON)

    @api.model
    @api.private
    def _try_candidates(self):
        """Try all new keys that are due; return whether there were any."""
        due = bool(self._get_due_candidates(()))
        if due:
            DealerKeyTrial(self.env).run()
        return due

    @api.model
    @api.private
    def _get_due_candidates(self, without):
        """Return the connections with a new key that is to be tried now.

        Those that the dealer has paused are among them: perhaps the new key is what they need.

        :param without: ids of connections that are not to be among them
        """
        return self.search(
            self._get_talkable_domain()
            & Domain("id", "not in", list(without))
            & Domain("candidate_next_try", "<=", fields.Datetime.now()),
            order="candidate_next_try, id",
        )

    @api.model
    @api.private
    def _try_candidate(self, connection_id, seconds=None):
        """Log in with a new key, and write what came of it; in transactions of its own.

        :param int connection_id: the connection; it may have been deleted meanwhile
        :param float seconds: when the talk has to be over, if before the usual time
        :return: 1, or 0 where nothing could be written
        """
        with new_transaction(self.env) as env:
            connection = env[self._name].browse(connection_id).exists()
            if not connection.candidate_next_try:
                return 0
            settings = connection._get_connection_settings(
                fresh=True, seconds=seconds, candidate=True
            )
        uid, error = self._log_in(settings)

        def write(env):
            connection = env[self._name].browse(connection_id).exists()
            # somebody may have entered another one meanwhile
            if connection and connection._is_reached_through(settings, candidate=True):
                connection._write_candidate_tried(uid, error)
            return 1

        try:
            return write_again(self.env, write)
        except psycopg2.OperationalError:
            # somebody edits the dealership all the time
            return 0

    @api.model
    def _log_in(self, settings):
        """Log in at a dealer; return the id of the service user there, or the error; no database.

        :param settings: ``ConnectionSettings``
        """
        try:
            with self.env["bpo.dealer.order"]._open_session(settings) as session:
                return session.uid, None
        except DealerError as error:
            return None, error

    def _write_candidate_tried(self, uid, error):
        """Write what came of logging in with a new key.

        :param uid: the id of the service user there; None with an error
        :param error: the ``DealerError`` that prevented it
        """
        self.ensure_one()
        if not error:
            self._use_candidate_key(uid)
            if self.paused or self.connection_state != "connected":
                self.write({"connection_state": "connected", "last_message": False})
                self._resume()
        elif error.code in KEY_CODES:
            self._refuse_candidate_key(error.code, error.details)
        else:
            self._postpone_candidate(translate_error(self.env, error))

    def _use_candidate_key(self, uid):
        """Let the new key take over: it has logged in. This method serves as a hook.

        :param int uid: the id of the service user at the dealer
        """
        self.ensure_one()
        expires_on = self.candidate_expires_on
        self._move_candidate_key()
        self.write({"remote_uid": uid, "candidate_message": False})
        body = self.env._("The new API key has logged in and is used from now on.")
        if expires_on:
            body = self.env._(
                "The new API key has logged in and is used from now on; it expires on %s.",
                format_date(self.env, expires_on),
            )
        self._message_log(body=body)

    def _refuse_candidate_key(self, code, details):
        """Throw the new key away: the dealer's Odoo refuses it.

        :param str code: what the dealer's Odoo said of it, one of ``KEY_CODES``
        :param dict details: what fills the sentence
        """
        self.ensure_one()
        self._drop_candidate_key()
        self.candidate_message = self.env._(
            "The new key was not taken over, and the one before stays in use. %s",
            translate(self.env, code, details or {}),
        )
        self._message_log(
            body=self.env._(
                "The dealership's Odoo refuses the new API key. The one before stays in use."
            )
        )
        self._schedule_manager_activity(
            ACTIVITY_KEY_REFUSED,
            lambda env: env._(
                "The dealership's Odoo refuses the new API key, so the one before stays in use. "
                "Enter the new one again on the Connection page, or have the dealership make "
                "another one."
            ),
        )

    def _postpone_candidate(self, message):
        """Keep the new key for later: the dealer could not be worked with.

        :param str message: why
        """
        self.ensure_one()
        self.write(
            {
                "candidate_next_try": fields.Datetime.now() + CANDIDATE_RETRY,
                "candidate_message": self.env._(
                    "The new key could not be tried yet, and is tried again. %s", message
                ),
            }
        )

    def _move_candidate_key(self):
        """Put the new key in the place of the one before, with its date."""
        for connection in self:
            connection.flush_recordset()
            self.env.cr.execute(
                SQL(
                    "UPDATE %s SET odoo_api_key = candidate_api_key, candidate_api_key = NULL"
                    " WHERE id = %s AND candidate_api_key IS NOT NULL",
                    SQL.identifier(self._table),
                    connection.id,
                )
            )
            connection.invalidate_recordset(["odoo_api_key", "has_api_key"])
            connection.write({"key_expires_on": connection.candidate_expires_on})
        self._drop_candidate_key()

    def _drop_candidate_key(self):
        """Remove the new key, and all that is said of it."""
        waiting = self.filtered("candidate_next_try")
        for connection in waiting:
            connection._store_candidate_key(None)
        waiting.write({"candidate_next_try": False, "candidate_expires_on": False})
        self.filtered("candidate_message").candidate_message = False
        self.activity_unlink([ACTIVITY_KEY_REFUSED])

    # ------------------------------------------------------------
    # WHAT TALKS AND TESTS MEAN FOR IT
    # ------------------------------------------------------------

    def _try_waiting_candidate(self):
        """Try a new key that waits: the dealer can be worked with, or refuses the one before."""
        if self.candidate_next_try:
            self._ask_to_try_candidate()

    def _test_candidate(self):
        """Test with the new key; return the report, None where it says nothing of the connection.

        That is so where the new key is refused: the one before is in use, and has to be tested.
        """
        report = self._check(self._get_connection_settings(fresh=True, candidate=True))
        refusal = next((line for line in report.lines if line.code in KEY_CODES), None)
        if report.uid:
            self._use_candidate_key(report.uid)
        elif refusal:
            self._refuse_candidate_key(refusal.code, refusal.details)
            return None
        else:
            failed = next((line for line in report.lines if line.ok is False), None)
            self._postpone_candidate(
                translate(self.env, failed.code, failed.details, failed.text) if failed else ""
            )
        return report
