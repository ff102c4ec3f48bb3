"""Job queues side by side: what `jobs/run` is made of."""
