"""The supervisors' console: every unit with its verdict, the alerts on top, acknowledged by a person with a name."""
