"""What the monitor costs and how punctual it is, measured on the real stack. See README.md."""
