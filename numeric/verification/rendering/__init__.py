"""What a person sees of a report: plain text, a rich terminal, HTML and Markdown, all from one :class:`View`."""
