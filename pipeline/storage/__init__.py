"""Where artifacts lie: on this machine or in a store."""
