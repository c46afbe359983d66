"""Small servers that speak the real protocols: Slack's Web API and SMTP. The tests use them too."""
