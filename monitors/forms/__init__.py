"""What people type into the pages. The rules are those of `monitors.validation`, as everywhere."""
