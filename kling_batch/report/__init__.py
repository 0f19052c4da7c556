"""What people see: plans, progress and summaries as text. Pure."""
