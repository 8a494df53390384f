"""Where models come from and live: every side effect of the playground is in here."""
