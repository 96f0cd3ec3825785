# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Every code this package reports, with its sentence in English, once.

This package knows no database and no language. Who does translates ``MESSAGES[code]`` and fills
the translation with ``fill_in``; ``render`` is the same in English.
"""


def _lt(sentence):
    """Mark a sentence for translation: Odoo's export finds the calls by this name."""
    return sentence


MESSAGES = {
    # An error of our own ended the talk. Tried again later.
    "unexpected": _lt(
        "An unexpected error on our side, which an administrator finds in the log. It is tried"
        " again."
    ),
    # The address itself. Nothing was sent.
    "url_missing": _lt("No address is set for the dealer's Odoo."),
    "url_invalid": _lt("The address %(url)s is not a web address. Use https://name-of-the-server."),
    "url_scheme": _lt("The address must start with https:// (or http:// where that is allowed)."),
    "url_https_required": _lt(
        "The address must start with https://. Plain http sends the key readable for anyone"
        " on the way; tick Allow Plain HTTP for this dealership only if you accept that."
    ),
    "url_credentials": _lt("The address must not contain a user name or password."),
    "url_path": _lt("Give only the server's address, without what follows the host name."),
    "address_forbidden": _lt(
        "The address %(host)s leads to %(address)s, which is never allowed for a dealer."
        " Check it for a typing mistake."
    ),
    "address_private": _lt(
        "The address %(host)s leads to %(address)s, inside a private network. An administrator"
        " can allow such addresses: Settings → CRM → BPO CRM, Dealers in Private Networks."
    ),
    # The proxy of our own network, which an administrator looks after. Tried again later.
    "proxy_invalid": _lt(
        "The system parameter bpo_crm.dealer_proxy is not the address of a proxy. An administrator"
        " has to correct it, for example to http://proxy.example.com:3128, or to remove it."
    ),
    "proxy_unreachable": _lt(
        "The proxy %(proxy)s cannot be reached, or gives no proper answer. An administrator has to"
        " look at it (system parameter bpo_crm.dealer_proxy)."
    ),
    "proxy_login": _lt(
        "The proxy %(proxy)s refuses our user or password. An administrator has to correct them"
        " (system parameter bpo_crm.dealer_proxy)."
    ),
    "proxy_refused": _lt(
        "The proxy %(proxy)s makes no connection to %(host)s (HTTP status %(status)s). Is the"
        " dealer's server running, and does the proxy allow it?"
    ),
    # Certificates that somebody entered. Nothing was sent.
    "certificates_private_key": _lt(
        "This holds a private key, which must not leave the dealer's server: whoever has it can"
        " pass for that server. It was not stored; have the dealer replace it. Enter only"
        " certificates, which begin with -----BEGIN CERTIFICATE-----."
    ),
    "certificates_none": _lt(
        "There is no certificate. Paste the text of it, from -----BEGIN CERTIFICATE----- to"
        " -----END CERTIFICATE-----; the dealer's administrator has it."
    ),
    "certificates_other": _lt(
        "Only certificates can be entered here, and this is something else (%(kind)s). They begin"
        " with -----BEGIN CERTIFICATE-----."
    ),
    "certificates_unreadable": _lt(
        "Certificate number %(number)s cannot be read. Copy it again, from -----BEGIN"
        " CERTIFICATE----- to -----END CERTIFICATE-----."
    ),
    "certificates_too_large": _lt(
        "This is longer than the %(limit)s characters that can be entered. The certificate of the"
        " authority that signed the dealer's certificate is enough."
    ),
    # Nobody answered, or not to the end. Tried again later.
    "dns_failed": _lt(
        "The host name %(host)s is not known. Check the address for a typing mistake."
    ),
    "connection_refused": _lt(
        "The server %(host)s refused the connection. Is Odoo running there, on this port?"
    ),
    "connection_failed": _lt(
        "No connection to %(host)s could be made. Is the server running, and does no firewall keep"
        " us out?"
    ),
    "connect_timeout": _lt(
        "The server %(host)s did not accept a connection in time. Is it running, and does no"
        " firewall keep us out?"
    ),
    "answer_timeout": _lt("The server %(host)s did not answer within %(seconds)s seconds."),
    "connection_lost": _lt(
        "The server %(host)s ended the connection before its answer was complete."
    ),
    "session_timeout": _lt("The talk with %(host)s took longer than %(seconds)s seconds in all."),
    "certificate_invalid": _lt(
        "The certificate of %(host)s cannot be trusted: %(reason)s. The dealer has to install"
        " a valid certificate for this name; or, where it is signed by an authority of the dealer's"
        " own, enter the certificate of that authority on the Connection page."
    ),
    "tls_failed": _lt(
        "No secure connection to %(host)s could be made. Does the server speak https on this port?"
    ),
    "server_busy": _lt(
        "The server %(host)s is busy or down for the moment (HTTP status %(status)s)."
    ),
    "too_many_requests": _lt(
        "The server %(host)s asks us to slow down (HTTP status %(status)s). It is left alone for"
        " %(seconds)s seconds, and asked less often after that."
    ),
    "pace_kept": _lt(
        "The pace that is set for this dealership lets no more requests through for the moment."
    ),
    "database_closed": _lt(
        "The dealer's database takes no further connections at the moment. It is tried again."
    ),
    "remote_busy": _lt("The dealer's database was busy with the same records. It is tried again."),
    # An answer, but not one of an Odoo. Tried again later.
    "redirect": _lt(
        "The server sends us on to %(location)s. Enter the final address of the dealer's Odoo."
    ),
    "http_status": _lt(
        "The server %(host)s answered with HTTP status %(status)s instead of data. The dealer finds"
        " the reason in the log of that server."
    ),
    "not_found": _lt(
        "At %(host)s no Odoo answers that other programs may talk to (HTTP status 404). Check the"
        " address, and ask the dealer whether their plan includes the External API."
    ),
    "html_answer": _lt(
        "The server %(host)s answered with a web page instead of data. Is this the address of"
        " an Odoo, and does nothing in front of it ask for a login?"
    ),
    "content_type": _lt(
        "The server %(host)s answered with data of the wrong kind (%(content_type)s)."
    ),
    "too_large": _lt("The answer of %(host)s is larger than the %(limit)s bytes we accept."),
    "bad_encoding": _lt("The answer of %(host)s is packed in a way we do not read (%(encoding)s)."),
    "bad_xml": _lt(
        "The answer of %(host)s cannot be read (no valid XML-RPC). Is this the address of an Odoo?"
    ),
    "bad_json": _lt(
        "The answer of %(host)s cannot be read (no valid JSON). Is this the address of an Odoo?"
    ),
    "dtd_refused": _lt(
        "The answer of %(host)s carries a document type, which we do not accept. Is this the"
        " address of an Odoo?"
    ),
    "unexpected_answer": _lt(
        "The dealer's Odoo gave an answer to %(call)s that makes no sense. Ask the dealer whether"
        " something in front of it, or an addon, changes its answers."
    ),
    "protocol_unavailable": _lt(
        "The dealer's Odoo %(version)s does not offer %(protocol)s, which came with Odoo"
        " %(first_version)s. Set the protocol to automatic or XML-RPC."
    ),
    "remote_error": _lt(
        "The dealer's Odoo reported an error of its own, which its administrator finds in the log"
        " there: %(message)s"
    ),
    # The dealer's Odoo knows us not, or lets us do nothing. Paused until somebody looks.
    "database_unknown": _lt(
        "The dealer's Odoo has no database of the given name, or does not show it at this address."
        " Ask the dealer for the exact name."
    ),
    "login_refused": _lt(
        "The dealer's Odoo refuses the login or its key: wrong, expired or withdrawn. Ask the"
        " dealer for a new API key."
    ),
    "key_invalid": _lt(
        "The API key holds characters that cannot be seen or sent, copied along with it. Enter the"
        " key again."
    ),
    "login_mismatch": _lt(
        "The key belongs to another user of the dealer's Odoo than the given login. Enter the login"
        " of that user, or a key of this one."
    ),
    "access_denied": _lt(
        "The dealer's Odoo denies access to the service user. Ask the dealer whether the user is"
        " still active, and may use the External API."
    ),
    "http_unauthorized": _lt(
        "Something in front of the dealer's Odoo asks for a login of its own (HTTP status"
        " %(status)s). The dealer has to let us pass it."
    ),
    "sales_missing": _lt(
        "The Sales app is not installed in the dealer's Odoo. The dealer has to install it."
    ),
    "right_missing": _lt(
        "The service user lacks a right in the dealer's Odoo on %(model)s, and the dealer has to"
        " give it: %(message)s"
    ),
    # One order the dealer cannot take. To be corrected, then sent again.
    "product_unknown": _lt(
        "The dealer has no product with the Internal Reference %(codes)s. Create it there, correct"
        " the reference here, or have a BPO manager enter the dealer's own code (Dealers, Codes and"
        " Prices)."
    ),
    "product_ambiguous": _lt(
        "The dealer has several products with the Internal Reference %(codes)s. The dealer has"
        " to make it unique."
    ),
    "product_not_saleable": _lt(
        "The dealer's products with the Internal Reference %(codes)s are not for sale there. The"
        " dealer has to allow their sale, or correct the reference here."
    ),
    "product_combo": _lt(
        "At the dealer %(codes)s are combos, whose parts somebody has to choose on the order. Enter"
        " the Internal References of the parts, or have the dealer make it a product of its own."
    ),
    "currency_mismatch": _lt(
        "The order is in %(currency)s, but at the dealer it would be in %(dealer_currency)s. The"
        " dealer has to give this customer, or new ones, a price list in %(currency)s."
    ),
    "order_empty": _lt("The order has no units. Enter them on the lead, then press Retry."),
    "payload_invalid": _lt(
        "The order's data is incomplete (%(message)s). Complete the lead, then press Retry."
    ),
    "customer_taken": _lt(
        "The contacts that the dealer had for this customer, %(dealer_customer)s the last of them,"
        " are archived or have another e-mail and phone by now. The dealer has to restore one."
    ),
    "customer_refused": _lt("The dealer's Odoo refused the customer: %(message)s"),
    "order_refused": _lt("The dealer's Odoo refused the order: %(message)s"),
    "default_unknown": _lt(
        "The dealer's Odoo has nothing called %(value)s, which is this dealership's order default"
        " for %(field)s. Correct it on the dealership's page Order Defaults, or have the dealer"
        " create it; the orders then go by themselves."
    ),
    "default_ambiguous": _lt(
        "The dealer's Odoo has several records called %(value)s, which is this dealership's order"
        " default for %(field)s. Have the dealer rename all but one, or enter another name on the"
        " dealership's page Order Defaults; the orders then go by themselves."
    ),
    "default_hidden": _lt(
        "The service user may not look for %(value)s, this dealership's order default for"
        " %(field)s, in the dealer's Odoo. The dealer has to give it that right: %(message)s"
    ),
    "default_refused": _lt(
        "The dealer's Odoo refuses orders with %(value)s as %(field)s, which is an order default of"
        " this dealership. Correct it on the dealership's page Order Defaults, or have the dealer"
        " give the service user the right that it lacks: %(message)s"
    ),
    # One order that did not get through this time.
    "order_busy": _lt(
        "The dealer's database was busy with the same order at that moment. It is tried again."
    ),
    "order_postponed": _lt("The order was left for the next run."),
    # Success, and remarks on it.
    "order_sent": _lt("The order is in the dealer's Odoo."),
    "customer_ambiguous": _lt(
        "Several contacts of the dealer match the customer (%(matches)s). The order went to the"
        " oldest, number %(partner_id)s."
    ),
    "customer_name_differs": _lt(
        "The order of %(customer)s went to the dealer's contact %(dealer_customer)s (number"
        " %(partner_id)s), who has the same e-mail or phone. Please check that this is the"
        " customer, and ask the dealer to correct the order if it is not."
    ),
    "customer_replaced": _lt(
        "The contact that the dealer had for this customer, %(dealer_customer)s (number"
        " %(partner_id)s), is archived or has another e-mail and phone by now, so a new one was"
        " created. Please tell the dealer."
    ),
    "name_unknown": _lt(
        "The dealer has the order, but the service user may not read it (it was given to another"
        " salesperson), so its name is not known yet."
    ),
    "fields_left_out": _lt(
        "The dealer's Odoo has no such field, or does not show it to the service user, so it was"
        " left out: %(fields)s (%(model)s)."
    ),
    "currency_differs": _lt(
        "At the dealer the order is in %(dealer_currency)s instead of %(currency)s. Please have"
        " its prices checked."
    ),
    "name_unreadable_now": _lt(
        "The dealer has the order, but its number could not be read just now. It is looked up"
        " again later."
    ),
    "lines_unreadable_now": _lt(
        "The dealer has the order, but its lines could not be compared with the lead's units just"
        " now. They are compared later."
    ),
    "customer_unreadable": _lt(
        "The contact that the order went to (number %(partner_id)s) could not be read at the"
        " dealer, so nobody has seen whether it is still the customer's. Please have the dealer"
        " look at it."
    ),
    # The order under our key, looked at.
    "place_changed": _lt(
        "An earlier attempt went to the Odoo that the dealership had before, which may have the"
        " order. A BPO manager has to look there for it: where it is not, Not at the Dealer and"
        " Retry send it to the present one."
    ),
    "order_conflict": _lt(
        "In this order's place the dealer has another one: %(name)s for %(customer)s, reference"
        " %(reference)s. Nothing was sent. A BPO manager has to compare the two, and can then send"
        " this order again."
    ),
    "order_was_there": _lt(
        "The dealer had this very order already, from before our data was restored from a backup."
        " It was not sent a second time."
    ),
    "order_is_older": _lt(
        "The dealer has this order as it was before it was last changed here. Please ask the"
        " dealer to change it, or to cancel it so that it can be sent again."
    ),
    "order_came_back": _lt(
        "The dealer's order %(name)s is of another time, as after a restored backup: its units and"
        " its customer may be those of then. Please compare them with the lead."
    ),
    "order_renewed": _lt(
        "The dealer had cancelled the order %(name)s, so it was sent once more, as a new one."
    ),
    "order_cancelled": _lt(
        "The order is cancelled at the dealer. Please clear up with the dealer whether it is still"
        " wanted."
    ),
    "customer_differs": _lt(
        "At the dealer the order is for %(dealer_customer)s instead of %(customer)s. Please have it"
        " checked, unless the dealer has merged the two contacts."
    ),
    "amount_differs": _lt(
        "The order was sent with %(sent)s %(currency)s before taxes, but at the dealer it comes to"
        " %(dealer_amount)s %(currency)s. Please have its lines, prices and discounts checked."
    ),
    "amount_changed": _lt(
        "The total of the order at the dealer was %(before)s %(currency)s and is %(now)s"
        " %(currency)s by now. Please clear up with the dealer what was changed."
    ),
    "lines_differ": _lt(
        "At the dealer the order has other lines than were sent, though they come to the same"
        " amount. Please have its products, quantities and prices checked."
    ),
    "order_exchanged": _lt(
        "In this order's place the dealer now has another one: %(name)s for %(customer)s, reference"
        " %(reference)s. A BPO manager has to compare the two: if this order is not at the dealer,"
        " Send Again brings it there."
    ),
    "price_includes_tax": _lt(
        "The dealer's prices include the taxes: the %(sent)s %(currency)s of this order are what"
        " the customer pays, and %(dealer_amount)s %(currency)s of them the price before taxes."
    ),
    # Lines of the connection check.
    "check_address_ok": _lt("The server %(host)s answers."),
    "check_certificate_ok": _lt("The certificate is valid."),
    "check_certificate_none": _lt(
        "The connection is not encrypted (http). The key can be read on the way."
    ),
    "check_version_ok": _lt("Odoo %(version)s, spoken to through %(protocol)s."),
    "check_version_unknown": _lt("An Odoo of unknown version, spoken to through %(protocol)s."),
    "check_database_ok": _lt("The database exists."),
    "check_login_ok": _lt("The login and its key are accepted."),
    "check_rights_ok": _lt("The service user may create customers and orders."),
    "check_rights_missing": _lt(
        "The service user may not do all that is needed: %(rights)s. The dealer has to give it"
        " the Sales role (own documents) and the right to create contacts."
    ),
    "check_currency_ok": _lt(
        "Orders go to the dealer's company %(company)s and are in %(currency)s there."
    ),
    "check_currency_none": _lt(
        "Orders go to the dealer's company %(company)s and are in %(dealer_currency)s there."
    ),
    "check_currency_mismatch": _lt(
        "The dealer's company %(company)s works in %(dealer_currency)s, this dealership is set to"
        " %(currency)s. If its leads are in %(dealer_currency)s, set the dealership's currency to"
        " that. If they are in %(currency)s, the dealer needs a price list in %(currency)s that new"
        " customers get, or a service user who belongs to a company in %(currency)s."
    ),
    "check_pricelist_mismatch": _lt(
        "New customers of the dealer's company %(company)s get a price list in"
        " %(dealer_currency)s, while this dealership is set to %(currency)s. The dealer has to put"
        " a price list in %(currency)s first."
    ),
    "check_products_ok": _lt("All %(count)s products exist at the dealer, each once."),
    "check_product_ok": _lt("The product exists at the dealer, once."),
    "check_products_none": _lt("There are no products to look for yet."),
    "check_defaults_ok": _lt("All %(count)s order defaults are known there."),
    "check_default_ok": _lt("The order default is known there."),
    "check_default_field": _lt(
        "Orders of the dealer's Odoo have no field %(field)s, or do not show it to the service"
        " user. They go without this order default."
    ),
    "check_trial_ok": _lt(
        "The dealer's Odoo takes orders: it accepted a customer and an order on trial, and kept"
        " neither."
    ),
    "check_trial_customer_refused": _lt(
        "The dealer's Odoo refused a customer on trial, and would refuse those of real orders, too."
        " The dealer has to change the rule or the required field that it names: %(message)s"
    ),
    "check_trial_order_refused": _lt(
        "The dealer's Odoo refused an order on trial, and would refuse real ones, too. The dealer"
        " has to change the rule or the required field that it names: %(message)s"
    ),
    "check_trial_automations": _lt(
        "No order was created on trial, because automations of the dealer's Odoo could act on it."
        " Whether its own rules take orders shows when the first one is sent."
    ),
    "check_trial_version": _lt(
        "No order was created on trial, because the dealer's Odoo is too old or does not tell its"
        " version. Whether its own rules take orders shows when the first one is sent."
    ),
    "check_trial_kept": _lt(
        "The dealer's Odoo kept what was created on trial (%(model)s, named Connection test)."
        " Please ask the dealer to delete it."
    ),
    "check_not_reached": _lt("Not checked, because an earlier step failed."),
}


def render(code, details=None):
    """Return the English sentence of a message; never raise.

    A protocol or a check step of another addon may report codes that are not in ``MESSAGES``:
    the sentence then is ``details["text"]``, else ``details["message"]``, else the code. A
    sentence that the details do not fit is returned as it is.
    """
    details = details or {}
    if code not in MESSAGES:
        return str(details.get("text") or details.get("message") or code)
    try:
        return fill_in(MESSAGES[code], details)
    except (KeyError, TypeError, ValueError):
        return MESSAGES[code]


def fill_in(template, details=None):
    """Return a template of ``MESSAGES``, or a translation of it, filled in; lists written out.

    :raise KeyError, TypeError, ValueError: the details do not fit the template (a translation
        with another placeholder, stored details of an earlier release)
    """
    return str(template) % {name: _readable(value) for name, value in (details or {}).items()}


def _readable(value):
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(str(each) for each in value)
    return value
