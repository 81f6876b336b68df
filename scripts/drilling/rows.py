"""The rows of the table that a drill ends with."""


class Row:
    """What became of one alert in one incident."""

    def __init__(self, incident, alert):
        self.incident, self.alert = incident, alert
        self.fired_after = self.ended_after = self.summary = None
        self.began = self.undone = None
        self.problem = ""

    def told(self):
        seconds = lambda value: "-" if value is None else f"{value:.1f} s"  # noqa: E731
        state = self.problem or "ok"
        return [self.incident, self.alert, seconds(self.fired_after), seconds(self.ended_after), state]


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
