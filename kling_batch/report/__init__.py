"""What people see: plans, states, summaries and the live screen. Pure but for the terminal that is passed in."""
