"""One run's folder: what it holds and how it goes on."""
