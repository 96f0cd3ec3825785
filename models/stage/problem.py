# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What stands against a move, in words that know more than a text."""


class Problem(str):
    """What stands against a move, in words.

    :ivar cause: which condition of the stage it comes from: the name of a field, ``condition`` or
        ``limit``; None for all that is no condition of a stage. Those that have one may be passed
        by BPO Managers.
    """

    def __new__(cls, text, *, cause=None):
        problem = super().__new__(cls, text)
        problem.cause = cause
        return problem


class Gap(Problem):
    """A problem, in words, that is solved by giving fields of the record a value.

    :ivar field_names: those fields
    :ivar prompt: the same to somebody who is about to fill them in; unless given, the text itself
    """

    def __new__(cls, text, *field_names, cause=None, prompt=None):
        gap = super().__new__(cls, text, cause=cause)
        gap.field_names = field_names
        gap.prompt = prompt or text
        return gap
