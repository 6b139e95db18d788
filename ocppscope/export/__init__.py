"""What goes out: events and findings in the forms that other tools read."""
