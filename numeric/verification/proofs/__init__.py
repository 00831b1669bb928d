"""The highest rung: both functions traced, the derivative derived, and the two compared for all shapes and inputs."""
