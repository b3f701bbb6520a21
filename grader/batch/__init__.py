"""A whole class: every submission of a folder graded, kept, and summed up."""
