"""Keys sign: one file a kind of key store; only the app opens one and hands out a Signer."""
