// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {_t} from "@web/core/l10n/translation";
import {formatFloat} from "@web/views/fields/formatters";

/** Return a share, in percent, as people read it. */
export function formatShare(share) {
    return _t("%s %%", formatFloat(share, {digits: [16, 1]}));
}
