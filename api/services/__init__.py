"""What the doors do: functions of the domain, free of HTTP but for the problems they raise."""
