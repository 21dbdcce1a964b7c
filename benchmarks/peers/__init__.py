"""The peers, each as its own environment runs it. Nothing here imports holdfast."""
