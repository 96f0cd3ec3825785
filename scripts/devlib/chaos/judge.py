# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The judge: reads both sides by SQL, and uses nothing of the addon's own code.

Orders at the dealers are told apart by their origin, which has the name of the lead. No name is
given to two leads, also not when a restored backup gives an id to a second one.
"""

import html
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from .agents import NAME

LOST, TWICE, MISDIRECTED, DIFFERING = "lost", "twice", "misdirected", "differing unsaid"
# Remarks of an order that name a difference of its units, or of its customer.
UNITS_REMARKS = (
    "amount_differs",
    "lines_differ",
    "order_is_older",
    "order_came_back",
    "price_includes_tax",
)
CUSTOMER_REMARKS = (
    "customer_differs",
    "customer_name_differs",
    "order_is_older",
    "order_came_back",
)
# What chatter says where the dealer has changed lines to others of the same total.
LINES_DIFFER = ("has other lines than were sent",)
CANCELLED, MISSING = "cancel", "missing"

LEADS = f"""
    SELECT l.id, l.name, l.closed_status, l.dealership_id, l.date_closed,
           lower(l.email_normalized) AS email, coalesce(l.contact_name, p.name) AS customer,
           (SELECT json_agg(json_build_array(product.default_code, line.quantity, line.price_unit))
              FROM bpo_lead_line line JOIN product_product product ON product.id = line.product_id
             WHERE line.lead_id = l.id) AS lines,
           o.id AS order_id, o.state, o.dealership_id AS order_dealership_id, o.external_id,
           o.remote_id, o.remote_name, o.remote_state, o.possibly_sent, o.error_code, o.error,
           o.payload, o.remarks, o.sent_date
      FROM crm_lead l
      LEFT JOIN bpo_dealer_order o ON o.lead_id = l.id
      LEFT JOIN res_partner p ON p.id = l.partner_id
     WHERE l.name LIKE '{NAME} %'
  ORDER BY l.id
"""
ORDERS = f"""
    SELECT o.id, o.name, o.state, o.create_date, o.client_order_ref AS reference, o.origin,
           lower(p.email) AS email, p.name AS customer,
           (SELECT min(d.module || '.' || d.name) FROM ir_model_data d
             WHERE d.model = 'sale.order' AND d.res_id = o.id AND starts_with(d.module, 'bpo_crm_'))
           AS key,
           (SELECT json_agg(json_build_array(product.default_code, line.product_uom_qty,
                                             line.price_unit, line.discount))
              FROM sale_order_line line JOIN product_product product
                ON product.id = line.product_id
             WHERE line.order_id = o.id) AS lines
      FROM sale_order o JOIN res_partner p ON p.id = o.partner_id
     WHERE o.origin LIKE '%: {NAME} %' OR o.client_order_ref LIKE 'BPO-%'
  ORDER BY o.id
"""


def units(lines):
    """Return lines in a form that can be compared: (code, quantity, price, discount)."""
    return sorted(
        (code, round(float(quantity), 2), round(float(price), 2), *(float(d) for d in rest if d))
        for code, quantity, price, *rest in lines or ()
    )


def shown_units(payload):
    """Return the units that a dealer order shows as its content."""
    return units(
        (
            line["product_code"],
            line["values"]["product_uom_qty"],
            line["values"]["price_unit"],
            line["values"].get("discount") or 0,
        )
        for line in payload["lines"]
    )


def moment_of(value):
    """Return the moment that a database wrote as JSON."""
    return datetime.fromisoformat(value) if value else None


def plain_text(body):
    """Return what a person reads of a message."""
    return html.unescape(re.sub(r"<[^>]+>", " ", body or "")).replace("\xa0", " ")


@dataclass
class Verdict:
    """What the judge found."""

    # (kind, what)
    findings: list = field(default_factory=list)
    # {kind: names of leads}
    said: dict = field(default_factory=dict)
    excused: dict = field(default_factory=dict)
    outcomes: Counter = field(default_factory=Counter)
    # {what: how many leads or orders}
    judged: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)

    @property
    def is_bad(self):
        """Tell whether anything is otherwise than it is said."""
        return bool(self.findings)

    def count(self, kind):
        """Return how many findings of a kind there are."""
        return sum(1 for each, _text in self.findings if each == kind)

    def summary(self):
        """Return the counts, for the last line."""
        faults = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items()))
        counts = [f"{kind} {self.count(kind)}" for kind in (LOST, TWICE, MISDIRECTED, DIFFERING)]
        said = sum(map(len, self.said.values()))
        return f"{self.faults.total()} faults ({faults}), {', '.join(counts)}, said {said}"

    def lines(self):
        """Yield what there is to read before the last line."""
        for name, count in sorted(self.outcomes.items()):
            yield f"{name}: {count}"
        judged = ", ".join(f"{count} {what}" for what, count in self.judged.items())
        yield f"judged: {judged}"
        for title, named in (("said", self.said), ("of a time that was forgotten", self.excused)):
            for kind, leads in sorted(named.items()):
                yield f"{title}: {kind}: {len(leads)} ({', '.join(leads)})"
        for kind, text in self.findings:
            yield f"{kind.upper()}: {text}"


class Judge:
    """Compares what the BPO shows with what the dealers have.

    :param office: the ``Office`` of the run, for its databases
    :param history: the ``History``: what was restored, deleted, given up
    """

    def __init__(self, office, history):
        self.office = office
        self.history = history
        self.verdict = Verdict(faults=history.faults.copy(), outcomes=history.outcomes.copy())

    def judge(self):
        """Return the ``Verdict``."""
        leads = self.office.select(LEADS)
        orders = {}
        for number, dealer in enumerate(self.office.servers.dealers):
            for order in self.office.select(ORDERS, dealer):
                order["dealer"] = dealer.database
                order["dealership_id"] = self.office.dealerships[number]
                order["created"] = moment_of(order["create_date"])
                order["live"] = order["state"] != CANCELLED
                orders.setdefault(order["origin"].partition(": ")[2], []).append(order)
        judged = self.verdict.judged
        judged["leads"] = len(leads)
        judged["won and sent"] = sum(
            lead["closed_status"] == "won" and lead["state"] == "sent" for lead in leads
        )
        judged["orders at the dealers"] = sum(map(len, orders.values()))
        for lead in leads:
            self.judge_lead(lead, orders.pop(lead["name"], []))
        for name, left in orders.items():
            self.judge_left(name, left)
        return self.verdict

    # ------------------------------------------------------------
    # Words
    # ------------------------------------------------------------

    def find(self, kind, lead, text, orders=()):
        """Note something that is otherwise than it is said."""
        named = "; ".join(
            f"{order['dealer']} {order['name']} (id {order['id']}, {order['state']},"
            f" {order['key']}, of {order['create_date']})"
            for order in orders
        )
        row = (
            f"row {lead['order_id']} {lead['state']} {lead['external_id']} at dealership"
            f" {lead['order_dealership_id']}, id {lead['remote_id']} {lead['remote_state']},"
            f" possibly sent: {lead['possibly_sent']}, {lead['error_code']}"
            if lead["order_id"]
            else "no row"
        )
        self.history.note("finding", kind=kind, lead=lead["name"], chatter=self.texts_of(lead))
        self.verdict.findings.append(
            (
                kind,
                f"{lead['name']} (lead {lead['id']}, {lead['closed_status']}, dealership"
                f" {lead['dealership_id']}): {text} | {row} | {named or 'no order'}",
            )
        )

    def say(self, kind, name):
        """Note a difference that the BPO says plainly."""
        self.verdict.said.setdefault(kind, []).append(name)

    def excuse(self, order, lead=None):
        """Tell whether nobody at the BPO can know of an order: a restored backup forgot it."""
        name = order["origin"].partition(": ")[2]
        if self.history.is_forgotten(order["created"]):
            kind = "sent before our backup was restored"
        elif (
            not lead
            or lead["closed_status"] != "won"
            or lead["order_dealership_id"] != order["dealership_id"]
        ) and self.history.is_revived(order["dealer"], order["key"], order["created"]):
            kind = "given up by the dealer before its backup was restored"
        else:
            return False
        self.verdict.excused.setdefault(kind, []).append(f"{name} {order['name']}")
        return True

    # ------------------------------------------------------------
    # One lead
    # ------------------------------------------------------------

    def judge_lead(self, lead, orders):
        """Compare one lead with the orders that name it."""
        own = [
            order
            for order in orders
            if order["key"] == lead["external_id"]
            and order["dealership_id"] == lead["order_dealership_id"]
        ]
        others = [order for order in orders if order["live"] and order not in own]
        others = [order for order in others if not self.excuse(order, lead)]
        if elsewhere := [
            order for order in others if order["dealership_id"] != lead["order_dealership_id"]
        ]:
            self.find(MISDIRECTED, lead, "live at a dealer that it does not name", elsewhere)
        here = [order for order in others if order not in elsewhere]
        live = [order for order in own if order["live"]]
        if len(live) + len(here) > 1:
            self.find(TWICE, lead, "several live orders", live + here)
        elif here and not (lead["state"] == "sent" and lead["remote_state"] == MISSING):
            self.find(MISDIRECTED, lead, "live under a key that is not its own", here)
        if lead["closed_status"] == "won":
            self.judge_won(lead, own)
        else:
            self.judge_open(lead, own)

    def judge_open(self, lead, own):
        """Judge a lead that is not won: no live order, unless its row says that there is one."""
        live = [order for order in own if order["live"]]
        if not live:
            return
        if lead["state"] == "sent":
            if lead["remote_state"] in (MISSING, CANCELLED):
                self.find(DIFFERING, lead, "told as gone, and is there", live)
            else:
                self.say("reopened, and still at the dealer", lead["name"])
                self.compare_shown(lead, live[0])
        elif lead["possibly_sent"]:
            self.say("taken back, and may be at the dealer", lead["name"])
        elif not self.excuse(live[0], lead):
            self.find(MISDIRECTED, lead, "live, while it is told as not there", live)

    def judge_won(self, lead, own):
        """Judge a won lead: exactly one live order with its content, or it is said why not."""
        live = [order for order in own if order["live"]]
        if lead["state"] == "failed":
            self.say(f"failed: {lead['error_code']}", lead["name"])
            known = lead["possibly_sent"] or lead["error_code"] == "order_conflict"
            if live and not known and not self.excuse(live[0], lead):
                self.find(MISDIRECTED, lead, "refused, as it is told, and there", live)
        elif lead["state"] != "sent":
            self.find(LOST, lead, f"won, and not sent: {lead['error']}", own)
        elif lead["dealership_id"] != lead["order_dealership_id"]:
            self.find(MISDIRECTED, lead, "sent to another dealership than the lead's", own)
        elif lead["remote_state"] == MISSING:
            if live:
                self.find(DIFFERING, lead, "told as missing, and is there", live)
            else:
                self.say("missing", lead["name"])
        elif not own:
            self.find(LOST, lead, "told as sent, and not there")
        elif lead["remote_id"] != own[0]["id"]:
            self.find(MISDIRECTED, lead, "its link leads to another order", own)
        elif not live:
            if lead["remote_state"] == CANCELLED:
                self.say("cancelled by the dealer", lead["name"])
            else:
                self.find(LOST, lead, "cancelled by the dealer, and not said", own)
        else:
            self.compare_shown(lead, live[0])
            self.compare_lead(lead, live[0])

    def judge_left(self, name, orders):
        """Judge orders whose lead is no more: deleted, or of a time that was forgotten."""
        for order in orders:
            if order["live"] and not self.excuse(order):
                what = "deleted" if name in self.history.deleted else "unknown"
                self.verdict.findings.append(
                    (
                        MISDIRECTED,
                        f"{name}: live at {order['dealer']}, {order['name']} (id {order['id']},"
                        f" {order['key']}, of {order['create_date']}), of a lead that is {what}",
                    )
                )

    # ------------------------------------------------------------
    # Content
    # ------------------------------------------------------------

    def remarks_of(self, lead):
        """Return the codes of the remarks that the row has."""
        return {code for code, _details in lead["remarks"] or ()}

    def compare_shown(self, lead, order):
        """Compare the content that the row shows with that of the order."""
        payload, remarks = lead["payload"], self.remarks_of(lead)
        shown, there = shown_units(payload), units(order["lines"])
        if shown != there:
            if remarks.intersection(UNITS_REMARKS):
                self.say("units differ from those shown", lead["name"])
            else:
                self.find(DIFFERING, lead, f"shows {shown}, there are {there}", [order])
        email = (payload["customer"]["values"].get("email") or "").lower()
        if email != (order["email"] or ""):
            if remarks.intersection(CUSTOMER_REMARKS):
                self.say("customer differs from the one shown", lead["name"])
            else:
                self.find(MISDIRECTED, lead, f"for {order['email']} instead of {email}", [order])
        reference = payload["values"].get("client_order_ref")
        if not reference == order["reference"] == f"BPO-{lead['id']:05}":
            text = f"reference {order['reference']}, shown as {reference}"
            self.find(DIFFERING, lead, text, [order])

    def compare_lead(self, lead, order):
        """Compare what a won lead says with its order."""
        wanted, there = units(lead["lines"]), units(order["lines"])
        # remarks of an earlier time say nothing of what was won since
        sent, won = moment_of(lead["sent_date"]), moment_of(lead["date_closed"])
        fresh = self.remarks_of(lead) if sent and won and sent >= won else set()
        if wanted != there:
            if (
                fresh.intersection(UNITS_REMARKS)
                or self.chatter_says_units(lead, wanted, there)
                or self.chatter_says_amounts(lead, wanted, there)
                or self.chatter_says(lead, LINES_DIFFER, since_won=True)
            ):
                self.say("other units than the lead's", lead["name"])
            else:
                self.find(DIFFERING, lead, f"lead: {wanted}, there: {there}", [order])
        if lead["email"] != order["email"]:
            names = (lead["customer"], order["customer"])
            if fresh.intersection(CUSTOMER_REMARKS) or self.chatter_says(lead, names):
                self.say("another customer than the lead's", lead["name"])
            else:
                text = f"customer {lead['email']}, there: {order['email']}"
                self.find(DIFFERING, lead, text, [order])

    def texts_of(self, lead, since_won=False):
        """Return what chatter says of a lead; of one that is won, since that if asked for."""
        won = f"(SELECT date_closed FROM crm_lead WHERE id = {lead['id']})"
        since = f" AND date >= {won}" if since_won else ""
        rows = self.office.select(
            "SELECT body FROM mail_message WHERE model = 'crm.lead'"
            f" AND res_id = {lead['id']}{since} ORDER BY id"
        )
        return [plain_text(row["body"]) for row in rows if row["body"]]

    def chatter_says(self, lead, words, since_won=False):
        """Tell whether one message has all these words."""
        texts = self.texts_of(lead, since_won)
        return any(all(word and word in text for word in words) for text in texts)

    def chatter_says_units(self, lead, wanted, there):
        """Tell whether one message names the units of the lead and of the order, as they are."""
        for text in self.texts_of(lead):
            has, _says, says = text.partition("says:")
            if all(self.has_unit(says, unit) for unit in wanted):
                if all(self.has_unit(has, unit) for unit in there):
                    return True
        return False

    def chatter_says_amounts(self, lead, wanted, there):
        """Tell whether messages since the lead was won last say what both come to.

        That they are not the same is then known; which units are others, a person looks up. The
        lead's may be said by its units.
        """
        amounts = [f"{sum(unit[1] * unit[2] for unit in each):.2f}" for each in (wanted, there)]
        if not self.chatter_says(lead, (f"comes to {amounts[1]} ",), since_won=True):
            return False
        return self.chatter_says(lead, (f"sent with {amounts[0]} ",), since_won=True) or any(
            all(self.has_unit(text.partition("lead says:")[2], unit) for unit in wanted)
            for text in self.texts_of(lead, since_won=True)
        )

    @staticmethod
    def has_unit(text, unit):
        """Tell whether a text names a unit: quantity, code and price."""
        code, quantity, price, *_discount = unit
        pattern = rf"(?<![\d.]){quantity:g} × [^;]*\({re.escape(code)}\) at [^;]*{price:,.2f}"
        return bool(re.search(pattern, text))
