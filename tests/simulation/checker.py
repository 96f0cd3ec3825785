# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The judge: does each won lead have its one order, with its content, or is it said why not?

It reads rows and the dealers' orders, and runs nothing of the product. Which lead an order at a
dealer is for it knows by a mark in the lead's name, which comes along in the order's origin. What
the order has to hold it knows from what the simulation noted when a user won the lead.

Whatever is not right and yet accepted is an excuse: counted, by kind.
"""

import re
from collections import Counter, defaultdict
from datetime import timedelta

from .world import CODES, truth_of

# Remarks that say that the lines are not those of the lead, or may not be.
LINES_SAID = frozenset(
    (
        *("amount_differs", "amount_changed"),
        *("order_is_older", "order_came_back", "lines_differ"),
    )
)
CUSTOMER_SAID = frozenset(("customer_differs", "order_is_older", "order_came_back"))
NAME_SAID = frozenset(
    ("customer_name_differs", "customer_ambiguous", "customer_replaced", "customer_differs")
)
NOT_READ = frozenset(("name_unknown", "name_unreadable_now"))
LINES_NOT_READ = NOT_READ | {"lines_unreadable_now"}
CUSTOMER_NOT_READ = NOT_READ | {"customer_unreadable"}

# Why an order fails although managers have put right whatever they can.
LASTING = frozenset(("place_changed", "order_conflict"))

# How long after its request an order is made at the earliest that comes late
LATE = timedelta(seconds=10)
CAME_BACK_HIDDEN = "missing, and told: what came back under an earlier key is hidden"
CANCELLED_BEFORE = "cancelled before we knew of it, and said: of a copy, or of before our restore"
TWICE = "twice: sent before our restore, to the Odoo that there was before"
TWICE_TAKEN = "twice: taken for another's, and said: sent before our restore, first release"
TWICE_MERGED = "twice: merged with a lead whose order was sent before our restore"
TWICE_RENEWED = "twice: sent anew before our restore, and what was cancelled for it deleted there"


class Checker:
    """One look at a world at rest.

    :param final: everything that people were asked to do has been done; before that what happened
        at the dealers on its own need not be known here
    :ivar wrong: what is neither right nor said: texts
    :ivar excuses: ``{kind: count}``
    """

    def __init__(self, world, final):
        self.world = world
        self.final = final
        self.wrong = []
        self.excuses = Counter()
        tables = world.database.tables
        self.leads = tables["crm.lead"].rows
        self.dealerships = tables["bpo.dealership"].rows
        self.orders = {row["lead_id"]: row for row in tables["bpo.dealer.order"].rows.values()}
        self.messages = defaultdict(list)
        for row in tables["mail.message"].rows.values():
            if row["model"] == "crm.lead":
                self.messages[row["res_id"]].append(row)
        mails = tables["mail.mail"].rows.values()
        self.mails = Counter((row["truth"], row["serial"]) for row in mails if row.get("serial"))
        # also of an order that was deleted before it could be read
        self.mailed = {row["order_id"] for row in mails}
        # {truth: [(dealer, id, order)]}, whatever its state
        self.there = defaultdict(list)
        for dealer in dict.fromkeys(world.dealers.values()):
            for order_id, order in dealer.orders.items():
                if truth := truth_of(order):
                    self.there[truth].append((dealer, order_id, order))

    def run(self):
        """Judge everything and return itself."""
        self.wrong += self.world.misdeeds
        known = set()
        for lead_id, lead in sorted(self.leads.items()):
            truths = {lead["truth"], *(lead.get("aliases") or ())}
            known |= truths
            self._judge(lead_id, lead, truths)
        for truth, found in sorted(self.there.items()):
            if truth not in known:
                self._judge_unknown(truth, found)
        for dealer in dict.fromkeys(self.world.dealers.values()):
            self._judge_dealer(dealer)
        return self

    def _judge_dealer(self, dealer):
        """Judge what we did to a dealer's contacts, and to orders that were edited there."""
        made = Counter(
            contact["email"]
            for contact in dealer.partners.values()
            if contact.get("by") == "ours" and contact.get("email") and not contact.get("edited")
        )
        for email, count in made.items():
            if count > 1:
                self.wrong.append(
                    f"{dealer.name}: {count} contacts were made of one customer: {email}"
                )
        for order in dealer.orders.values():
            edited = order.get("edited_lines")
            if edited is not None and edited != order["order_line"]:
                self.wrong.append(f"{dealer.name} {order['name']}: what was edited there is lost")
            if (
                order.get("to_archived")
                and order["by"] == "ours"
                and not self._is_in_doubt(dealer, order)
            ):
                self.wrong.append(f"{dealer.name} {order['name']}: went to an archived contact")

    def _is_in_doubt(self, dealer, order):
        """Tell whether we may not read the contact that an order went to, and that was said."""
        partner_id = order["partner_id/.id"]
        moments = dealer.closed_contacts.get(partner_id, ())
        if not any(order["began"] <= moment <= order["made"] for moment in moments):
            return False
        truth = truth_of(order)
        leads = [
            lead_id
            for lead_id, lead in self.leads.items()
            if truth == lead["truth"] or truth in (lead.get("aliases") or ())
        ]
        return order["serial"] in self.world.unknown or any(
            f"(number {partner_id}) could not be read" in row["body"]
            for lead_id in leads
            for row in self.messages[lead_id]
        )

    def _say(self, lead, text):
        self.wrong.append(f"{lead['truth']} (lead {lead['id']}): {text}")

    # ------------------------------------------------------------
    # A lead
    # ------------------------------------------------------------

    def _judge(self, lead_id, lead, truths):
        order = self.orders.get(lead_id)
        live = [
            each
            for truth in truths
            for each in self.there.get(truth, ())
            if each[2]["state"] != "cancel"
        ]
        if len(live) > 1 and not self._judge_twice(lead, live):
            return
        if lead.get("closed_status") == "won":
            self._judge_won(lead, order, truths, live)
        else:
            self._judge_not_won(lead, order, truths, live)
        self._judge_mails(lead, truths)

    def _judge_twice(self, lead, live):
        """Judge several orders of one lead; return whether that is excused.

        A database that was restored to before the lead's order was sent cannot know of it, unless
        it asks where it was sent to; but the dealership has another Odoo since then. That may
        happen more than once: one order in each of these Odoos, and one that is known.
        """
        order = self.orders.get(lead["id"])
        present = order and self.world.dealer_at(self._place_of(order))
        unknown = [each for each in live if self._is_unknown([each])]
        places = {each[0] for each in unknown}
        if (
            len(live) - len(unknown) <= 1
            and len(places) == len(unknown)
            and (present not in places or self._is_not_sent(lead, order))
            and not any(each[0] in places for each in live if each not in unknown)
        ):
            self.excuses[TWICE] += 1
            return True
        if len(live) - len(unknown) <= 1 and len({truth_of(each[2]) for each in live}) == len(live):
            # merged leads, each with one order, of which our database knows one at most
            self.excuses[TWICE_MERGED] += 1
            return True
        if len(live) - len(unknown) <= 1 and all(
            self._is_taken_for_anothers(lead, each[2]) for each in unknown
        ):
            self.excuses[TWICE_TAKEN] += 1
            return True
        if len(live) - len(unknown) <= 1 and all(
            self._is_under_later_key(order, *each[:2]) for each in unknown
        ):
            self.excuses[TWICE_RENEWED] += 1
            return True
        places = ", ".join(f"{each[0].name} {each[2]['name']}" for each in live)
        self._say(lead, f"has {len(live)} orders: {places}")
        return False

    @staticmethod
    def _is_under_later_key(order, dealer, order_id):
        """Tell whether an order is at a dealer under a later key than a row has.

        Our database, restored to before it has ever tried to send the row, cannot know: the
        row's own key is free since the dealer has deleted what it had cancelled.
        """
        named = dealer.external_ids.items()
        keys = [key for key, each in named if each[:2] == ("sale.order", order_id)]
        return bool(order) and any(order["external_id"] in earlier_keys(key) for key in keys)

    def _is_taken_for_anothers(self, lead, remote):
        """Tell whether people were told that an order has this lead's place, and is another's.

        A key of the first release may be; they compare the two, and have the lead's order sent.
        """
        return truth_of(remote) in self.world.first_release and any(
            "the dealer has another one" in row["body"] and remote["name"] in row["body"]
            for row in self.messages[lead["id"]]
        )

    @staticmethod
    def _is_not_sent(lead, order):
        """Tell whether the order is not sent, and says so: sending would find the one there."""
        return lead.get("closed_status") != "won" or order["state"] == "failed"

    def _is_forgotten_since(self, lead):
        """Tell whether our database was restored after it had been told that the lead was won."""
        forgotten = self.world.forgotten.get(lead["truth"])
        return bool(forgotten and forgotten.isoformat() >= lead["wanted"]["at"])

    def _was_cancelled_before(self, lead, order, remote):
        """Tell whether an order was cancelled before we knew of it, and that was said.

        A raw copy has sent it, or we have before our database was restored. It is the one that the
        dealer has under this key: whether the dealer wants what the lead says by now is for people
        to decide, who can send it again.
        """
        said = "order_cancelled" in {code for code, _details in order.get("remarks") or ()}
        cancelled, sent = remote.get("cancelled_at"), order.get("sent_date")
        forgotten = self.world.forgotten.get(lead["truth"])
        is_new = remote["by"] != "ours" or bool(forgotten and remote["made"] <= forgotten)
        won_since = any(
            "is cancelled at the dealer" in row["body"] and row["id"] <= lead["wanted"]["since"]
            for row in self.messages[lead["id"]]
        )
        is_before = bool(cancelled and sent and cancelled < sent.isoformat())
        return said and is_new and is_before and not won_since

    def _is_unknown(self, found):
        """Tell whether our database was restored, and knows of none of these orders since."""
        return all(each[2]["serial"] in self.world.unknown for each in found)

    @staticmethod
    def _is_brought_back(found):
        """Tell whether these orders are there by the dealers' restored backups."""
        return all(order["serial"] in dealer.brought_back for dealer, _id, order in found)

    def _judge_won(self, lead, order, truths, live):
        if order is None:
            self._say(lead, "is won, and not in the outbox")
        elif order["state"] == "sent":
            self._judge_sent(lead, order, truths, live)
        elif order["state"] == "failed":
            self._judge_failed(lead, order, truths, live)
        elif order["state"] == "pending" and order["id"] in self.world.bad_rows:
            if order.get("error"):
                self.excuses["our own database does not take the answer, and said"] += 1
            else:
                self._say(lead, "waits, as our database does not take it, and nobody is told")
        else:
            why = order.get("error"), self.dealerships[order["dealership_id"]].get("last_message")
            self._say(lead, f"is won, and its order {order['state']}: {why}")

    def _is_failed_before(self, lead, order, live):
        """Tell whether an order failed with nothing to be found, or was named as another's."""
        forgotten = self.world.forgotten.get(lead["truth"])
        failed = order.get("failed_date")
        present = self.world.dealer_at(self._place_of(order))
        return (
            bool(forgotten and failed and failed <= forgotten)
            or not any(each[0] is present for each in live)
            or any(
                "the dealer has another one" in row["body"] and each[2]["name"] in row["body"]
                for row in self.messages[lead["id"]]
                for each in live
            )
        )

    def _judge_failed(self, lead, order, truths, live):
        code = order.get("error_code")
        if not order.get("error"):
            self._say(lead, "failed without a reason")
        elif live and not order.get("possibly_sent"):
            if self._is_unknown(live) and self._is_failed_before(lead, order, live):
                self.excuses["failed here, sent before our database was restored"] += 1
            else:
                self._say(lead, f"is said to have failed ({code}), and is there")
        elif self.final and code not in LASTING:
            self._say(lead, f"goes on failing ({code}), and was put right")
        elif live:
            self.excuses[f"failed ({code}), said to be there perhaps, and is"] += 1
        elif code == "order_conflict" and not truths & self.world.first_release:
            # nobody else's order can have this lead's key
            self._say(lead, "is said to be in conflict, and has a key of its own")
        else:
            self.excuses[f"failed: {code}"] += 1

    def _judge_not_won(self, lead, order, truths, live):
        if order and order["state"] in ("pending", "failed"):
            self._say(lead, f"is not won, and its order {order['state']}")
            return
        if order and order["state"] == "sent":
            self._judge_shown(lead, order, truths, live)
            return
        if not live:
            return
        if order and order.get("possibly_sent"):
            self.excuses["not won, the dealer is said to have the order perhaps, and has it"] += 1
        elif self._is_unknown(live):
            self.excuses["not won, sent before our database was restored"] += 1
        else:
            self._say(lead, "is not won, has an order at the dealer, and nobody knows")

    def _judge_unknown(self, truth, found):
        live = [each for each in found if each[2]["state"] != "cancel"]
        if not live:
            return
        elsewhere = self._is_unknown(live) and len({each[0] for each in live}) == len(live)
        if len(live) > 1 and not elsewhere:
            self.wrong.append(f"{truth}: has {len(live)} orders, and no lead")
        elif truth in self.world.copied:
            self.excuses["of a lead of a raw copy"] += 1
        elif self._is_unknown(live):
            self.excuses["of a lead that our restored database does not know"] += 1
        else:
            self.wrong.append(f"{truth}: has an order, and no lead")

    # ------------------------------------------------------------
    # A sent order
    # ------------------------------------------------------------

    def _place_of(self, order):
        row = self.dealerships[order["dealership_id"]]
        return f"{row['odoo_url']} {row['odoo_db']}"

    def _is_elsewhere(self, order):
        place = order.get("remote_place")
        return bool(place and place != self._place_of(order))

    def _judge_shown(self, lead, order, truths, live):
        """Judge what is shown of a sent order; return the order at the dealer, None if settled."""
        dealer = self.world.dealer_at(order.get("remote_place"))
        remote = dealer.orders.get(order.get("remote_id")) if dealer else None
        told = order.get("remote_state")
        if told == "missing":
            if (
                live
                and self.final
                and self._is_hidden_by_earlier_key(order, dealer, live)
                and self._is_brought_back(live)
            ):
                self.excuses[CAME_BACK_HIDDEN] += 1
            elif live and self._is_elsewhere(order) and self._is_brought_back(live):
                self.excuses["missing, and brought back in the Odoo that there was before"] += 1
            elif live and (self.final or self._was_there(order, dealer, live)):
                self._say(lead, "is said to be missing, and is there")
            elif not live:
                self.excuses["missing at the dealer, and told"] += 1
            return None
        if self._is_elsewhere(order) and (remote is None or truth_of(remote) not in truths):
            self.excuses["not looked at any more: the dealership has another Odoo"] += 1
            return None
        if not self.final and self._is_gone_unseen(order, truths, dealer, remote):
            return None
        if remote is None:
            self._say(lead, f"is shown as sent ({told}), and is not there")
            return None
        if truth_of(remote) not in truths:
            unread = NOT_READ.intersection(code for code, _details in order.get("remarks") or ())
            unread = _is_hidden(remote) or (unread and not self.final)
            if truths & self.world.first_release and unread:
                # such a key may be another's, and nobody could look
                self.excuses["of a key of the first release, and said that nobody could look"] += 1
                return None
            self._say(lead, f"is shown as {remote['name']}, which is for {truth_of(remote)}")
            return None
        if remote["state"] == "cancel" and self.final:
            is_unknown = bool(live) and self._is_unknown(live)
            if is_unknown and (live[0][0] is not dealer or self._is_elsewhere(order)):
                self.excuses[TWICE] += 1
            elif live:
                self._say(lead, "is shown as a cancelled order, and has another one")
            elif self._was_cancelled_before(lead, order, remote):
                self.excuses[CANCELLED_BEFORE] += 1
            elif (
                _is_won_since(lead, remote)
                and not self._is_elsewhere(order)
                and not self._is_forgotten_since(lead)
            ):
                self._say(lead, "was won again after the dealer cancelled, and has no new order")
            elif told != "cancel" and not self._is_elsewhere(order) and not _is_hidden(remote):
                self._say(lead, f"is cancelled at the dealer, and shown as {told}")
            else:
                self.excuses["cancelled at the dealer"] += 1
            return None
        if told == "hidden" and not self._was_hidden(dealer, remote):
            self._say(lead, "is shown as one that may not be read, and never was hidden")
        return remote

    def _was_there(self, order, dealer, live):
        """Tell whether one of these orders was there when the row's own was looked for."""
        looked = order.get("remote_checked")
        return any(
            place is dealer
            and remote["serial"] not in dealer.brought_back | self.world.unknown
            and bool(looked and remote["made"] < looked)
            for place, _id, remote in live
        )

    def _is_gone_unseen(self, order, truths, dealer, remote):
        """Tell whether the order was deleted at the dealer, or restored; nobody has looked since.

        What never was the lead's order must not be shown, but for what nobody could read under a
        key of the first release.
        """
        if remote and truth_of(remote) in truths:
            return False
        made = [each for truth in truths for each in self.world.ever_made.get(truth, ())]
        codes = {code for code, _details in order.get("remarks") or ()}
        return (dealer, order.get("remote_id")) in made or bool(
            remote is None and truths & self.world.first_release and codes & NOT_READ
        )

    def _was_hidden(self, dealer, remote):
        """Tell whether the order was kept from us once, or its dealer gave answers of no sense."""
        return remote["serial"] in self.world.given or dealer.talked_nonsense

    @staticmethod
    def _is_hidden_by_earlier_key(order, dealer, live):
        """Tell whether all that is there is one that was given up before, and may not be read.

        A dealer's backup has brought it back, and taken the order that was sent in its place:
        whether what nobody may read is cancelled still, nobody can know.
        """
        named = dealer.external_ids.items() if dealer else ()
        keys = {each[1]: key for key, each in named if each[0] == "sale.order"}
        own = order["external_id"]
        return all(
            each[0] is dealer
            and _is_hidden(each[2])
            and own not in dealer.external_ids
            and keys.get(each[1]) in earlier_keys(own)
            for each in live
        )

    def _judge_sent(self, lead, order, truths, live):
        remote = self._judge_shown(lead, order, truths, live)
        if remote is None or remote["state"] == "cancel":
            return
        dealer = self.world.dealer_at(order["remote_place"])
        wanted = lead["wanted"]
        if wanted["dealership"] != order["dealership_id"]:
            self._say(lead, "was sent to another dealership")
        codes = {code for code, _details in order.get("remarks") or ()}
        fresh_lines, fresh_customer = self._is_about(order, wanted)
        if "name_unknown" in codes and not dealer.talked_nonsense:
            # not of one that came late, in the place of one that was deleted before it was read
            if remote["serial"] not in self.world.given and not self._is_late(remote):
                self._say(lead, "is said to be hidden from us, and never was")
        self._judge_lines(lead, order, wanted, remote, dealer, codes if fresh_lines else set())
        self._judge_customer(
            lead, order, wanted, remote, dealer, codes if fresh_customer else set()
        )
        if not (NOT_READ | LINES_SAID | CUSTOMER_SAID | NAME_SAID) & codes:
            self.excuses["(right)"] += 1

    @staticmethod
    def _is_about(order, wanted):
        """Tell whether the remarks are about these lines, and about this customer.

        They were made when the order was sent; the lead may have been won again since.
        """
        payload = order.get("payload") or {}
        lines = sorted(
            [
                line["product_code"],
                line["values"].get("product_uom_qty"),
                line["values"].get("price_unit"),
            ]
            for line in payload.get("lines", ())
        )
        values = payload["customer"]["values"]
        customer = all(
            (values.get(name) or "") == wanted[name] for name in ("name", "email")
        ) and re.sub(r"\D", "", values.get("phone") or "") == re.sub(r"\D", "", wanted["phone"])
        return lines == wanted["lines"], customer

    def _was_told(self, lead, *words):
        """Tell whether chatter says something since the lead was won last.

        What it said of an order that was sent anew since was about the one that the dealer gave up.
        """
        messages = self.messages[lead["id"]]
        anew = [row["id"] for row in messages if "its order is sent anew" in row["body"]]
        since = max([lead["wanted"]["since"], *anew])
        return any(
            all(word in row["body"] for word in words) for row in messages if row["id"] > since
        )

    def _judge_lines(self, lead, order, wanted, remote, dealer, codes):
        lines = sorted(
            [
                CODES[line["product_id/.id"] - 1],
                float(line.get("product_uom_qty") or 0),
                round(
                    float(line.get("price_unit") or 0)
                    * (1 - (line.get("discount", dealer.pricelist_discount) or 0) / 100),
                    2,
                ),
            ]
            for line in remote.get("order_line", ())
        )
        if lines == wanted["lines"]:
            return
        is_of_then = {"order_is_older", "order_came_back"} & codes
        told = bool(is_of_then) or self._was_told(lead, "Now the lead says:")
        if (
            not told
            and not remote.get("edited")
            and self._was_sent_otherwise(lead, remote, dealer, lines)
        ):
            self._say(lead, f"was sent as {lines}, not {wanted['lines']}")
        elif codes & LINES_SAID or told:
            self.excuses["lines differ, and said"] += 1
        elif remote.get("edited") and (
            remote["edited"] >= order["sent_date"] or codes & LINES_NOT_READ or _is_hidden(remote)
        ):
            self.excuses["edited at the dealer since"] += 1
        elif codes & LINES_NOT_READ:
            self.excuses["lines differ, and said that nobody could look"] += 1
        elif not self.final and self._is_edited_alike(wanted, remote, dealer):
            self.excuses["edited in the midst of the talk to the total that was agreed"] += 1
        else:
            self._say(lead, f"has {lines} at the dealer, not {wanted['lines']}, unsaid: {codes}")

    @staticmethod
    def _is_edited_alike(wanted, remote, dealer):
        """Tell whether an order was edited before it was read, and has the wanted total since.

        With taxes in its prices it may; the lines are read by the next look, which says it.
        """
        total = sum(quantity * price for _code, quantity, price in wanted["lines"])
        untaxed = dealer.get_amounts(remote)["amount_untaxed"]
        edited = remote.get("edited")
        began = remote.get("began", remote["asked"])
        return bool(edited and edited >= began and abs(untaxed - total) < 0.01)

    def _was_sent_otherwise(self, lead, remote, dealer, lines):
        """Tell whether other units were sent than the lead has: no automation does that."""
        units = [line[:2] for line in lines]
        wanted = [line[:2] for line in lead["wanted"]["lines"]]
        is_known = remote["by"] == "ours" and lead["truth"] not in self.world.forgotten
        return is_known and not dealer.was_restored and sorted(units) != sorted(wanted)

    def _judge_customer(self, lead, order, wanted, remote, dealer, codes):
        contact = dealer.partners.get(remote["partner_id/.id"]) or {}
        who = wanted["email"] or wanted["phone"] or wanted["name"]
        told = self._was_told(lead, "Now the lead says:", who)
        # in the midst of the talk is as good as after it: whoever looked first saw what there was
        edited = contact.get("edited") and contact["edited"] >= remote.get("began", remote["asked"])
        if not is_same_customer(wanted, contact):
            if codes & CUSTOMER_SAID or told:
                self.excuses["the customer differs, and said"] += 1
            elif edited:
                self.excuses["the contact was edited at the dealer since"] += 1
            elif codes & CUSTOMER_NOT_READ:
                self.excuses["the customer differs, and said that nobody could look"] += 1
            else:
                them = {name: contact.get(name) for name in ("name", "email", "phone")}
                self._say(lead, f"went to {them}, not {wanted}, unsaid: {codes}")
        elif _words(contact.get("name")) != _words(wanted["name"]):
            if codes & (NAME_SAID | CUSTOMER_SAID) or told:
                self.excuses["the customer has another name, and said"] += 1
            elif edited:
                self.excuses["the contact was edited at the dealer since"] += 1
            elif codes & CUSTOMER_NOT_READ:
                self.excuses["another name, and said that nobody could look"] += 1
            else:
                self._say(lead, f"went to {contact.get('name')}, not {wanted['name']}, unsaid")

    # ------------------------------------------------------------
    # Mails
    # ------------------------------------------------------------

    def _judge_mails(self, lead, truths):
        for truth in truths:
            for dealer, _order_id, order in self.there.get(truth, ()):
                count = self.mails[truth, order["serial"]]
                if count > 1 and order["serial"] in dealer.brought_back:
                    self.excuses["mailed again when it was found after the dealer's restore"] += 1
                elif (
                    count > 1 and order.get("cancelled_at") and order["serial"] in self.world.given
                ):
                    # seen cancelled, then hidden: it is taken for the order, lest there be two
                    self.excuses["mailed again: cancelled there, won again, then hidden"] += 1
                elif count > 1:
                    self._say(lead, f"{count} mails about {order['name']}")
        order = self.orders.get(lead["id"])
        if not order or order["state"] != "sent" or order.get("remote_state") == "missing":
            return
        remote = self.world.order_at(order.get("remote_place"), order.get("remote_id"))
        if remote is None or truth_of(remote) not in truths:
            return
        told = self.mails[truth_of(remote), remote["serial"]]
        dealer = self.world.dealer_at(order["remote_place"])
        if not told and remote["serial"] in dealer.brought_back:
            self.excuses["came back with the dealer's restore, mailed about another one"] += 1
        elif not told and (truth_of(remote), remote["serial"]) in self.world.mailed_before:
            self.excuses["found, and told of by a raw copy or before our restore"] += 1
        elif not told and self._is_late(remote) and order["id"] in self.mailed:
            self.excuses["came late in the place of one that was deleted, mailed about that"] += 1
        elif not told and self.dealerships[order["dealership_id"]].get("manager_email"):
            self._say(lead, f"no mail about {remote['name']}")

    @staticmethod
    def _is_late(remote):
        """Tell whether an order was made long after its request: nobody waited any more."""
        return remote["made"] - remote["asked"] >= LATE


def _is_won_since(lead, remote):
    """Tell whether the lead was won, or its order retried, after the dealer has cancelled it.

    And the service user could read that then: later nobody knows which of both was first, and the
    row that says so is all that can be done.
    """
    cancelled = remote.get("cancelled_at")
    is_won = lead.get("closed_status") == "won"
    could_be_seen = not _is_hidden(remote) and remote.get("shown_at", "") < lead["wanted"]["at"]
    return bool(is_won and cancelled and could_be_seen and cancelled < lead["wanted"]["at"])


def _is_hidden(remote):
    """Tell whether the service user may not read the order."""
    return remote.get("user_id") not in (None, False, 7)


def earlier_keys(key):
    """Return the keys that an order may have had before: without or with a lower number."""
    found = re.fullmatch(r"(.+\.lead_\d+(?:_[0-9a-f]{8})?)_(\d{1,3})", key)
    if not found:
        return []
    return [found[1], *(f"{found[1]}_{number}" for number in range(2, int(found[2])))]


def _words(name):
    return sorted(re.findall(r"\w+", str(name or "").casefold()))


def is_same_customer(wanted, contact):
    """Tell whether a contact is a customer, by e-mail or phone."""
    email = str(wanted["email"] or "").strip().lower()
    if email and email == str(contact.get("email") or "").strip().lower():
        return True
    return _is_same_phone(wanted["phone"], contact.get("phone"))


def _is_same_phone(one, other):
    one, other = (re.sub(r"[^\d+]", "", str(each or "")) for each in (one, other))
    digits = [each.lstrip("+") for each in (one, other)]
    if any(len(each) < 7 or len(set(each)) == 1 for each in digits):
        return False
    if one == other:
        return True
    if one.startswith("+") == other.startswith("+"):
        return False
    national, international = sorted((one, other), key=lambda each: each.startswith("+"))
    national, international = national.lstrip("0"), international[1:]
    code = len(international) - len(national)
    return len(national) >= 7 and 1 <= code <= 3 and international.endswith(national)
