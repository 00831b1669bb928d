"""Every side of every comparison in the user's code, and every branch: the inputs that lead there."""
