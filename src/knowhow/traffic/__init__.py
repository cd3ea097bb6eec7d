"""Champion and challenger: who answers whom, what came of it, when that is decided, and the guard rails around both."""
