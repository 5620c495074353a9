"""The command line: one verb per file, parsing only; each verb is one call into the API."""
