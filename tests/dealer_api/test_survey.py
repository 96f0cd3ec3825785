# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""All our orders at a dealer are looked at in pages."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from ...dealer_api import (
    HIDDEN,
    MISSING,
    UNSEEN,
    DealerError,
    KnownOrder,
    Look,
    survey,
    survey_orders,
)
from .common import PROTOCOLS, DealerApiCase, cases
from .test_orders import NAMESPACE, connect, payloads, push


class TestDealerSurvey(DealerApiCase):
    def prepare(self):
        self.dealer.add_product("VH-1")

    def send(self, count):
        """Bring orders over, and return what is known of them here."""
        results = push(self.dealer, payloads(count))
        self.dealer.requests.clear()
        return [
            KnownOrder(f"{NAMESPACE}.lead_{number}", result.remote_id, f"BPO/LEAD/{number}")
            for number, result in enumerate(results, 1)
        ]

    def survey(self, known, protocol="xmlrpc", page=500):
        known_version = {"server_version": "19.0", "uid": self.dealer.uid}
        with (
            patch.object(survey, "PAGE_SIZE", page),
            connect(self.dealer, protocol, **known_version) as session,
        ):
            return survey_orders(session, known)

    @cases("protocol", PROTOCOLS)
    def test_one_request_for_many(self, protocol):
        known = self.send(50)
        result = self.survey(known, protocol)
        self.assertEqual(self.dealer.requests, ["sale.order.search_read"])
        self.assertEqual(set(result.looks), {order.external_id for order in known})
        self.assertEqual(result.strangers, [])
        remote = result.looks[known[0].external_id].seen
        self.assertEqual((remote.name, remote.state, remote.amount_total), ("S00001", "draft", 100))
        self.assertTrue(remote.changed)

    @cases(("count", "requests"), [(0, 1), (9, 1), (10, 2), (25, 3), (30, 4)])
    def test_pages(self, count, requests):
        known = self.send(count) if count else []
        result = self.survey(known, page=10)
        self.assertEqual(len(result.looks), count)
        self.assertEqual(self.dealer.calls("sale.order.search_read"), requests)

    def test_what_became_of_them(self):
        known = self.send(6)
        orders = self.dealer.orders
        orders[1]["state"] = "sale"
        orders[2]["state"] = "cancel"
        orders[3]["order_line"][0]["price_unit"] = 90.0
        orders[4]["user_id"] = 99
        del orders[5]
        orders[6]["client_order_ref"] = "the dealer's own"
        seen = [look.seen for look in self.survey(known).looks.values()]
        self.assertEqual([each.state for each in seen[:3]], ["sale", "cancel", "draft"])
        self.assertEqual(seen[2].amount_total, 90.0)
        self.assertEqual(seen[3:5], [HIDDEN, MISSING])
        self.assertEqual((seen[5].id, seen[5].reference), (6, "the dealer's own"))
        self.assertEqual(self.dealer.log, [])
        # a page, three about what is not in it, and one about later keys of what is missing
        self.assertLessEqual(len(self.dealer.requests), 5)

    def test_created_by_the_user_of_before(self):
        """The dealership has made another user for the call centre."""
        known = self.send(2)
        self.dealer.orders[1]["create_uid"] = 99
        looks = self.survey(known).looks
        self.assertEqual([looks[order.external_id].seen.id for order in known], [1, 2])

    def test_ids_of_others_after_a_restored_backup(self):
        """An id that is another order's of ours by now is not taken for the order."""
        first, second = self.send(2)
        first, second = first._replace(remote_id=2), second._replace(remote_id=1)
        result = self.survey([first, second])
        self.assertEqual([look.seen.id for look in result.looks.values()], [1, 2])
        self.assertEqual(result.strangers, [])

    def test_an_earlier_key_that_a_backup_brought_back(self):
        [known] = self.send(1)
        later = known._replace(external_id=f"{known.external_id}_2", remote_id=9)
        result = self.survey([later])
        look = result.looks[later.external_id]
        self.assertEqual((look.external_id, look.seen.id), (known.external_id, 1))
        self.assertEqual(result.strangers, [])

    def test_a_later_key_that_our_backup_does_not_know(self):
        [known] = self.send(1)
        later = f"{known.external_id}_2"
        self.dealer.external_ids[later] = self.dealer.external_ids.pop(known.external_id)
        result = self.survey([known._replace(remote_id=9)])
        look = result.looks[known.external_id]
        self.assertEqual((look.external_id, look.seen.id), (later, 1))
        self.assertEqual(result.strangers, [])
        self.dealer.orders[1]["user_id"] = 99
        look = self.survey([known._replace(remote_id=9)]).looks[known.external_id]
        self.assertEqual((look.external_id, look.seen, look.remote_id), (later, HIDDEN, 1))

    def test_a_right_that_lacks_for_a_moment_is_not_hidden(self):
        [known] = self.send(1)
        self.dealer.inject("access_error", "sale.order.load")
        moved = known._replace(remote_id=9)
        self.assertEqual(self.survey([moved]).looks, {moved.external_id: Look(UNSEEN)})

    @cases(("hours", "by_key"), [(0, False), (-3, True)])
    def test_an_id_and_reference_that_came_again(self, hours, by_key):
        """Made after we knew of ours: backups were restored on both sides."""
        [known] = self.send(1)
        sent = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=hours)
        self.survey([known._replace(sent=sent)])
        self.assertEqual(bool(self.dealer.calls("sale.order.line.load")), by_key)

    def test_orders_that_nobody_knows_here(self):
        known = self.send(4)
        self.dealer.orders[4]["state"] = "cancel"
        result = self.survey(known[:2])
        self.assertEqual([each.name for each in result.strangers], ["S00003"])

    def test_two_under_one_reference(self):
        """A second live order of the same lead is none that we know."""
        known = self.send(2)
        self.dealer.orders[2]["client_order_ref"] = "BPO/LEAD/1"
        result = self.survey(known[:1])
        self.assertEqual([each.id for each in result.strangers], [2])

    def test_a_dealer_that_never_ends(self):
        """The same page over and over is read no more than twice."""
        known = self.send(3)
        page = [{"id": number, "name": f"S{number}"} for number in (1, 2, 3)]
        self.dealer.inject("nonsense", "sale.order.search_read", value=page, times=99)
        self.survey(known, "json2", page=3)
        self.assertLessEqual(self.dealer.calls("sale.order.search_read"), 3)

    @cases("fault", ["cut", "access_denied", "html"])
    def test_the_dealer_fails(self, fault):
        known = self.send(3)
        # the way in is tried anew once
        self.dealer.inject(fault, "sale.order.search_read", times=2)
        with self.assertRaises(DealerError):
            self.survey(known)
