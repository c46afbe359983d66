"""The CMO contact's pages: no account, no cookie, no script."""
