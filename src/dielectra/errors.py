"""The one exception for input that a user can mend."""


class InputError(ValueError):
    """Input that cannot be used; the message says what was given, what is allowed and how to mend it.

    The command line prints it without a traceback and exits with code 2.
    """
