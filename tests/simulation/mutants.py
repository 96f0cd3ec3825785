# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Deliberate defects, one at a time: is the simulation able to find them?

Each replaces text of a source file as it is imported; the checkout is left alone. A text that is
not found exactly once is an error: the mutant has to follow the source.
"""

from dataclasses import dataclass

ORDERS = "dealer_api/orders.py"
LOADER = "dealer_api/loader.py"
CUSTOMERS = "dealer_api/customers.py"
IDENTITY = "dealer_api/identity.py"
VERIFICATION = "dealer_api/verification.py"
REPLACEMENT = "dealer_api/replacement.py"
SENDING = "dealer_api/sending.py"
LOOKING = "dealer_api/looking.py"
PRODUCTS = "dealer_api/products.py"
READING_BACK = "dealer_api/reading_back.py"
ERRORS = "dealer_api/errors.py"
TALKS = "models/engine/dealer_talks.py"
PUSH = "models/order/bpo_dealer_order_push.py"
QUEUE = "models/order/bpo_dealer_order_queue.py"
REMOTE = "models/order/bpo_dealer_order_remote.py"
SURVEY = "models/order/bpo_dealer_order_survey.py"
NOTIFY = "models/order/bpo_dealer_order_notify.py"
HEAL = "models/order/bpo_dealer_order_heal.py"
BROKEN_OFF = "models/order/bpo_dealer_order_broken_off.py"
CONNECTION_TALKS = "models/connection/bpo_dealer_connection_talks.py"
API_KEY = "models/connection/bpo_api_key.py"
LEAD = "models/lead/crm_lead_dealer_order.py"
MERGE = "models/lead/crm_lead_merge.py"
LINE = "models/lead/bpo_lead_line.py"


@dataclass(frozen=True)
class Mutant:
    """A defect.

    :ivar breaks: what it breaks, in words
    :ivar replacements: ``{file: [(old text, new text)]}``
    """

    breaks: str
    replacements: dict


def _one(breaks, file, *pairs):
    return Mutant(breaks, {file: [pairs[i : i + 2] for i in range(0, len(pairs), 2)]})


_UNIQUE_KEY = (
    "        head = [order.external_id, sending.partner_id]\n",
    '        head = [f"{order.external_id}_x{self.session.started:%H%M%S}", sending.partner_id]\n',
)

_OTHER_ORDER_UNSAID = ("if self.remote_id and seen.id != self.remote_id:", "if False:")
_TRIED_SINCE_NOW = (
    "if result.made and self.first_attempt and result.made < self.first_attempt:",
    "if False:",
)
# Whose contact an order is for was not read of one that was asked for: both keep that promise.
_FOUND_ONLY = ("if (sending.known or sending.content == NEW)", "if sending.known")

MUTANTS = {
    # -- exactly once ------------------------------------------------------
    "search-then-create": _one(
        "the dealer is searched for the reference; what is not found is created under a new key",
        ORDERS,
        *_UNIQUE_KEY,
        "        records = [self._load_record(sending, lacking, lacking_lines) for sending in"
        " sendings]\n",
        "        found = {\n"
        '            each["client_order_ref"]: each["id"]\n'
        "            for each in self.session.search_read(\n"
        "                ORDER_MODEL,\n"
        '                [("client_order_ref", "in", [s.order.reference for s in sendings])],\n'
        '                ["client_order_ref"],\n'
        "            )\n"
        "        }\n"
        "        for sending in sendings:\n"
        "            if sending.order.reference in found:\n"
        "                remote_id = found[sending.order.reference]\n"
        '                sending.result = OrderResult(SENT, "order_sent", remote_id=remote_id)\n'
        "        sendings = self.open\n"
        "        if not sendings:\n"
        "            return\n"
        "        records = [self._load_record(sending, lacking, lacking_lines) for sending in"
        " sendings]\n",
    ),
    "key-of-each-attempt": _one(
        "each attempt sends the order under a key of its own", ORDERS, *_UNIQUE_KEY
    ),
    "key-without-digest": _one(
        "the key is made of the lead's id alone, which comes again after a backup was restored",
        LEAD,
        'return f"lead_{self.id}_{digest}"',
        'return f"lead_{self.id}"',
    ),
    "key-again-taken-for-sent": Mutant(
        "first release: an id that comes again is taken for an order that was sent",
        {
            LEAD: [('return f"lead_{self.id}_{digest}"', 'return f"lead_{self.id}"')],
            VERIFICATION: [
                (
                    "            (anothers if self.is_anothers(*pair) else ours).append(pair)\n",
                    "            ours.append(pair)\n",
                )
            ],
        },
    ),
    "no-verification": _one(
        "what came back is not looked at: whose it is",
        VERIFICATION,
        "            (anothers if self.is_anothers(*pair) else ours).append(pair)\n",
        "            ours.append(pair)\n",
    ),
    "conflict-at-once": _one(
        "a dealer's backup, restored in the midst of a talk, makes an order one in conflict",
        VERIFICATION,
        "            if ids.get(sending.order.external_id) == remote.id:\n",
        "            if True:\n",
    ),
    "load-overwrites": _one(
        "an order that is there is written over by what is sent again",
        LOADER,
        'LOAD_CONTEXT = {"mode": "update", "noupdate": True}',
        'LOAD_CONTEXT = {"mode": "update"}',
    ),
    "renew-under-next-key": _one(
        "a retried order goes under the next key always",
        QUEUE,
        "            content.external_id = order.external_id\n            if order.error_code ==",
        "            content.external_id = next_external_id(order.external_id)\n"
        '            order.write({"external_id": content.external_id, "possibly_sent": False})\n'
        "            if order.error_code ==",
    ),
    "sent-is-renewed": _one(
        "a sent order whose lead is won again takes a new snapshot, and the dealer is not asked",
        QUEUE,
        'again = known.filtered(lambda order: order.state != "sent")\n',
        'again = known.filtered(lambda order: order.state != "pending")\n',
    ),
    # -- marks -------------------------------------------------------------
    "no-mark": _one(
        "orders are not marked before the dealer is asked",
        TALKS,
        'vals = {"possibly_sent": True, "attempt_count"',
        'vals = {"attempt_count"',
    ),
    "unmark-always": _one(
        "the mark is taken back after every talk without an answer",
        TALKS,
        "        if not error.request_sent:\n            self.unmark(orders)",
        "        self.unmark(orders)",
    ),
    "uncertain-is-certain": _one(
        "an error in the midst of loading counts as 'nothing was created'",
        ORDERS,
        "error.request_sent = push.uncertain",
        "error.request_sent = False",
    ),
    "failed-is-certain": _one(
        "a refusal clears the mark of an earlier attempt",
        PUSH,
        'order.write({"possibly_sent": marks[order.id]})',
        'order.write({"possibly_sent": False})',
    ),
    "withdrawn-is-certain": _one(
        "an order that is taken back loses its mark",
        QUEUE,
        'waiting.write({"state": "cancelled", "error": False, "next_attempt": False})',
        'waiting.write({"state": "cancelled", "error": False, "next_attempt": False,'
        ' "possibly_sent": False})',
    ),
    "anothers-mark-taken-back": _one(
        "a talk that ends takes back the mark that another worker has set since",
        TALKS,
        "                self.marks[order.id] = True\n",
        "                pass\n",
        "            if order.attempt_count == self.attempts[order.id]:\n"
        "                order.possibly_sent =",
        "            if True:\n                order.possibly_sent =",
    ),
    "anothers-mark-unnoticed": _one(
        "a refusal takes back the mark that another worker has set since",
        TALKS,
        "                self.marks[order.id] = True\n",
        "                pass\n",
    ),
    "written-before-sent": _one(
        "orders are written as sent before they are",
        TALKS,
        "        self.collect(orders)\n        return bool(orders)",
        '        self.collect(orders)\n        orders.write({"state": "sent", "sent_date":'
        " fields.Datetime.now()})\n        return bool(orders)",
    ),
    # -- locks -------------------------------------------------------------
    "no-talk-lock": _one(
        "two talks with one dealer go on at a time",
        CONNECTION_TALKS,
        "[[locked]] = self.env.execute_query(query)",
        "[[locked]] = [[True]]",
    ),
    "no-row-lock": _one(
        "an order can be taken back while it is being sent",
        TALKS,
        "        return orders.try_lock_for_update(allow_referencing=True)\n",
        "        return orders.exists()\n",
    ),
    # -- what is sent ------------------------------------------------------
    "replacement-unasked": _one(
        "what is wanted by now is sent without asking what the dealer has",
        TALKS,
        "content.replacement = Order.from_payload(order.payload_wanted)",
        "content = Order.from_payload(order.payload_wanted)",
    ),
    "won-again-between-mark-and-talk": _one(
        "a lead that is won again between mark and talk is sent with its old content",
        TALKS,
        "bool(self.marks[order.id] or order.payload_wanted)",
        "bool(self.marks[order.id])",
    ),
    "won-again-while-answer-waits": _one(
        "a lead that is won again while the answer waits stays as it was sent",
        TALKS,
        "        orders._write_newer(newer)\n",
        "",
    ),
    "cancelled-not-renewed": _one(
        "an order that the dealer has cancelled is taken for the order",
        REPLACEMENT,
        "[key for key in readable if found[key][1].state != CANCELLED]",
        "readable",
    ),
    "earlier-keys-ignored": _one(
        "Send Again looks at the present key only, not at those before",
        REPLACEMENT,
        "return [*keys[own:], *keys[:own]]",
        "return keys[own:]",
    ),
    "adopted-as-wanted": _one(
        "first release: an order that is there is shown with the other content",
        REPLACEMENT,
        "sending.adopt(key, remote_id, NEW if is_new else OLD)",
        "sending.adopt(key, remote_id, NEW)",
    ),
    "customer-not-compared": Mutant(
        "where only the customer changed, the order is shown as the new customer's",
        {
            VERIFICATION: [
                (
                    "        if is_same_customer(order.customer, wanted.customer):\n"
                    "            return True\n",
                    "        if order.customer:\n            return True\n",
                )
            ],
            READING_BACK: [_FOUND_ONLY],
        },
    ),
    "name-proves-customer": Mutant(
        "an order is taken for the new customer's where its contact has that one's name",
        {
            VERIFICATION: [("return is_theirs and _is_name_of(", "return _is_name_of(")],
            READING_BACK: [_FOUND_ONLY],
        },
    ),
    "later-keys-ignored": _one(
        "an order that was cancelled, and sent anew before our restore, is shown as cancelled",
        LOOKING,
        "    keys = later_external_ids(external_id)\n",
        "    keys = ()\n",
    ),
    "later-keys-of-missing-ignored": _one(
        "an order that was cancelled and deleted, and sent anew before our restore, is missing",
        LOOKING,
        "    if external_id not in ids:\n        return True\n    remote =",
        "    if external_id not in ids:\n        return False\n    remote =",
    ),
    "hidden-before-last": _one(
        "a hidden order is taken for ours though another one was sent after it",
        REPLACEMENT,
        "last = max(ours, key=lambda key: len(earlier_external_ids(key)), default=None)",
        "last = next((key for key in ours if key not in readable), None)",
    ),
    "withdrawn-merged": _one(
        "a merge gives a lead the key of another one's order that was withdrawn",
        MERGE,
        'lambda order: order.state != "cancelled" or order.possibly_sent or order.remote_id',
        "lambda order: True",
    ),
    "lines-not-sent": _one(
        "of several lines only the first is sent",
        ORDERS,
        "        for line in order.lines:\n            product_column",
        "        for line in order.lines[:1]:\n            product_column",
    ),
    "product-not-proved": _one(
        "a product that is remembered goes by its id, whatever has its code by now",
        PRODUCTS,
        '            return "product_id", f"[{code}]"\n',
        '            return "product_id/.id", self[code][0]\n',
    ),
    # -- what is said ------------------------------------------------------
    "amounts-unsaid": _one(
        "first release: a price list of the dealer changes the price in silence",
        VERIFICATION,
        "        code = self._difference(order, remote)\n",
        "        code = None\n",
    ),
    "lines-differ-unsaid": _one(
        "other units of the same total are adopted in silence",
        VERIFICATION,
        '            sending.note("lines_differ")\n',
        "            pass\n",
    ),
    "tax-hides-lines": _one(
        "other units are adopted in silence where the dealer's prices include the tax",
        VERIFICATION,
        'if code != "amount_differs" and self',
        "if not code and self",
    ),
    "lines-unread-unsaid": _one(
        "that nobody could read the lines of an order that was there is not said",
        READING_BACK,
        '                sending.note("lines_unreadable_now")',
        "                pass",
    ),
    "uncompared-unsaid": _one(
        "that nobody could compare the lines of an order that was there is not said",
        READING_BACK,
        "if remote.id in doubtful and not verifier.is_compared(sending, lines.get(remote.id)):",
        "if remote.id in doubtful.difference(lines):",
    ),
    "other-order-unsaid": _one(
        "another order in an order's place is shown as it, in silence",
        SURVEY,
        *_OTHER_ORDER_UNSAID,
    ),
    "tried-since-now": _one(
        "an order that was taken over counts as tried since then: the next look calls it another's",
        PUSH,
        *_TRIED_SINCE_NOW,
    ),
    "younger-not-doubted": _one(
        "an order that was there a moment before is taken for the one that is sent",
        VERIFICATION,
        "sending.is_doubtful |= self._is_older(remote, self.session.started, SMALL_TOLERANCE)",
        "sending.is_doubtful |= False",
    ),
    "came-back-unsaid": Mutant(
        "that an order came back with a backup, under an earlier key, is not said",
        {
            LOOKING: [
                (
                    '        sending.note("order_came_back", name=remote.name or str(remote.id))\n',
                    "",
                )
            ],
            SURVEY: [_OTHER_ORDER_UNSAID],
        },
    ),
    "survey-not-compared": _one(
        "the daily look takes over an order under an earlier key without comparing it",
        SURVEY,
        "        return bool(look.external_id) or (",
        "        return False and (",
    ),
    "name-proves-contact": _one(
        "an order that is found when it is refused is taken for a namesake's",
        READING_BACK,
        "        self._note_contacts(pairs)\n",
        "",
    ),
    "name-within-name": _one(
        "a customer's name is found within another contact's, and the difference is not said",
        IDENTITY,
        r'words = rf"(?<!\w){re.escape(str(name).strip())}(?!\w)"',
        "words = re.escape(str(name).strip())",
    ),
    "alike-by-id-only": Mutant(
        "an order that was taken over under a key of the first release is called another one later",
        {
            VERIFICATION: [
                (
                    "        is_known = sending.partner_id or (\n"
                    '            remote.partner_name and sending.sent.customer.values.get("name")\n'
                    "        )\n",
                    "        is_known = sending.partner_id\n",
                )
            ],
            PUSH: [_TRIED_SINCE_NOW],
        },
    ),
    "contact-unread-taken": _one(
        "an order goes to a contact that cannot be read for a moment, and was archived",
        CUSTOMERS,
        '        if fault.kind != "access":\n            raise\n        return {}',
        "        return {}",
    ),
    "customer-unread-unsaid": _one(
        "that nobody could read the contact under a customer's key is not said",
        CUSTOMERS,
        '        notes.append(("customer_unreadable", {"partner_id": self.result.record_id}))\n',
        "",
    ),
    "same-customer-enough": _one(
        "what is read under an id is taken for the order if it is the same customer's",
        VERIFICATION,
        "        ours = self._leave_moved(ours)\n",
        "",
    ),
    "later-hidden-ignored": _one(
        "an order that was sent anew before our restore, and is hidden, is not shown",
        LOOKING,
        "        if not found and (look := look_by_hidden_later(key, ids, remotes)):\n",
        "        if False:\n",
    ),
    "one-unread-spoils-all": _one(
        "one contact that may not be read keeps the others from being checked",
        CUSTOMERS,
        '        if fault.kind != "access" or len(ids) == 1:\n            raise\n',
        "        raise\n",
    ),
    "name-of-found-unsaid": _one(
        "of an order that was found there the contact's other name is not said",
        VERIFICATION,
        "        sending.notes += contact.notes_for(customer)\n",
        "        pass\n",
    ),
    "renewed-not-looked-for": _one(
        "an order in doubt is sent again though it was sent anew under a later key",
        ORDERS,
        "((replaced, replacements.run), (alone, renew))",
        "((replaced, replacements.run),)",
    ),
    "unread-remark-kept": _one(
        "that an order could not be read is said for ever",
        REMOTE,
        "order._get_remarks_once_read(look)",
        "order.remarks",
    ),
    "hidden-unread": _one(
        "first release: an order that could not be read is said to be another's",
        READING_BACK,
        '            for sending in sent:\n                sending.note("name_unreadable_now")',
        '            for sending in sent:\n                sending.note("name_unknown")',
    ),
    "mail-twice": _one(
        "the e-mail goes out twice",
        NOTIFY,
        "template.sudo().send_mail_batch(addressed.ids, force_send=False)",
        "template.sudo().send_mail_batch(addressed.ids * 2, force_send=False)",
    ),
    "written-by-two": _one(
        "an answer that another worker has found and written meanwhile is written once more",
        TALKS,
        "        answers = {order: each for order, each in answers.items() if order.state != "
        '"sent"}\n',
        "",
    ),
    "no-reason": _one(
        "a failed order has no reason",
        HEAL,
        '            "error": self._translate_result(result),\n            "error_code"',
        '            "error": False,\n            "error_code"',
    ),
    # -- customers ---------------------------------------------------------
    "customers-without-key": _one(
        "new customers have no key: each attempt makes another contact",
        CUSTOMERS,
        'columns, row = ["id"], [group.key]',
        'columns, row = ["id"], [f"{group.key}_x{self.session.started:%H%M%S}"]',
    ),
    "short-phones": _one(
        "first release: customers are found by a phone that is none",
        IDENTITY,
        "PHONE_DIGITS = 7\n",
        "PHONE_DIGITS = 3\n",
        "if len(digits) < PHONE_DIGITS or len(set(digits)) == 1:",
        "if len(digits) < PHONE_DIGITS:",
    ),
    "archived-contacts": _one(
        "first release: orders go to contacts that the dealer has archived",
        CUSTOMERS,
        "return self.active and self.is_of(customer)",
        "return self.is_of(customer)",
    ),
    "customers-joined-across": _one(
        "customers of one batch are joined across two others",
        CUSTOMERS,
        "            self._by_key.update(dict.fromkeys(keys, group))\n"
        "        group.customers.append(customer)\n",
        "        self._by_key.update(dict.fromkeys(keys, group))\n"
        "        group.customers.append(customer)\n",
    ),
    "oldest-of-all": _one(
        "every order of a batch goes to the first customer found",
        CUSTOMERS,
        "        match = self._by_email.get(email_of(customer))\n",
        "        match = next(iter(self._by_email.values()), None)\n",
    ),
    # -- what goes wrong ---------------------------------------------------
    "retry-on-refusal": _one(
        "an order that the dealer refuses is tried for ever, and nobody is told",
        ORDERS,
        "            sending.fail(code, message=self.session.transport.clean(result.message))",
        '            sending.settle(RETRY, "order_busy")',
    ),
    "no-smaller-parts": _one(
        "first release: an order that kills the dealer's worker blocks the dealership",
        CONNECTION_TALKS,
        "self.batch_size = max(count // 2, 1)",
        "self.batch_size = 0",
    ),
    "never-given-up": _one(
        "an order that kills the dealer's worker is never given up",
        BROKEN_OFF,
        "if self.crash_count < MAX_BROKEN_OFF or",
        "if self.crash_count or",
    ),
    "all-or-nothing": _one(
        "first release: one answer that our database does not take costs all of the talk",
        PUSH,
        "        if report.error:\n            return False\n        written = postponed = False\n",
        "        return False\n        written = postponed = False\n",
    ),
    "hiccup-pauses": _one(
        "first release: a hiccup of the dealer's database pauses the dealership",
        ERRORS,
        "    remedy = PAUSE_IF_STANDING",
        "    remedy = PAUSE",
    ),
    "backs-off-for-ever": _one(
        "a dealership that failed is left alone for ever",
        CONNECTION_TALKS,
        "        next_attempt = now + delay\n",
        "        next_attempt = now + timedelta(days=9999)\n",
    ),
    # -- where it is -------------------------------------------------------
    "place-not-checked": _one(
        "first release: an order that may be in the dealership's old Odoo goes to its new one",
        REMOTE,
        "return bool(place and place != self.dealership_id._get_place())",
        "return False",
    ),
    "copy-not-checked": _one(
        "first release: a copy of the database sends orders",
        API_KEY,
        'return Domain("key_database_uuid", "in", (False, self._get_database_uuid()))',
        "return Domain([])",
    ),
    "looked-at-by-id": Mutant(
        "sent orders are looked at by their id, which may be a stranger's",
        {
            TALKS: [
                (
                    "            self.contents[order.id].external_id = order.external_id\n",
                    "            self.contents[order.id].external_id = order.external_id\n"
                    "            self.contents[order.id].remote_id = order.remote_id\n",
                )
            ],
            LOOKING: [
                (
                    "ids = find_ids(session, with_earlier_keys(keys))",
                    "ids = {each.external_id: each.remote_id for each in orders if each.remote_id}",
                )
            ],
        },
    ),
    "unseen-is-hidden": _one(
        "an order whose id the dealer does not tell this time is taken for hidden",
        LOOKING,
        "    if is_unseen(order.external_id, ids):\n        return Look(UNSEEN)\n",
        "",
    ),
    "anothers-under-earlier-key": _one(
        "a look takes the order under the first of the earlier keys for ours, whosever it is",
        LOOKING,
        "    keys = reversed(earlier_external_ids(external_id))\n",
        "    keys = earlier_external_ids(external_id)\n",
        "        if remote and not _is_cancelled(remote) and is_ours(remote):\n",
        "        if remote and not _is_cancelled(remote):\n",
    ),
    "dealership-changed": _one(
        "the dealership of a lead can be changed while its order is at the dealer",
        LEAD,
        "lambda lead: lead.dealership_id.id != dealership_id and lead.dealer_order_id._is_live()",
        "lambda lead: False",
    ),
    "missing-not-told": _one(
        "an order that is gone at the dealer goes on being shown",
        REMOTE,
        'vals = {"remote_state": look, "next_attempt": False}',
        'vals = {"next_attempt": False}',
    ),
    "not-taken-back": _one(
        "a waiting order of a lead that leaves Won is sent all the same",
        QUEUE,
        'waiting.write({"state": "cancelled", "error": False, "next_attempt": False})',
        'waiting.write({"error": False, "next_attempt": False})',
    ),
}
