"""The governor: how much may be done, how fast and at what price, whoever asks for it."""
