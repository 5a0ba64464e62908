"""A child process that does what strangers' bytes or statements ask for, within limits.

``limits`` holds what a call may use and the errors, ``process`` the parent's side, ``serving`` the
child's. What is called, and what its answer means, belongs to the callers: anything that has a name
in a module can be called, a parser on a payload or a query on the published file.
"""
