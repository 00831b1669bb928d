"""From a loss and a hand-written gradient to a report: what is checked, on which rung, and what is wrong."""
