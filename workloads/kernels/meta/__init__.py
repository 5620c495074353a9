"""Learning to learn, and learning against something."""
