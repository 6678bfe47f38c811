"""What happens to the real server when something around it breaks: ``make faults``."""
