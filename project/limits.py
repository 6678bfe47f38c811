"""Limits of a request that the server and the app share."""

PAGE_BODY_BYTES = 256 * 1024
"""Longest body of a form; also the longest body that the server receives before a thread takes the request."""
