"""What is promised about speed, measured beside what a user would pick instead."""
