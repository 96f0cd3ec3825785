# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""System parameters, as the addon reads them."""


def read_count(env, key, default, most):
    """Return the whole number that a system parameter holds, within its bounds.

    :param int default: where the parameter is missing, or was written past its checks
        (``ir_config_parameter.py``) and is no number
    :param int most: more counts as so many; less than 0 as 0
    """
    value = env["ir.config_parameter"].sudo().get_param(key, default)
    try:
        return min(max(int(value), 0), most)
    except ValueError:
        return default
