# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A run that tries the new keys of dealerships."""

from .dealer_push import DealerRun


class DealerKeyTrial(DealerRun):
    """A run that logs in with each new key that is due
    (``bpo.dealership._try_candidate``).
    """

    def find_due(self, without):
        return self.env["bpo.dealership"]._get_due_candidates(without).ids

    def work(self, dealership_id, turn):
        return self.env["bpo.dealership"]._try_candidate(dealership_id, self.get_seconds())

    def leave_rest(self):
        """Leave the rest to the next run, which comes at once (``bpo.dealership._cron_survey``)."""
